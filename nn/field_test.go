package nn_test

import (
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// block is a residual block as people write it who come from PyTorch, with functions between its layers.
type block struct {
	conv1, conv2 *nn.Conv2D
	bn           *nn.BatchNorm
	down         nn.Layer
}

func (b *block) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	y := c.Call("conv1", b.conv1, x.ReLU()).ReLU()
	y = c.Call("bn", b.bn, c.Call("conv2", b.conv2, y))
	return y.Add(c.Call("down", b.down, x)).ReLU()
}

func (b *block) Visit(v *nn.Visitor) {
	v.Child("conv1", b.conv1)
	v.Child("conv2", b.conv2)
	v.Child("bn", b.bn)
	v.Child("down", b.down)
}

// pooled ends with a global mean that no layer takes.
type pooled struct{ conv, fc nn.Layer }

func (p *pooled) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return c.Call("fc", p.fc, c.Call("conv", p.conv, x).MeanAxes(false, 2, 3))
}

func (p *pooled) Visit(v *nn.Visitor) {
	v.Child("conv", p.conv)
	v.Child("fc", p.fc)
}

// gate multiplies its input by a number for each channel, made of the whole input but its last rows.
type gate struct{ squeeze nn.Layer }

func (g *gate) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	return x.Mul(c.Call("squeeze", g.squeeze, x).Sigmoid().Reshape(x.Size(0), 1, 1, 1))
}

func (g *gate) Visit(v *nn.Visitor) { v.Child("squeeze", g.squeeze) }

