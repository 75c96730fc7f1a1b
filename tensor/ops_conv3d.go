package tensor

import "slices"

// Convolutions of volumes are made of those of images: each output frame is the convolution of its kernel's frames, stacked as
// channels. That costs one copy of the input for each of the kernel's frames and leaves the work to [Conv2D]; gradients of every
// order follow.

// Conv3DConfig is [Conv2DConfig] for volumes and videos: frames (depth), rows and columns.
type Conv3DConfig struct {
	Stride   [3]int // 0 means 1
	Padding  [6]int // zeros around the input: front, back, top, bottom, left, right
	Dilation [3]int // 0 means 1
	Groups   int    // 0 means 1
}

// depth returns what concerns the frames, with zeros replaced by what they mean, and the rest.
func (cfg Conv3DConfig) depth() (stride, dilation int, image Conv2DConfig) {
	return orOne(cfg.Stride[0]), orOne(cfg.Dilation[0]), Conv2DConfig{
		Stride:   [2]int(cfg.Stride[1:]),
		Padding:  [4]int(cfg.Padding[2:]),
		Dilation: [2]int(cfg.Dilation[1:]),
		Groups:   cfg.Groups,
	}
}

// check rejects what [Conv2D] won't see.
func (cfg Conv3DConfig) check(op string) {
	if stride, dilation, _ := cfg.depth(); stride < 1 || dilation < 1 || min(cfg.Padding[0], cfg.Padding[1]) < 0 {
		Fail(op, "", "strides and dilations must be at least 1 and paddings at least 0, got stride %v, dilation %v, padding %v", cfg.Stride, cfg.Dilation, cfg.Padding)
	}
}

// Conv3D is [Conv2D] for volumes x (N, C, D, H, W), kernels w (out, C/groups, frames, rows, columns) and a bias b (out) or nil. The
// result is (N, out, D', H', W').
func Conv3D(x, w, b *Tensor, cfg Conv3DConfig) *Tensor {
	const op = "conv3d"
	x.alive(op)
	w.alive(op)
	if len(x.shape) != 5 || len(w.shape) != 5 || numel(w.shape) == 0 {
		Fail(op, "", "expected an input of shape (N, C, D, H, W) and a weight of shape (out, in/groups, frames, rows, columns), got %s and %s", x.shapeText(), w.shapeText())
	}
	cfg.check(op)
	stride, dilation, image := cfg.depth()
	taps := w.shape[2]
	reach := (taps-1)*dilation + 1
	length := x.shape[2] + cfg.Padding[0] + cfg.Padding[1]
	if in := w.shape[1] * orOne(cfg.Groups); x.shape[1] != in {
		Fail(op, "", "input %s has %d channels, the weight %s with %d group(s) wants %d", x.shapeText(), x.shape[1], w.shapeText(), orOne(cfg.Groups), in)
	}
	if reach > length || x.shape[2] == 0 {
		Fail(op, "take a smaller kernel or more padding", "the kernel reaches over %d frames, more than the %d of the padded input %s", reach, length, x.shapeText())
	}
	out := (length-reach)/stride + 1
	frames := x.Permute(0, 2, 1, 3, 4) // (N, D, C, H, W)
	if cfg.Padding[0]+cfg.Padding[1] > 0 {
		frames = frames.Pad(PadConstant, 0, []int{cfg.Padding[0], 0, 0, 0}, []int{cfg.Padding[1], 0, 0, 0})
	}
	parts := make([]*Tensor, taps)
	for k := range parts {
		parts[k] = frames.Slice(1, k*dilation, k*dilation+(out-1)*stride+1, stride)
	}
	stacked := parts[0]
	if taps > 1 {
		stacked = Stack(3, parts...) // (N, D', C, taps, H, W)
	}
	y := Conv2D(stacked.Reshape(x.shape[0]*out, x.shape[1]*taps, x.shape[3], x.shape[4]),
		w.Reshape(w.shape[0], w.shape[1]*taps, w.shape[3], w.shape[4]), b, image)
	return y.Reshape(x.shape[0], out, w.shape[0], y.shape[2], y.shape[3]).Permute(0, 2, 1, 3, 4)
}

// ConvTranspose1DConfig is [ConvTranspose2DConfig] for sequences.
type ConvTranspose1DConfig struct {
	Stride        int    // 0 means 1
	Padding       [2]int // cut off the output in front and behind
	OutputPadding int    // added behind, less than the stride
	Dilation      int    // 0 means 1
	Groups        int    // 0 means 1
}

