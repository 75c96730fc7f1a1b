package transforms

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// ColorJitter changes brightness, contrast and saturation by random factors and turns hues by a random shift, in random order. A field
// that is 0 leaves its part alone. Images have 1 channel or 3; colours should lie in 0..1.
type ColorJitter struct {
	Brightness float64 // factors from max(0, 1 − Brightness) to 1 + Brightness; see [AdjustBrightness]
	Contrast   float64 // likewise; see [AdjustContrast]
	Saturation float64 // likewise; see [AdjustSaturation]
	Hue        float64 // shifts from −Hue to Hue, at most 0.5; see [AdjustHue]
}

// Apply implements [Transform].
func (t ColorJitter) Apply(rng *tensor.RNG, s Sample) Sample {
	const op = "ColorJitter"
	s.size(op)
	for _, f := range []float64{t.Brightness, t.Contrast, t.Saturation, t.Hue} {
		checkFactor(op, f)
	}
	if t.Hue > 0.5 {
		tensor.Fail("transforms."+op, "", "hues turn by at most 0.5, half of the circle, got %g", t.Hue)
	}
	p := own(op, s.Image, true)
	order := rng.Perm(4)
	draw := func(amount float64) float32 { return float32(between(rng, math.Max(0, 1-amount), 1+amount)) }
	for _, what := range order {
		switch {
		case what == 0 && t.Brightness > 0:
			p.brightness(draw(t.Brightness))
		case what == 1 && t.Contrast > 0:
			p.contrast(draw(t.Contrast))
		case what == 2 && t.Saturation > 0:
			p.saturation(draw(t.Saturation))
		case what == 3 && t.Hue > 0:
			p.hue(float32(between(rng, -t.Hue, t.Hue)))
		}
	}
	s.Image = p.x
	return s
}

// PCAColor shifts all colours of an image along the directions in which those of a data set vary: by the sum of αᵢ·λᵢ·pᵢ, with λᵢ and
// pᵢ the eigenvalues and eigenvectors of their covariance and αᵢ drawn from a normal distribution (Krizhevsky et al., "ImageNet Classification with
// Deep Convolutional Neural Networks", 2012, section 4.1). [FitPCAColor] measures them. Results aren't clamped.
type PCAColor struct {
	Std     float64       // of αᵢ; 0 means 0.1
	Values  [3]float64    // λᵢ
	Vectors [3][3]float64 // pᵢ = Vectors[i], of length 1
}

// Apply implements [Transform].
func (t PCAColor) Apply(rng *tensor.RNG, s Sample) Sample {
	c, _, _ := s.size("PCAColor")
	if c != 3 {
		tensor.Fail("transforms.PCAColor", "", "expected an image of 3 channels, got %s", tensor.ShapeString(s.Image.Shape()))
	}
	std := t.Std
	if std == 0 {
		std = 0.1
	}
	p := own("PCAColor", s.Image, true)
	alpha := tensor.Data[float64](rng.Normal(tensor.Float64, 0, std, 3))
	for k := range 3 {
		shift := 0.0
		for i, a := range alpha {
			shift += a * t.Values[i] * t.Vectors[i][k]
		}
		cpu.AddScalar(p.plane(k), p.plane(k), float32(shift))
	}
	s.Image = p.x
	return s
}

// FitPCAColor measures the covariance of the colours of all pixels of ds, images (N, 3, H, W), and returns its eigenvalues, the largest
// first, and eigenvectors. Fit it on the training set, or a part of it ([data.Take]).
func FitPCAColor(ds data.Dataset) (PCAColor, error) {
	var n float64
	var mean [3]float64
	var squares [3][3]float64 // sums of products of the distances from mean
	for i := range ds.Len() {
		b, err := ds.Batch(data.Draw{Index: []int{i}})
		if err != nil {
			return PCAColor{}, err
		}
		if b.X.NDim() != 4 || b.X.Size(1) != 3 {
			return PCAColor{}, fmt.Errorf("transforms: expected images (N, 3, H, W) to measure their colours, got %s", tensor.ShapeString(b.X.Shape()))
		}
		v := tensor.ToSlice[float64](b.X)
		each := len(v) / 3
		m := float64(each)
		var sum [3]float64
		var products [3][3]float64
		for k := range each {
			d := [3]float64{v[k] - mean[0], v[each+k] - mean[1], v[2*each+k] - mean[2]} // about the mean so far, lest digits cancel
			for r := range 3 {
				sum[r] += d[r]
				for c := range 3 {
					products[r][c] += d[r] * d[c]
				}
			}
		}
		for r := range 3 {
			for c := range 3 {
				squares[r][c] += products[r][c] - sum[r]*sum[c]/(n+m)
			}
		}
		n += m
		for r := range 3 {
			mean[r] += sum[r] / n
		}
	}
	if n == 0 {
		return PCAColor{}, fmt.Errorf("transforms: an empty data set has no colours to measure")
	}
	for r := range 3 {
		for c := range 3 {
			squares[r][c] /= n
		}
	}
	values, vectors := eigen(squares)
	return PCAColor{Values: values, Vectors: vectors}, nil
}

// eigen returns the eigenvalues of the symmetric matrix a, the largest first, and its eigenvectors as rows, by Jacobi's rotations. The
// component of a vector that is largest in magnitude is positive.
func eigen(a [3][3]float64) (values [3]float64, vectors [3][3]float64) {
	v := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} // eigenvectors as columns
	for range 30 {                                      // converges quadratically
		for p := range 2 {
			for q := p + 1; q < 3; q++ {
				if a[p][q] == 0 {
					continue
				}
				sin, cos := math.Sincos(0.5 * math.Atan2(2*a[p][q], a[p][p]-a[q][q]))
				for k := range 3 {
					a[k][p], a[k][q] = cos*a[k][p]+sin*a[k][q], cos*a[k][q]-sin*a[k][p]
				}
				for k := range 3 {
					a[p][k], a[q][k] = cos*a[p][k]+sin*a[q][k], cos*a[q][k]-sin*a[p][k]
					v[k][p], v[k][q] = cos*v[k][p]+sin*v[k][q], cos*v[k][q]-sin*v[k][p]
				}
			}
		}
	}
	order := [3]int{0, 1, 2}
	for _, s := range [][2]int{{0, 1}, {1, 2}, {0, 1}} {
		if a[order[s[0]]][order[s[0]]] < a[order[s[1]]][order[s[1]]] {
			order[s[0]], order[s[1]] = order[s[1]], order[s[0]]
		}
	}
	for i, o := range order {
		values[i] = a[o][o]
		largest := 0.0
		for k := range 3 {
			vectors[i][k] = v[k][o]
			if math.Abs(v[k][o]) > math.Abs(largest) {
				largest = v[k][o]
			}
		}
		if largest < 0 {
			for k := range 3 {
				vectors[i][k] *= -1
			}
		}
	}
	return values, vectors
}