func fieldNets() map[string]struct {
	net   nn.Layer
	input []int
} {
	conv := func(kernel, stride, pad, dilation int) *nn.Conv2D {
		return nn.Conv2DConfig{In: 1, Out: 1, Kernel: kernel, Stride: stride, Pad: pad, Dilation: dilation}.New()
	}
	mode := func(m tensor.PadMode, pad int) nn.Layer {
		return nn.Conv2DConfig{In: 1, Out: 1, Kernel: 2*pad + 1, Pad: pad, PadMode: m}.New()
	}
	image := []int{13, 11}
	double := nn.NewLambda("double", func(x *tensor.Tensor) *tensor.Tensor {
		n, c, h, w := x.Size(0), x.Size(1), x.Size(2), x.Size(3)
		return x.Reshape(n, c, h, 1, w, 1).Expand(n, c, h, 2, w, 2).Reshape(n, c, 2*h, 2*w)
	}).Seeing(func(_, _, first, last int) (int, int) { return first / 2, last / 2 })
	return map[string]struct {
		net   nn.Layer
		input []int
	}{
		"chain": {nn.Seq(conv(3, 1, 0, 2), nn.ReLU(), nn.MaxPool2D(2), conv(5, 1, 2, 1), nn.NewBatchNorm(1), conv(3, 2, 1, 1),
			nn.PoolConfig{Kernel: 2, Stride: 1}.Avg(), nn.Flatten(), nn.NewLinear(1, 2), nn.ReLU()), image},
		"gaps between windows":  {nn.Seq(conv(2, 3, 0, 1), conv(3, 1, 1, 1)), image},
		"one padded column":     {nn.Conv2DConfig{In: 1, Out: 1, Kernel: 3, PadEach: [4]int{0, 2, 1, 0}, StrideHW: [2]int{2, 1}}.New(), image},
		"ceil":                  {nn.Seq(nn.PoolConfig{Kernel: 3, Stride: 2, Pad: 1, Ceil: true}.Max(), conv(3, 1, 1, 1)), image},
		"residual":              {nn.Seq(conv(3, 1, 1, 1), nn.NewResidual(nn.Seq(conv(3, 1, 1, 1), nn.ReLU(), conv(3, 1, 1, 1))), conv(3, 2, 1, 1)), image},
		"shortcut":              {&nn.Residual{Body: conv(1, 2, 0, 1), Shortcut: conv(3, 2, 1, 1)}, image},
		"functions in between":  {nn.Seq(conv(3, 1, 1, 1), &block{conv(3, 2, 1, 1), conv(3, 1, 1, 1), nn.NewBatchNorm(1), conv(1, 2, 0, 1)}, conv(3, 1, 1, 1)), image},
		"parallel":              {nn.Seq(nn.NewParallel(2, conv(1, 1, 0, 1), conv(5, 1, 2, 1))), []int{7, 6}},
		"transposed":            {nn.Seq(conv(3, 2, 1, 1), nn.ConvTranspose2DConfig{In: 1, Out: 1, Kernel: 4, Stride: 2, Pad: 1}.New(), conv(3, 1, 1, 1)), image},
		"transposed, with gaps": {nn.ConvTranspose2DConfig{In: 1, Out: 1, Kernel: 2, Stride: 3, OutputPad: 1}.New(), []int{3, 4}},
		"doubled":               {nn.Seq(conv(3, 2, 1, 1), double, conv(3, 1, 1, 1)), image},
		"bilinear":              {nn.Seq(conv(3, 2, 1, 1), nn.Upsample(tensor.InterpolateConfig{Scale: [2]float64{2, 2}}), conv(3, 1, 1, 1)), image},
		"bilinear corners":      {nn.Upsample(tensor.InterpolateConfig{Size: [2]int{25, 7}, AlignCorners: true}), image},
		"bicubic":               {nn.Upsample(tensor.InterpolateConfig{Size: [2]int{26, 17}, Mode: tensor.Bicubic}), image},
		"antialiased":           {nn.Upsample(tensor.InterpolateConfig{Size: [2]int{5, 4}, Antialias: true}), image},
		"nearest":               {nn.Upsample(tensor.InterpolateConfig{Size: [2]int{5, 17}, Mode: tensor.Nearest}), image},
		"nearest exact":         {nn.Upsample(tensor.InterpolateConfig{Scale: [2]float64{1.5, 0.5}, Mode: tensor.NearestExact}), image},
		"area":                  {nn.Upsample(tensor.InterpolateConfig{Size: [2]int{5, 4}, Mode: tensor.Area}), image},
		"reflect":               {nn.Seq(mode(tensor.PadReflect, 2), conv(3, 1, 0, 1)), image},
		"replicate":             {nn.Seq(mode(tensor.PadReplicate, 2), conv(3, 1, 0, 1)), image},
		"circular":              {nn.Seq(mode(tensor.PadCircular, 1), conv(3, 1, 0, 1)), image},
		"adaptive":              {nn.Seq(conv(3, 1, 1, 1), nn.AdaptiveMaxPool2D(4, 3), conv(2, 1, 0, 1), nn.AdaptiveAvgPool2D(2, 2)), image},
		"global":                {nn.Seq(conv(3, 3, 0, 1), nn.GlobalAvgPool2D(), nn.Flatten(), nn.NewLinear(1, 2)), image},
		"global function":       {&pooled{conv(3, 1, 0, 1), nn.NewLinear(1, 2)}, image},
		"gate":                  {nn.Seq(conv(3, 1, 1, 1), &gate{nn.Seq(conv(4, 4, 0, 1), nn.GlobalAvgPool2D(), nn.Flatten(), nn.NewLinear(1, 1))}, conv(3, 1, 1, 1)), image},
		"pyramid":               {nn.Seq(conv(3, 1, 0, 1), nn.SpatialPyramidPool(2, 1)), image},
		"sequence":              {nn.Seq(nn.Conv1DConfig{In: 1, Out: 1, Kernel: 3, Causal: true}.New(), nn.MaxPool1D(2), nn.Conv1DConfig{In: 1, Out: 1, Kernel: 2, Dilation: 3}.New(), nn.ConvTranspose1DConfig{In: 1, Out: 1, Kernel: 3, Stride: 2}.New()), []int{17}},
		"volume":                {nn.Seq(nn.Conv3DConfig{In: 1, Out: 1, KernelDHW: [3]int{3, 1, 2}, PadDHW: [3]int{1, 0, 0}}.New(), nn.PoolConfig{Kernel: 2, Stride: 2}.Max3D()), []int{5, 4, 5}},
	}
}