// ConvTranspose1D is [ConvTranspose2D] for sequences x (N, in, L), kernels w (in, out/groups, size) and a bias b (out) or nil. The
// result is (N, out, L').
func ConvTranspose1D(x, w, b *Tensor, cfg ConvTranspose1DConfig) *Tensor {
	const op = "conv_transpose1d"
	w.alive(op)
	if len(w.shape) != 3 {
		Fail(op, "", "expected a weight of shape (in, out/groups, size), got %s", w.shapeText())
	}
	return asImage(op, x, func(x *Tensor) *Tensor {
		return ConvTranspose2D(x, w.Reshape(w.shape[0], w.shape[1], 1, w.shape[2]), b, ConvTranspose2DConfig{
			Stride: [2]int{1, cfg.Stride}, Padding: [4]int{0, 0, cfg.Padding[0], cfg.Padding[1]},
			OutputPadding: [2]int{0, cfg.OutputPadding}, Dilation: [2]int{1, cfg.Dilation}, Groups: cfg.Groups})
	})
}

// ConvTranspose3DConfig is [ConvTranspose2DConfig] for volumes and videos: frames (depth), rows and columns.
type ConvTranspose3DConfig struct {
	Stride        [3]int // 0 means 1
	Padding       [6]int // cut off the output: front, back, top, bottom, left, right
	OutputPadding [3]int // added at the back, bottom and right of the output, less than the stride
	Dilation      [3]int // 0 means 1
	Groups        int    // 0 means 1
}

// ConvTranspose3D is [ConvTranspose2D] for volumes x (N, in, D, H, W), kernels w (in, out/groups, frames, rows, columns) and a bias b
// (out) or nil. The result is (N, out, D', H', W').
func ConvTranspose3D(x, w, b *Tensor, cfg ConvTranspose3DConfig) *Tensor {
	const op = "conv_transpose3d"
	x.alive(op)
	w.alive(op)
	if len(x.shape) != 5 || len(w.shape) != 5 || x.shape[1] != w.shape[0] || numel(w.shape) == 0 {
		Fail(op, "", "expected an input of shape (N, in, D, H, W) and a weight of shape (in, out/groups, frames, rows, columns), got %s and %s", x.shapeText(), w.shapeText())
	}
	same := Conv3DConfig{cfg.Stride, cfg.Padding, cfg.Dilation, cfg.Groups}
	same.check(op)
	stride, dilation, image := same.depth()
	if extra := cfg.OutputPadding[0]; extra < 0 || extra >= stride {
		Fail(op, "", "output padding must be at least 0 and less than the stride %v, got %v", cfg.Stride, cfg.OutputPadding)
	}
	n, d, taps := x.shape[0], x.shape[2], w.shape[2]
	full := (d-1)*stride + dilation*(taps-1) + 1 + cfg.OutputPadding[0]
	front, out := cfg.Padding[0], full-cfg.Padding[0]-cfg.Padding[1]
	if out < 1 {
		Fail(op, "", "padding %v leaves nothing of the output", cfg.Padding)
	}
	// Each frame is spread over the images that it gives to the kernel's frames. Those are added up where they overlap.
	y := ConvTranspose2D(x.Permute(0, 2, 1, 3, 4).Reshape(n*d, x.shape[1], x.shape[3], x.shape[4]),
		w.Reshape(w.shape[0], w.shape[1]*taps, w.shape[3], w.shape[4]), nil, ConvTranspose2DConfig{
			Stride: image.Stride, Padding: image.Padding, OutputPadding: [2]int(cfg.OutputPadding[1:]), Dilation: image.Dilation, Groups: image.Groups})
	channels, h, wd := y.shape[1]/taps, y.shape[2], y.shape[3]
	at := make([]int64, 0, d*taps)
	for i := range d {
		for k := range taps {
			at = append(at, int64(i*stride+k*dilation))
		}
	}
	y = y.Reshape(n, d, channels, taps, h, wd).Permute(0, 2, 1, 3, 4, 5).Reshape(n, channels, d*taps, h, wd)
	y = Zeros(y.dtype, n, channels, full, h, wd).IndexAdd(2, FromSlice(at, len(at)), y).Slice(2, front, front+out, 1)
	if b == nil {
		return y
	}
	b.alive(op)
	if !slices.Equal(b.shape, []int{channels}) {
		Fail(op, "", "expected a bias of shape (%d), one number for each output channel, got %s", channels, b.shapeText())
	}
	return y.Add(b.Reshape(channels, 1, 1, 1))
}
