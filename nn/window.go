package nn

import "github.com/gradus-ml/gradus/tensor"

// Window says how a convolution or a pooling moves along one axis, and answers what follows from that (Dumoulin and Visin, "A guide to
// convolution arithmetic for deep learning", 2016).
type Window struct {
	Kernel   int    // elements of a window
	Stride   int    // from one window to the next; 0 means 1
	Dilation int    // from one element of a window to the next; 0 means 1
	Pad      [2]int // positions in front of the input and behind it that windows may reach into
	Ceil     bool   // round the number of windows up; one that begins behind the input is left out nevertheless
}

func (w Window) stride() int { return max(w.Stride, 1) }

// Reach returns how many positions a window spans: dilation·(kernel − 1) + 1.
func (w Window) Reach() int { return max(w.Dilation, 1)*(w.Kernel-1) + 1 }

// Out returns the size of the output for an input of size in: ⌊(in + padding − reach)/stride⌋ + 1, or 0 if no window fits.
func (w Window) Out(in int) int {
	room := in + w.Pad[0] + w.Pad[1] - w.Reach()
	if w.Ceil {
		room += w.stride() - 1
	}
	if room < 0 {
		return 0
	}
	out := room/w.stride() + 1
	if w.Ceil && (out-1)*w.stride() >= in+w.Pad[0] {
		out--
	}
	return out
}

// TransposedOut returns the size of a transposed convolution's output for an input of size in, of which outputPad are added behind:
// (in − 1)·stride − padding + reach + outputPad. It is the input size for which [Window.Out] gives in.
func (w Window) TransposedOut(in, outputPad int) int {
	return (in-1)*w.stride() - w.Pad[0] - w.Pad[1] + w.Reach() + outputPad
}

// Sees returns the first and the last input position that the outputs from first to last are computed from. They may lie in the padding:
// in front of 0 or behind the input.
func (w Window) Sees(first, last int) (from, to int) {
	return first*w.stride() - w.Pad[0], last*w.stride() - w.Pad[0] + w.Reach() - 1
}

// TransposedSees is [Window.Sees] for a transposed convolution. from is larger than to if nothing reaches these outputs, as with
// strides larger than the kernel.
func (w Window) TransposedSees(first, last int) (from, to int) {
	return -floorDiv(w.Reach()-1-first-w.Pad[0], w.stride()), floorDiv(last+w.Pad[0], w.stride())
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// windows returns one Window for each axis. With same, the padding is what gives the output the input's size at stride 1.
func windows(kernel, stride, dilation, pad []int, same bool) []Window {
	out := make([]Window, len(kernel))
	for i := range out {
		out[i] = Window{Kernel: kernel[i], Stride: stride[i], Dilation: dilation[i], Pad: [2]int{pad[i], pad[i]}}
		if same {
			total := out[i].Reach() - 1
			out[i].Pad = [2]int{total / 2, total - total/2}
		}
	}
	return out
}

// surround returns x with the windows' padding and no padding for the operation, or, for zeros, x itself and the zeros that the operation
// is to add: in front and behind, axis by axis.
func surround(x *tensor.Tensor, mode tensor.PadMode, windows []Window) (*tensor.Tensor, []int) {
	pads := make([]int, 0, 2*len(windows))
	var before, after []int
	for _, w := range windows {
		pads = append(pads, w.Pad[:]...)
		before, after = append(before, w.Pad[0]), append(after, w.Pad[1])
	}
	if mode == tensor.PadConstant {
		return x, pads
	}
	return x.Pad(mode, 0, before, after), make([]int, len(pads))
}

// fill puts both, or fallback if that is 0, where each is 0.
func fill(each []int, both, fallback int) {
	if both == 0 {
		both = fallback
	}
	for i := range each {
		if each[i] == 0 {
			each[i] = both
		}
	}
}
