package transforms

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// reference is testdata/torchvision.json, made by testdata/gen_torchvision.py.
type reference struct {
	Shape []int
	Image []float32
	Mask  []int64
	Boxes [][4]float64
	Cases []struct {
		Op    string
		Args  []json.RawMessage
		Gray  bool      // the input is the first channel
		Input []float32 // or this, else the image
		Shape []int     // of the result, nil if it is the input's
		Image []float32
		Mask  []int64
		Boxes [][4]float64
		Field []float32
	}
}

// colours are the functions on images.
var colours = map[string]func(x *tensor.Tensor, a []float64) *tensor.Tensor{
	"AdjustBrightness": func(x *tensor.Tensor, a []float64) *tensor.Tensor { return AdjustBrightness(x, a[0]) },
	"AdjustContrast":   func(x *tensor.Tensor, a []float64) *tensor.Tensor { return AdjustContrast(x, a[0]) },
	"AdjustSaturation": func(x *tensor.Tensor, a []float64) *tensor.Tensor { return AdjustSaturation(x, a[0]) },
	"AdjustSharpness":  func(x *tensor.Tensor, a []float64) *tensor.Tensor { return AdjustSharpness(x, a[0]) },
	"AdjustHue":        func(x *tensor.Tensor, a []float64) *tensor.Tensor { return AdjustHue(x, a[0]) },
	"AdjustGamma":      func(x *tensor.Tensor, a []float64) *tensor.Tensor { return AdjustGamma(x, a[0], a[1]) },
	"Grayscale":        func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Grayscale(x) },
	"Invert":           func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Invert(x) },
	"Solarize":         func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Solarize(x, a[0]) },
	"Posterize":        func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Posterize(x, int(a[0])) },
	"Autocontrast":     func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Autocontrast(x) },
	"Equalize":         func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Equalize(x) },
	"Blur":             func(x *tensor.Tensor, a []float64) *tensor.Tensor { return Blur(x, int(a[0]), a[1]) },
	"Normalize": func(x *tensor.Tensor, a []float64) *tensor.Tensor {
		return Normalize{Mean: []float64{0.4, 0.5, 0.6}, Std: []float64{0.2, 0.3, 0.25}}.Apply(nil, Sample{Image: x}).Image
	},
}

func affineOf(a []float64) Affine {
	return Affine{Angle: a[0], Translate: [2]float64{a[1], a[2]}, Scale: a[3], Shear: [2]float64{a[4], a[5]}, Nearest: a[6] == 1}
}

// shapes are the functions on samples.
var shapes = map[string]func(s Sample, a []float64) Sample{
	"FlipHorizontal": func(s Sample, a []float64) Sample { return s.FlipHorizontal() },
	"FlipVertical":   func(s Sample, a []float64) Sample { return s.FlipVertical() },
	"Crop":           func(s Sample, a []float64) Sample { return s.Crop(int(a[0]), int(a[1]), int(a[2]), int(a[3])) },
	"CenterCrop": func(s Sample, a []float64) Sample {
		return CenterCrop{Height: int(a[0]), Width: int(a[1])}.Apply(nil, s)
	},
	"Pad": func(s Sample, a []float64) Sample {
		return s.Pad(int(a[0]), int(a[1]), int(a[2]), int(a[3]), Padding{Mode: PadMode(a[4])})
	},
	"Resize":      func(s Sample, a []float64) Sample { return s.Resize(int(a[0]), int(a[1])) },
	"ResizeShort": func(s Sample, a []float64) Sample { return ResizeShort{Size: int(a[0]), Max: int(a[1])}.Apply(nil, s) },
	"ResizedCrop": func(s Sample, a []float64) Sample {
		return s.resized("", int(a[0]), int(a[1]), int(a[2]), int(a[3]), int(a[4]), int(a[5]), 0)
	},
	"Affine": func(s Sample, a []float64) Sample { return s.Affine(affineOf(a), Padding{}) },
	"AffineFill": func(s Sample, a []float64) Sample {
		return s.Affine(affineOf(a), Padding{Fill: []float64{0.2, 0.5, 0.9}})
	},
}

func TestTorchvision(t *testing.T) {
	text, err := os.ReadFile("testdata/torchvision.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	c, h, w := ref.Shape[0], ref.Shape[1], ref.Shape[2]
	image := tensor.FromSlice(ref.Image, c, h, w)
	whole := Sample{Image: image, Mask: tensor.FromSlice(ref.Mask, h, w)}
	for i, b := range ref.Boxes {
		whole.Objects = append(whole.Objects, box.Object{Class: i, Box: box.Box{X1: b[0], Y1: b[1], X2: b[2], Y2: b[3]}})
	}
	for _, k := range ref.Cases {
		name := fmt.Sprintf("%s%s", k.Op, k.Args)
		var args []float64
		for _, a := range k.Args {
			var v float64
			if json.Unmarshal(a, &v) == nil {
				args = append(args, v)
			}
		}
		x := image
		if k.Gray {
			x = image.Slice(0, 0, 1, 1)
		}
		if k.Input != nil {
			shape := k.Shape
			if shape == nil {
				shape = ref.Shape
			}
			x = tensor.FromSlice(k.Input, shape...)
		}
		var got Sample
		switch k.Op {
		case "Perspective":
			var c [8][2]float64
			for i, a := range k.Args {
				if err := json.Unmarshal(a, &c[i]); err != nil {
					t.Fatal(err)
				}
			}
			got = whole.Perspective(Corners(c[:4]), Corners(c[4:]), Padding{})
		case "Elastic":
			got = whole.Elastic(tensor.FromSlice(k.Field, 2, h, w), Padding{})
		default:
			if f := colours[k.Op]; f != nil {
				got.Image = f(x, args)
			} else {
				got = shapes[k.Op](whole, args)
			}
		}
		if k.Shape != nil && !slices.Equal(got.Image.Shape(), k.Shape) {
			t.Errorf("%s: shape %v, want %v", name, got.Image.Shape(), k.Shape)
			continue
		}
		near(t, name, values(got.Image), k.Image, 3e-6)
		if k.Mask != nil && !slices.Equal(tensor.ToSlice[int64](got.Mask), k.Mask) {
			t.Errorf("%s: mask\n%v, want\n%v", name, tensor.ToSlice[int64](got.Mask), k.Mask)
		}
		if k.Boxes != nil {
			var boxes, want []float32
			for _, o := range got.Objects {
				boxes = append(boxes, float32(o.Box.X1), float32(o.Box.Y1), float32(o.Box.X2), float32(o.Box.Y2))
			}
			for _, b := range k.Boxes {
				want = append(want, float32(b[0]), float32(b[1]), float32(b[2]), float32(b[3]))
			}
			near(t, name+" boxes", boxes, want, 2e-5)
		}
	}
}

func near(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", name, len(got), len(want))
		return
	}
	for i, v := range got {
		if !(math.Abs(float64(v)-float64(want[i])) <= tolerance*(1+math.Abs(float64(want[i])))) {
			t.Errorf("%s: number %d is %v, want %v", name, i, v, want[i])
			return
		}
	}
}