// A unit sees a place if it changes when the place does. All weights are positive and the place becomes larger than all else, so
// that nothing cancels and every maximum notices.
func TestFieldsEqualWhatChanges(t *testing.T) {
	for name, c := range fieldNets() {
		t.Run(name, func(t *testing.T) {
			nn.Init(c.net, 1)
			for _, p := range nn.Params(c.net) {
				if err := p.Set(p.Value().Detach().Abs().AddScalar(0.1).MulScalar(0.3)); err != nil {
					t.Fatal(err)
				}
			}
			shape := append([]int{1, 1}, c.input...)
			pixels := 1
			for _, n := range c.input {
				pixels *= n
			}
			// Example 0 is as it was, example 1+p has place p raised.
			x := tensor.Cat(0, tensor.Zeros(tensor.Float32, 1, pixels), tensor.Eye(tensor.Float32, pixels).MulScalar(100)).AddScalar(1)
			outputs := map[string]*tensor.Tensor{}
			ctx := nn.Eval().Hook(func(path string, _ nn.Layer, _, y *tensor.Tensor) { outputs[path] = y })
			ctx.Run(c.net, x.Reshape(append([]int{pixels + 1, 1}, c.input...)...))
			for _, f := range nn.ReceptiveFields(c.net, shape...) {
				if !f.Known() {
					t.Errorf("%s isn't known", f.Path)
					continue
				}
				y := outputs[f.Path]
				units := f.Output[min(2, len(f.Output)):]
				values := tensor.ToSlice[float64](y)
				count := len(values) / (pixels + 1)
				each(units, func(u int, at []int) {
					from, to := f.Sees(at...)
					low, high := slices.Clone(c.input), make([]int, len(c.input))
					each(c.input, func(p int, place []int) {
						changed := false
						for k := u; k < count; k += count / f.Output[1] { // in all channels
							changed = changed || values[(p+1)*count+k] != values[k]
						}
						if changed {
							for i, v := range place {
								low[i], high[i] = min(low[i], v), max(high[i], v+1)
							}
						}
					})
					empty := false
					for i := range from {
						empty = empty || from[i] == to[i]
					}
					if empty != (high[0] == 0) || !empty && (!slices.Equal(from, low) || !slices.Equal(to, high)) {
						t.Errorf("%s, unit %v: sees %v to %v, changes with %v to %v", f.Path, at, from, to, low, high)
					}
				})
			}
		})
	}
}

// each calls f with every place of an array and its number.
func each(shape []int, f func(i int, at []int)) {
	n := 1
	for _, s := range shape {
		n *= s
	}
	at := make([]int, len(shape))
	for i := range n {
		for k, rest := len(shape)-1, i; k >= 0; k-- {
			at[k], rest = rest%shape[k], rest/shape[k]
		}
		f(i, at)
	}
}

// Figures of table 1 in Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks": size, stride and padding at the last
// layer of features.
func TestFieldsOfKnownNetworks(t *testing.T) {
	conv := func(kernel, stride, pad int) nn.Layer {
		return nn.Conv2DConfig{In: 1, Out: 1, Kernel: kernel, Stride: stride, Pad: pad}.New()
	}
	pool := func(k int) nn.Layer { return nn.PoolConfig{Kernel: k, Stride: 2}.Max() }
	var vgg []nn.Layer
	for _, n := range []int{2, 2, 3, 3, 3} {
		for range n {
			vgg = append(vgg, conv(3, 1, 1), nn.ReLU())
		}
		vgg = append(vgg, pool(2))
	}
	for name, c := range map[string]struct {
		net  nn.Layer
		want nn.FieldAxis
		text string
	}{
		"alexnet_v2": {nn.Seq(conv(11, 4, 0), pool(3), conv(5, 1, 2), pool(3), conv(3, 1, 1), conv(3, 1, 1), conv(3, 1, 1), pool(3)),
			nn.FieldAxis{Size: 195, Jump: 32, Start: -64}, "195×195 every 32"},
		"vgg_16": {nn.Seq(vgg...), nn.FieldAxis{Size: 212, Jump: 32, Start: -90}, "212×212 every 32"},
	} {
		fields := nn.ReceptiveFields(c.net, 1, 1, 224, 224)
		last := fields[len(fields)-1]
		if last.Axes[0] != c.want || last.Axes[1] != c.want || last.String() != c.text {
			t.Errorf("%s: got %+v, %s", name, last.Axes, last)
		}
	}
}

