package explain

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// OcclusionConfig describes [Occlusion].
type OcclusionConfig struct {
	Size   int     // side of the square that covers a part of the image, default a quarter of its shorter side
	Stride int     // from one place to the next, default a quarter of Size, at least 1
	Value  float64 // that pixels get under the square, default 0: the mean of standardised images
}

// Occlusion covers x (C, H, W) with a square at one place after the other and returns how much the probability of a class falls by it, (H, W): for each pixel the mean over
// the squares that cover it (Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014). Negative values mark what
// speaks against the class.
func Occlusion(model nn.Layer, x *tensor.Tensor, class int, cfg OcclusionConfig) *tensor.Tensor {
	const op = "explain.Occlusion"
	image(op, x)
	h, w := x.Size(1), x.Size(2)
	if cfg.Size == 0 {
		cfg.Size = max(1, min(h, w)/4)
	}
	if cfg.Stride == 0 {
		cfg.Stride = max(1, cfg.Size/4)
	}
	if cfg.Size < 1 || cfg.Size > min(h, w) || cfg.Stride < 1 {
		tensor.Fail(op, "", "a square of %d at stride %d doesn't fit an image of %d×%d", cfg.Size, cfg.Stride, h, w)
	}
	probability := func(x *tensor.Tensor) []float64 {
		return tensor.ToSlice[float64](classify(op, nn.Eval(), model, x, class).Softmax(1).Select(1, class))
	}
	x = x.Detach()
	whole := probability(x.Unsqueeze(0))[0]

	var places [][2]int
	for _, top := range steps(h, cfg.Size, cfg.Stride) {
		for _, left := range steps(w, cfg.Size, cfg.Stride) {
			places = append(places, [2]int{top, left})
		}
	}
	sum, count := make([]float64, h*w), make([]float64, h*w)
	const batch = 64
	for from := 0; from < len(places); from += batch {
		some := places[from:min(from+batch, len(places))]
		masks := tensor.Zeros(tensor.Bool, len(some), 1, h, w)
		for i, p := range some {
			masks.Select(0, i).Select(0, 0).Slice(0, p[0], p[0]+cfg.Size, 1).Slice(1, p[1], p[1]+cfg.Size, 1).Fill(1)
		}
		for i, p := range probability(tensor.Where(masks, tensor.Scalar(x.DType(), cfg.Value), x)) {
			for r := some[i][0]; r < some[i][0]+cfg.Size; r++ {
				for c := some[i][1]; c < some[i][1]+cfg.Size; c++ {
					sum[r*w+c] += whole - p
					count[r*w+c]++
				}
			}
		}
	}
	for i := range sum {
		sum[i] /= count[i]
	}
	return tensor.FromSlice(sum, h, w)
}

// steps returns the places of a window of size along n pixels; the last one touches the end.
func steps(n, size, stride int) []int {
	var out []int
	for at := 0; at < n-size; at += stride {
		out = append(out, at)
	}
	return append(out, n-size)
}
