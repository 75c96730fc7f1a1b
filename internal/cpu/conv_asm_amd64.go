//go:build amd64 && !noasm

package cpu

import (
	"unsafe"
)

const convAssembly = true

// convTileFuncs and convDotFuncs hold the kernels for 1, 2, … rows.
var (
	convTileFuncs = [...][9]func(y *float32, yPitch int, a, b *float32, off *int, depth, n int, add bool){
		AVX2:   {1: convTile1AVX2, convTile2AVX2, convTile3AVX2, convTile4AVX2, convTile5AVX2, convTile6AVX2},
		AVX512: {1: convTile1AVX512, convTile2AVX512, convTile3AVX512, convTile4AVX512, convTile5AVX512, convTile6AVX512, convTile7AVX512, convTile8AVX512},
	}
	convDotFuncs = [...][7]func(y *float32, yPitch int, z *float32, zPitch int, b *float32, off *int, taps, n, segments, zSegment, bSegment int){
		AVX2:   {1: convDot1AVX2, convDot2AVX2, convDot3AVX2, convDot4AVX2},
		AVX512: {1: convDot1AVX512, convDot2AVX512, convDot3AVX512, convDot4AVX512, convDot5AVX512, convDot6AVX512},
	}
)

// convTileWidths is how many vectors of positions a call for 1, 2, … rows
// should take: what its registers hold, or several times that where the work
// would be too little for a call.
var convTileWidths = [...][9]int{
	AVX2:   {0, 16, 8, 6, 3, 4, 4},
	AVX512: {0, 16, 8, 6, 6, 4, 4, 3, 3},
}

// vectorBytes returns the size of a vector register.
func vectorBytes() int {
	if active == AVX512 {
		return 64
	}
	return 32
}

func convTileAsm(y []float32, yPitch int, a, b []float32, off []int, m, n int, add bool) {
	v := vectorBytes() / 4
	convTileFuncs[active][m](&y[0], yPitch*4, &a[0], &b[0], unsafe.SliceData(off), len(off), (n+v-1)/v, add)
}

func convDotAsm(y []float32, yPitch int, z []float32, zPitch int, b []float32, off []int, m int, s segments) {
	convDotFuncs[active][m](&y[0], yPitch*4, &z[0], zPitch*4, &b[0], unsafe.SliceData(off), len(off),
		s.len*4/vectorBytes(), s.n, s.z*4, s.b*4)
}

// convRowsAsm copies a grid of unit columns as max(src + bias, floor), with a
// bias for each plane if there are that many, or one for all.
func convRowsAsm(dst, src, bias []float32, floor float32, g *grid) {
	// The ends must lie inside the slices; the kernel doesn't look.
	_ = dst[(g.n-1)*g.dstPlane+(g.rows-1)*g.dstRow+g.cols-1]
	_ = src[(g.n-1)*g.srcPlane+(g.rows-1)*g.srcRow+g.cols-1]
	step := 4
	if len(bias) < g.n {
		step = 0
	}
	kernel := convRowsAVX2
	if active == AVX512 {
		kernel = convRowsAVX512
	}
	per := max(1, (1<<16)/(g.rows*g.cols)) // planes per call, which must stay short
	for i := 0; i < g.n; i += per {
		kernel(&dst[i*g.dstPlane], &src[i*g.srcPlane], min(per, g.n-i), g.rows, g.cols,
			g.dstPlane*4, g.srcPlane*4, g.dstRow*4, g.srcRow*4, &bias[i*step/4], step, floor)
	}
}

// maxPool2Asm pools one plane by 2×2 windows side by side and reports whether
// it has a kernel for that.
func maxPool2Asm(y []float32, index []int32, x []float32, rows, cols, w int) bool {
	if active != AVX512 {
		return false
	}
	maxPool2AVX512(&y[0], unsafe.SliceData(index), &x[0], rows, cols, w)
	return true
}