func TestFieldsThatArentKnown(t *testing.T) {
	resize := nn.NewLambda("every other", func(x *tensor.Tensor) *tensor.Tensor { return x.Slice(2, 0, x.Size(2), 2) })
	net := nn.Seq(nn.NewConv2D(1, 2, 3), resize, nn.ReLU(), nn.GlobalAvgPool2D())
	fields := nn.ReceptiveFields(net, 1, 1, 9, 9)
	if got := fmt.Sprint(fields); got != "[3×3 ? ? ?]" {
		t.Errorf("got %s", got)
	}
	err := tensor.Try(func() error { fields[1].Sees(0, 0); return nil })
	if err == nil {
		t.Error("what isn't known was told")
	}
	if got, want := fields[0].Pixels(6, 2), image.Rect(2, 6, 5, 9); got != want {
		t.Errorf("got %v, expected %v", got, want)
	}
	for _, at := range [][]int{{7, 0}, {0}} {
		if tensor.Try(func() error { fields[0].Sees(at...); return nil }) == nil {
			t.Errorf("unit %v was found", at)
		}
	}
}

func TestWindowArithmetic(t *testing.T) {
	for _, c := range []struct {
		w             nn.Window
		in, out, back int
	}{
		{nn.Window{Kernel: 5}, 28, 24, 28},
		{nn.Window{Kernel: 7, Stride: 2, Pad: [2]int{3, 3}}, 224, 112, 223},
		{nn.Window{Kernel: 3, Dilation: 2, Pad: [2]int{2, 2}}, 9, 9, 9},
		{nn.Window{Kernel: 3, Stride: 2, Ceil: true}, 6, 3, 7},
		{nn.Window{Kernel: 2, Stride: 3, Pad: [2]int{1, 1}, Ceil: true}, 5, 2, 3}, // a third would begin in the padding behind
		{nn.Window{Kernel: 5}, 4, 0, 0},
	} {
		if got := c.w.Out(c.in); got != c.out {
			t.Errorf("%+v: %d outputs of %d, expected %d", c.w, got, c.in, c.out)
		}
		if got := c.w.TransposedOut(c.out, 0); c.out > 0 && got != c.back {
			t.Errorf("%+v: %d outputs come from %d, expected %d", c.w, c.out, got, c.back)
		}
	}
}

// The sizes that windows promise are those that the layers give, whatever the numbers are.
func TestWindowsPromiseWhatLayersGive(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		k := 1 + r.IntN(4)
		cfg := nn.PoolConfig{Kernel: k, Stride: 1 + r.IntN(5), Pad: r.IntN(k/2 + 1), Dilation: 1 + r.IntN(3), Ceil: r.IntN(2) == 0}
		w := nn.Window{Kernel: k, Stride: cfg.Stride, Dilation: cfg.Dilation, Pad: [2]int{cfg.Pad, cfg.Pad}, Ceil: cfg.Ceil}
		x := tensor.Zeros(tensor.Float32, 1, 1, 1+r.IntN(12))
		var y *tensor.Tensor
		err := tensor.Try(func() error { y = cfg.Max1D().Forward(nn.Eval(), x); return nil })
		if got := w.Out(x.Size(2)); (err != nil) != (got == 0) || err == nil && got != y.Size(2) {
			t.Errorf("%+v of %d: %d, the pooling says %v, %v", w, x.Size(2), got, y, err)
		}
		w.Ceil = false
		conv := nn.Conv1DConfig{In: 1, Out: 1, Kernel: k, Stride: cfg.Stride, Dilation: cfg.Dilation, Pad: cfg.Pad}.New()
		up := nn.ConvTranspose1DConfig{In: 1, Out: 1, Kernel: k, Stride: cfg.Stride, Dilation: cfg.Dilation, Pad: cfg.Pad, OutputPad: cfg.Stride - 1}.New()
		nn.Init(conv, 1)
		nn.Init(up, 1)
		if n := w.Out(x.Size(2)); n > 0 {
			if got := conv.Forward(nn.Eval(), x).Size(2); got != n {
				t.Errorf("%+v of %d: %d, the convolution gives %d", w, x.Size(2), n, got)
			}
		}
		if n := w.TransposedOut(x.Size(2), cfg.Stride-1); n > 0 {
			if got := up.Forward(nn.Eval(), x).Size(2); got != n {
				t.Errorf("%+v of %d: %d, the transposed convolution gives %d", w, x.Size(2), n, got)
			}
		}
	}
}
