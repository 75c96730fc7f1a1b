package models

import (
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// LeNet5 returns LeNet-5 as it is taught today (D2L 7.6), for images (N, 1, 28, 28) or, with In channels, of side side, at least 12: two
// convolutions of 5×5 with max-pooling and three linear layers, with ReLU in place of sigmoids; 61,706 parameters for MNIST.
func LeNet5(in, side, classes int) nn.Layer {
	small := (side/2 - 4) / 2
	return nn.NewNamed().
		Add("conv1", nn.Conv2DConfig{In: in, Out: 6, Kernel: 5, Pad: 2, Init: heFanIn}.New()).Add("relu1", nn.ReLU()).Add("pool1", nn.MaxPool2D(2)).
		Add("conv2", nn.Conv2DConfig{In: 6, Out: 16, Kernel: 5, Init: heFanIn}.New()).Add("relu2", nn.ReLU()).Add("pool2", nn.MaxPool2D(2)).
		Add("flatten", nn.Flatten()).
		Add("fc1", nn.LinearConfig{In: 16 * small * small, Out: 120, Init: heFanIn}.New()).Add("relu3", nn.ReLU()).
		Add("fc2", nn.LinearConfig{In: 120, Out: 84, Init: heFanIn}.New()).Add("relu4", nn.ReLU()).
		Add("fc3", nn.NewLinear(84, classes))
}

// LeNet5Of1998 returns LeNet-5 as in LeCun et al., "Gradient-based learning applied to document recognition", 1998, §II.B, for images of
// digits (N, 1, 32, 32), background −0.1 and ink 1.175: pooling with a weight and a bias for each map, a second convolution whose maps see
// only some of the maps before them (table I), a scaled hyperbolic tangent, and, as output, how far the last 84 units are from fixed
// drawings of the ten digits. It has the paper's 60,000 trainable parameters.
//
// What it returns, (N, 10), is the negative of the paper's penalties, so that the greatest value is the class as with logits; cross entropy
// is then the paper's equation 9 without its constant j.
func LeNet5Of1998() nn.Layer {
	conv := func(in, out int) nn.Layer {
		return nn.Conv2DConfig{In: in, Out: out, Kernel: 5, Init: lecunUniform(25 * in)}.New()
	}
	return nn.NewNamed().
		Add("c1", conv(1, 6)).Add("tanh1", squash()).
		Add("s2", newSubsampling(6)).Add("tanh2", squash()).
		Add("c3", newPartialConv()).Add("tanh3", squash()).
		Add("s4", newSubsampling(16)).Add("tanh4", squash()).
		Add("c5", conv(16, 120)).Add("tanh5", squash()).
		Add("flatten", nn.Flatten()).
		Add("f6", nn.LinearConfig{In: 120, Out: 84, Init: lecunUniform(120)}.New()).Add("tanh6", squash()).
		Add("output", newDrawings())
}

// lecunUniform is the paper's choice, uniform within ±2.4 over the number of inputs (appendix A).
func lecunUniform(fanIn int) nn.Initializer {
	bound := 2.4 / float64(fanIn)
	return nn.Uniform(-bound, bound)
}

// squash is 1.7159·tanh(2x/3), which takes ±1 to ±1 (appendix A).
func squash() nn.Layer {
	return nn.NewLambda("1.7159·tanh(2x/3)", func(x *tensor.Tensor) *tensor.Tensor {
		return x.MulScalar(2.0 / 3).Tanh().MulScalar(1.7159)
	})
}

// subsampling adds the four pixels of each 2×2 square, times a weight of the map, plus a bias.
type subsampling struct{ weight, bias *nn.Param }

func newSubsampling(maps int) *subsampling {
	return &subsampling{nn.NewParam(lecunUniform(4), maps, 1, 1), nn.NewParam(nn.Zeros, maps, 1, 1)}
}

// Forward takes (N, C, H, W) to (N, C, H/2, W/2).
func (s *subsampling) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	mean := tensor.AvgPool2D(x, tensor.AvgPool2DConfig{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}})
	return mean.MulScalar(4).Mul(c.Use(s.weight)).Add(c.Use(s.bias))
}

// Visit names weight and bias.
func (s *subsampling) Visit(v *nn.Visitor) {
	v.Param("weight", s.weight)
	v.Param("bias", s.bias)
}

// tableI says which of the six maps of S2, the rows, each of the sixteen maps of C3, the columns, sees.
const tableI = `
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX`