// maxPool2GradAsm writes the first 2·rows rows and 2·cols columns of dx.
func maxPool2GradAsm(dx, dy []float32, index []int32, rows, cols, w int) bool {
	if active != AVX512 {
		return false
	}
	maxPool2GradAVX512(&dx[0], &dy[0], &index[0], rows, cols, w)
	return true
}

// convStrideAsm copies rows with a distance of two between elements in src
// (every = true) or dst and reports whether it has a kernel for that.
func convStrideAsm(dst, src []float32, rows, cols, dstRow, srcRow int, every bool) bool {
	if active != AVX512 {
		return false
	}
	if every {
		_, _ = dst[(rows-1)*dstRow+cols-1], src[(rows-1)*srcRow+2*cols-2]
		convEvenAVX512(&dst[0], &src[0], rows, cols, dstRow*4, srcRow*4)
	} else {
		_, _ = dst[(rows-1)*dstRow+2*cols-2], src[(rows-1)*srcRow+cols-1]
		convSpreadAVX512(&dst[0], &src[0], rows, cols, dstRow*4, srcRow*4)
	}
	return true
}

// maxPoolRowsAsm pools one plane by windows of any kind with the masks that
// poolMasks made, and reports whether it has a kernel for that.
func maxPoolRowsAsm(s *PoolShape, y []float32, index []int32, x []float32, masks []uint16) bool {
	if active != AVX512 || s.OutW < 4 { // for few lanes plain Go is as fast
		return false
	}
	for oy := range s.OutH {
		y0, y1, iy := poolSpan(oy, s.H, s.KH, s.StrideH, s.DilH, s.PadTop)
		if y0 >= y1 { // only padding
			return false
		}
		for ox := 0; ox < s.OutW; ox += 16 {
			o := oy*s.OutW + ox
			var at *int32
			if index != nil {
				at = &index[o]
			}
			maxPoolRowAVX512(&y[o], at, &x[0], (iy+y0*s.DilH)*s.W+ox*s.StrideW-s.PadLeft, s.StrideW,
				y1-y0, s.KW, s.DilH*s.W, s.DilW, &masks[ox/16*s.KW], 1<<min(16, s.OutW-ox)-1)
		}
	}
	return true
}

// convLanesFuncs holds the kernels for 16 channels, by the positions they take.
var convLanesFuncs = [...]func(dst, b, a *float32, off *int, depth int, bias *float32, floor float32){
	8: convLanes8AVX512, convLanes9AVX512, convLanes10AVX512, convLanes11AVX512, convLanes12AVX512,
}

// convLanes reports that channels in sixteens suit the lanes of vectors better
// than positions do: outputs are narrow and the gaps between their rows wide.
func convLanes(p *convPlan) bool {
	computed := ((p.oh-1)*p.pitch + p.ow + 15) &^ 15
	return active == AVX512 && p.kg%16 == 0 && p.ow >= 8 && p.ow < len(convLanesFuncs) && 5*computed > 6*p.oh*p.ow
}

// zeroLanes is what channels without a bias add, only read. A local array would escape through the table of kernels: an allocation a call.
var zeroLanes [16]float32

// convLanesAsm computes rows [oy, oy+rows) of channels outputs of one group, to
// y, from planes b. buf holds 16 channels of them and 16 positions more.
func convLanesAsm(p *convPlan, y, buf, a, b, bias []float32, off []int, act Act, oy, rows, channels int) {
	kernel, floor := convLanesFuncs[p.ow], act.floor()
	for c := 0; c < channels; c += 16 {
		add := &zeroLanes[0]
		if bias != nil {
			add = &bias[c]
		}
		for r := range rows {
			kernel(&buf[r*p.ow*16], &b[r*p.pitch], &a[c*len(off)], &off[0], len(off), add, floor)
		}
		winoStoreAVX512(&y[c*p.oh*p.ow+oy*p.ow], &buf[0], rows, p.ow, p.ow*4, p.ow*64, p.oh*p.ow*4)
	}
}
