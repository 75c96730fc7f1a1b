package cpu

import (
	"github.com/gradus-ml/gradus/internal/mem"
	"github.com/gradus-ml/gradus/internal/par"
)

// Depthwise convolutions, one filter for each channel, have too little work in
// a channel to pay for a task or for setting up its copies: so tasks take
// blocks of channels, and all of a block are copied in, and out, at once.

const (
	depthwiseScratch = 1 << 13 // elements that a block's planes take together: they stay in the first-level cache
	depthwisePlane   = 1 << 11 // elements above which a channel's planes are rather cut into bands
)

// convDepthwise is convForward for one filter to a channel. It reports whether
// the convolution is one that it takes.
func convDepthwise[T Float](p *convPlan, y, x, w, bias []T, act Act) bool {
	if p.Groups == 1 || p.cg != 1 || p.kg != 1 {
		return false
	}
	plane := p.planeLen(p.oh)
	run := (p.oh-1)*p.pitch + p.ow
	outPitch := (run + convSlack) &^ 15
	size := p.planes()*plane + outPitch
	if size > depthwisePlane {
		return false
	}
	block := max(1, depthwiseScratch/size)
	block = min(block, max(1, p.N*p.C/16), p.C) // enough tasks to share
	chunks := (p.C + block - 1) / block
	off := p.offsets(plane)
	par.For(p.N*chunks, max(1, (1<<15)/(block*run*p.taps)), func(lo, hi int) {
		in, inBlock := mem.Scratch[T](block*p.planes()*plane + convSlack)
		defer inBlock.Free()
		clear(in)
		out, outBlock := mem.Scratch[T](block * outPitch)
		defer outBlock.Free()
		for i := lo; i < hi; i++ {
			c := i % chunks * block
			n := min(block, p.C-c)
			at := i/chunks*p.C + c // the first channel among those of all images
			convLoad(p, in, x[at*p.H*p.W:], n, 0, p.oh)
			for k := range n {
				convProduct(out[k*outPitch:], outPitch, w[(c+k)*p.taps:], in[k*p.planes()*plane:], off, 1, run, 1)
			}
			var add []T
			if bias != nil {
				add = bias[c : c+n]
			}
			finishPlanes(y[at*p.oh*p.ow:], out, add, act, grid{
				n: n, rows: p.oh, cols: p.ow,
				dstPlane: p.oh * p.ow, dstRow: p.ow, dstCol: 1,
				srcPlane: outPitch, srcRow: p.pitch, srcCol: 1})
		}
	})
	return true
}

// convDepthwiseGradInput is ConvGradInput for one filter to a channel and
// stride 1: the convolution of dy with the filters turned around.
func convDepthwiseGradInput[T Float](p *convPlan, dx, dy, w []T) bool {
	s := p.ConvShape
	spanH, spanW := (s.KH-1)*s.DilH, (s.KW-1)*s.DilW
	if p.Groups == 1 || p.cg != 1 || p.kg != 1 || s.StrideH != 1 || s.StrideW != 1 ||
		max(s.PadTop, s.PadBottom) > spanH || max(s.PadLeft, s.PadRight) > spanW {
		return false
	}
	turned, block := mem.Scratch[T](len(w))
	defer block.Free()
	for k := range s.K {
		for t := range p.taps {
			turned[k*p.taps+t] = w[(k+1)*p.taps-1-t]
		}
	}
	s.H, s.W = p.oh, p.ow
	s.PadTop, s.PadBottom = spanH-s.PadTop, spanH-s.PadBottom
	s.PadLeft, s.PadRight = spanW-s.PadLeft, spanW-s.PadRight
	return convDepthwise(newConvPlan(s), dx, dy, turned, nil, NoAct)
}