// partialConv is C3: a convolution of 5×5 with a filter for each of the sixty crosses of table I.
type partialConv struct {
	weight *nn.Param // (60, 5, 5)
	bias   *nn.Param // (16)
	filter *tensor.Tensor
}

func newPartialConv() *partialConv {
	rows := strings.Fields(tableI)
	index := make([]int64, 0, 16*6)
	next := int64(0)
	for out := range 16 {
		for in := range 6 {
			if rows[in][out] == 'X' {
				index = append(index, next)
				next++
			} else {
				index = append(index, 60) // the filter of zeros behind the others
			}
		}
	}
	return &partialConv{nn.NewParam(lecunUniform(25*60/16), 60, 5, 5), nn.NewParam(nn.Zeros, 16), tensor.FromSlice(index, 16*6)}
}

// Forward takes (N, 6, H, W) to (N, 16, H−4, W−4).
func (p *partialConv) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	weight := c.Use(p.weight)
	filters := tensor.Cat(0, weight, tensor.Zeros(weight.DType(), 1, 5, 5)).IndexSelect(0, p.filter).Reshape(16, 6, 5, 5)
	return tensor.Conv2D(x, filters, c.Use(p.bias), tensor.Conv2DConfig{})
}

// Visit names weight and bias.
func (p *partialConv) Visit(v *nn.Visitor) {
	v.Param("weight", p.weight)
	v.Param("bias", p.bias)
}

// drawings is the output layer: radial basis functions around drawings of the digits, 12 pixels high and 7 wide, which aren't trained.
type drawings struct{ centre *nn.Param }

func newDrawings() *drawings {
	var v []float64
	for _, digit := range digitDrawings() {
		v = append(v, digit...)
	}
	fixed := func(_ *tensor.RNG, d tensor.DType, shape []int) *tensor.Tensor {
		return tensor.FromSlice(v, shape...).To(d)
	}
	return &drawings{nn.NewBuffer(tensor.Float32, fixed, 10, 84)}
}

// Forward takes (N, 84) to minus the squared distances from the ten drawings, (N, 10) (equation 7).
func (d *drawings) Forward(c *nn.Ctx, x *tensor.Tensor) *tensor.Tensor {
	difference := x.Unsqueeze(1).Sub(c.Use(d.centre))
	return difference.Square().SumAxes(false, 2).Neg()
}

// Visit names the centres.
func (d *drawings) Visit(v *nn.Visitor) { v.Buffer("centre", d.centre) }

// digitRows draws the digits side by side, in the style of figure 3.
const digitRows = `
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
.XXXXX. ...XX.. .XXXXX. XXXXXXX .....XX XXXXXXX ..XXXX. XXXXXXX .XXXXX. .XXXXX.
XX...XX ..XXX.. XX...XX .....XX ....XXX XX..... .XX.... XX...XX XX...XX XX...XX
XX...XX .XXXX.. .....XX ....XX. ...XXXX XX..... XX..... .....XX XX...XX XX...XX
XX...XX ...XX.. ....XX. ...XX.. ..XX.XX XXXXXX. XXXXXX. ....XX. .XXXXX. XX...XX
XX...XX ...XX.. ...XX.. ..XXXX. .XX..XX .....XX XX...XX ...XX.. XX...XX .XXXXXX
XX...XX ...XX.. ..XX... .....XX XX...XX .....XX XX...XX ..XX... XX...XX .....XX
XX...XX ...XX.. .XX.... .....XX XXXXXXX .....XX XX...XX ..XX... XX...XX .....XX
XX...XX ...XX.. XX..... XX...XX .....XX XX...XX XX...XX ..XX... XX...XX ....XX.
.XXXXX. .XXXXXX XXXXXXX .XXXXX. .....XX .XXXXX. .XXXXX. ..XX... .XXXXX. .XXXX..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
....... ....... ....... ....... ....... ....... ....... ....... ....... .......`

// digitDrawings returns 84 numbers for each digit, 1 for ink and −1 for paper.
func digitDrawings() [10][]float64 {
	var out [10][]float64
	for i, row := range strings.Fields(digitRows) { // a row of each digit in turn
		for _, pixel := range row {
			ink := -1.0
			if pixel == 'X' {
				ink = 1
			}
			out[i%10] = append(out[i%10], ink)
		}
	}
	return out
}
