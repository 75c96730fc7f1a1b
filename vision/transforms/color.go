package transforms

import (
	"math"
	"runtime"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// pixels is a copy of an image to be changed in place.
type pixels struct {
	x       *tensor.Tensor
	v       []float32
	c, h, w int
}

// own returns a copy of the image x. It panics if colours are wanted and there are neither one nor three channels.
func own(op string, x *tensor.Tensor, colours bool) pixels {
	c, h, w := imageSize(op, x)
	if colours && c != 1 && c != 3 {
		tensor.Fail("transforms."+op, "", "expected an image of 1 channel (grey) or 3 (red, green, blue), got %s", tensor.ShapeString(x.Shape()))
	}
	x, from := elements[float32](x)
	y := x.NewEmpty(c, h, w)
	v := tensor.MutableData[float32](y)
	copy(v, from)
	runtime.KeepAlive(x)
	return pixels{y, v, c, h, w}
}

// plane returns channel k.
func (p pixels) plane(k int) []float32 { return p.v[k*p.h*p.w:][:p.h*p.w] }

func (p pixels) clamp() { cpu.Clamp(p.v, p.v, 0, 1) }

// gray returns the brightness of each pixel, as ITU-R BT.601 weighs the colours.
func (p pixels) gray() []float32 {
	if p.c == 1 {
		return p.v
	}
	g := tensor.MutableData[float32](p.x.NewEmpty(p.h, p.w))
	cpu.MulScalar(g, p.plane(0), 0.2989)
	cpu.Axpy(g, p.plane(1), 0.587)
	cpu.Axpy(g, p.plane(2), 0.114)
	return g
}

func checkFactor(op string, f float64) {
	if !(f >= 0) || math.IsInf(f, 1) {
		tensor.Fail("transforms."+op, "", "expected a factor of 0 or more, got %g", f)
	}
}

// AdjustBrightness returns the image x (C, H, W) of 1 or 3 channels times factor, clamped to 0..1.
func AdjustBrightness(x *tensor.Tensor, factor float64) *tensor.Tensor {
	checkFactor("AdjustBrightness", factor)
	p := own("AdjustBrightness", x, true)
	p.brightness(float32(factor))
	return p.x
}

func (p pixels) brightness(f float32) {
	cpu.MulScalar(p.v, p.v, f)
	p.clamp()
}

// AdjustContrast returns the image x (C, H, W) of 1 or 3 channels with the distance of each number from the mean brightness
// multiplied by factor, clamped to 0..1.
func AdjustContrast(x *tensor.Tensor, factor float64) *tensor.Tensor {
	checkFactor("AdjustContrast", factor)
	p := own("AdjustContrast", x, true)
	p.contrast(float32(factor))
	return p.x
}

func (p pixels) contrast(f float32) {
	mean := cpu.Sum(p.gray()) / float32(p.h*p.w)
	cpu.Affine(p.v, p.v, f, (1-f)*mean)
	p.clamp()
}

// AdjustSaturation returns the image x (C, H, W) with the distance of each colour from its grey multiplied by factor, clamped to
// 0..1: a factor of 0 leaves greys. An image of 1 channel stays as it is.
func AdjustSaturation(x *tensor.Tensor, factor float64) *tensor.Tensor {
	checkFactor("AdjustSaturation", factor)
	p := own("AdjustSaturation", x, true)
	p.saturation(float32(factor))
	return p.x
}

func (p pixels) saturation(f float32) {
	if p.c == 1 {
		return
	}
	gray := p.gray()
	cpu.MulScalar(gray, gray, 1-f)
	for k := range p.c {
		v := p.plane(k)
		cpu.Axpby(v, gray, 1, f)
	}
	p.clamp()
}

func clamp01(v float32) float32 { return max(0, min(v, 1)) }

// Grayscale returns the brightness of the image x (C, H, W) of 1 or 3 channels in all its channels.
func Grayscale(x *tensor.Tensor) *tensor.Tensor {
	p := own("Grayscale", x, true)
	g := p.gray()
	for k := range p.c {
		copy(p.plane(k), g)
	}
	return p.x
}

// Invert returns 1 − x of the image x (C, H, W).
func Invert(x *tensor.Tensor) *tensor.Tensor {
	p := own("Invert", x, false)
	cpu.Affine(p.v, p.v, -1, 1)
	return p.x
}

// Solarize returns the image x (C, H, W) with all numbers from threshold on inverted, v becoming 1 − v.
func Solarize(x *tensor.Tensor, threshold float64) *tensor.Tensor {
	p := own("Solarize", x, false)
	limit := float32(threshold)
	for i, v := range p.v {
		if v >= limit {
			p.v[i] = 1 - v
		}
	}
	return p.x
}

// Posterize returns the image x (C, H, W) with each number rounded down to one of 2ᵇⁱᵗˢ levels, bits from 0 to 8.
func Posterize(x *tensor.Tensor, bits int) *tensor.Tensor {
	if bits < 0 || bits > 8 {
		tensor.Fail("transforms.Posterize", "", "expected from 0 to 8 bits, got %d", bits)
	}
	p := own("Posterize", x, false)
	levels := float32(int(1) << bits)
	cpu.MulScalar(p.v, p.v, levels)
	for i, v := range p.v {
		p.v[i] = max(0, min(float32(math.Floor(float64(v))), levels-1))
	}
	cpu.MulScalar(p.v, p.v, 1/levels)
	return p.x
}

// Autocontrast returns the image x (C, H, W) of 1 or 3 channels, each stretched to reach from 0 to 1. Those that are flat stay, clamped
// to 0..1.
func Autocontrast(x *tensor.Tensor) *tensor.Tensor {
	p := own("Autocontrast", x, true)
	for k := range p.c {
		v := p.plane(k)
		lo, hi := cpu.Min(v), cpu.Max(v)
		if lo != hi {
			cpu.AddScalar(v, v, -lo)
			cpu.DivScalar(v, v, hi-lo)
		}
	}
	p.clamp()
	return p.x
}

// Equalize returns the image x (C, H, W) with the numbers of each channel spread so that its histogram of 256 bins becomes as flat as
// monotone mapping can make it, as Pillow's equalize does. The result has 256 levels.
func Equalize(x *tensor.Tensor) *tensor.Tensor {
	p := own("Equalize", x, false)
	for k := range p.c {
		equalize(p.plane(k))
	}
	return p.x
}

func equalize(v []float32) {
	level := func(x float32) int { return int(255.999 * clamp01(x)) }
	var count, table [256]int
	for i, x := range v {
		if x != x {
			v[i] = 0
		}
		count[level(v[i])]++
	}
	last := 255
	for count[last] == 0 {
		last--
	}
	step := (len(v) - count[last]) / 255
	sum := 0
	for i := range table {
		if table[i] = i; step > 0 {
			table[i] = min((sum+step/2)/step, 255)
		}
		sum += count[i]
	}
	for i, x := range v {
		v[i] = float32(table[level(x)]) / 255
	}
}

// AdjustGamma returns gain·xᵞ of the image x (C, H, W), clamped to 0..1 unless gain is 1. gamma is not negative.
func AdjustGamma(x *tensor.Tensor, gamma, gain float64) *tensor.Tensor {
	checkFactor("AdjustGamma", gamma)
	p := own("AdjustGamma", x, false)
	for i, v := range p.v {
		p.v[i] = float32(math.Pow(float64(v), gamma))
	}
	if gain != 1 {
		cpu.MulScalar(p.v, p.v, float32(gain))
		p.clamp()
	}
	return p.x
}

// AdjustSharpness returns the image x (C, H, W) of 1 or 3 channels with the distance of each number from a blurred image multiplied by
// factor, clamped to 0..1. The outermost pixels only clamp; an image of less than 3 pixels in height or width stays as it is.
func AdjustSharpness(x *tensor.Tensor, factor float64) *tensor.Tensor {
	checkFactor("AdjustSharpness", factor)
	p := own("AdjustSharpness", x, true)
	if p.h < 3 || p.w < 3 {
		return p.x
	}
	old, from := elements[float32](x)
	f := float32(factor)
	for k := range p.c {
		to, v := p.plane(k), from[k*p.h*p.w:][:p.h*p.w]
		for y := 1; y < p.h-1; y++ {
			above, row, below := v[(y-1)*p.w:][:p.w], v[y*p.w:][:p.w], v[(y+1)*p.w:][:p.w]
			for i := 1; i < p.w-1; i++ {
				blurred := (above[i-1] + above[i] + above[i+1] + row[i-1] + 5*row[i] + row[i+1] + below[i-1] + below[i] + below[i+1]) / 13
				to[y*p.w+i] = row[i] + (1-f)*(blurred-row[i])
			}
		}
	}
	runtime.KeepAlive(old)
	p.clamp()
	return p.x
}

type onImage func(x *tensor.Tensor) *tensor.Tensor

// OnImage returns the transform that applies f to the image and leaves boxes and mask: RandomApply(0.2, OnImage(Grayscale)).
func OnImage(f func(x *tensor.Tensor) *tensor.Tensor) Transform { return onImage(f) }

func (f onImage) Apply(_ *tensor.RNG, s Sample) Sample {
	s.size("OnImage")
	s.Image = f(s.Image)
	return s
}
