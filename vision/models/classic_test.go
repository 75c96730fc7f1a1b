package models

import (
	"slices"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Parameter counts are the papers', or those of the same layers in PyTorch; sizes of feature maps are the papers'.
func TestClassicNetworksHaveThePapersSizes(t *testing.T) {
	for _, c := range []struct {
		name    string
		net     nn.Layer
		input   []int
		params  int
		classes int
		maps    map[string][]int
	}{
		{"LeNet-5", LeNet5(1, 28, 10), []int{1, 1, 28, 28}, 61706, 10, map[string][]int{"pool2": {1, 16, 5, 5}}},
		{"LeNet-5 of 1998", LeNet5Of1998(), []int{1, 1, 32, 32}, 60000, 10,
			map[string][]int{"c1": {1, 6, 28, 28}, "s2": {1, 6, 14, 14}, "c3": {1, 16, 10, 10}, "s4": {1, 16, 5, 5}, "c5": {1, 120, 1, 1}, "f6": {1, 84}}},
		{"NiN", NiN(1, 10), []int{1, 1, 224, 224}, 1992166, 10, map[string][]int{"pool1": {1, 96, 26, 26}, "pool2": {1, 256, 12, 12}, "pool3": {1, 384, 5, 5}}},
		{"GoogLeNet of 2014", GoogLeNetOf2014(1000), []int{1, 3, 224, 224}, 6998552, 1000, map[string][]int{"maxpool1": {1, 64, 56, 56}, "maxpool2": {1, 192, 28, 28}, "maxpool3": {1, 480, 14, 14}, "maxpool4": {1, 832, 7, 7}}},
		{"AlexNet of 2012", AlexNetOf2012(1000), []int{1, 3, 227, 227}, 60965224, 1000, map[string][]int{"conv1": {1, 96, 55, 55}, "conv2": {1, 256, 27, 27}, "pool5": {1, 256, 6, 6}}},
		{"ZFNet", ZFNet(1000), []int{1, 3, 224, 224}, 62357608, 1000, map[string][]int{"conv1": {1, 96, 110, 110}, "pool1": {1, 96, 55, 55}, "conv2": {1, 256, 26, 26}, "pool5": {1, 256, 6, 6}}},
	} {
		if c.params > 30e6 && testing.Short() {
			continue
		}
		s := nn.Summary(c.net, c.input...)
		if s.Params != c.params || !slices.Equal(s.Output, []int{1, c.classes}) {
			t.Errorf("%s has %d parameters and gives %v, want %d and %d logits", c.name, s.Params, s.Output, c.params, c.classes)
		}
		for _, row := range s.Rows {
			if want, ok := c.maps[row.Path]; ok {
				delete(c.maps, row.Path)
				if !slices.Equal(row.Output, want) {
					t.Errorf("%s: %s gives %v, want %v", c.name, row.Path, row.Output, want)
				}
			}
		}
		if len(c.maps) > 0 {
			t.Errorf("%s has no layers %v", c.name, c.maps)
		}
		if err := nn.Check(c.net); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Table I: the first six maps of C3 see three neighbours each, the next nine four, the last all six.
func TestMapsOfC3SeeSomeOfS2(t *testing.T) {
	c3 := newPartialConv()
	nn.Init(c3, 1)
	none := c3.Forward(nn.Eval(), tensor.Zeros(tensor.Float32, 1, 6, 5, 5))
	seen := make([]int, 16)
	for in := range 6 {
		one := tensor.Zeros(tensor.Float32, 1, 6, 5, 5)
		tensor.MutableData[float32](one)[in*25+12] = 1
		for out, d := range tensor.ToSlice[float32](c3.Forward(nn.Eval(), one).Sub(none)) {
			if d != 0 {
				seen[out]++
			}
		}
	}
	if want := []int{3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 6}; !slices.Equal(seen, want) {
		t.Errorf("maps of S2 that those of C3 see: %v, want %v", seen, want)
	}
}

func TestDrawingsAreNearestToThemselves(t *testing.T) {
	output := newDrawings()
	nn.Init(output, 1)
	y := output.Forward(nn.Eval(), output.centre.Value())
	for i, best := range tensor.ToSlice[int64](y.ArgMax(1)) {
		if best != int64(i) || y.Select(0, i).Select(0, i).Item() != 0 {
			t.Errorf("the drawing of %d is taken for %d", i, best)
		}
	}
	if d := y.Sub(y.T()).Abs().Max().Item(); d != 0 {
		t.Error("distances aren't symmetric")
	}
}

func TestLeNetOf1998Learns(t *testing.T) {
	net := LeNet5Of1998()
	nn.Init(net, 1)
	x := tensor.Full(tensor.Float32, -0.1, 10, 1, 32, 32) // the ten drawings, twice as large
	pixels := tensor.MutableData[float32](x)
	for digit, drawing := range digitDrawings() {
		for i := range 24 * 14 {
			if row, column := i/14, i%14; drawing[row/2*7+column/2] > 0 {
				pixels[digit*1024+(4+row)*32+9+column] = 1.175
			}
		}
	}
	y := tensor.Arange(tensor.Int64, 0, 10, 1)
	var first, last float64
	for step := range 40 {
		loss := nn.CrossEntropy(net.Forward(nn.Train(nil), x), y)
		loss.Backward()
		last = loss.Item()
		if step == 0 {
			first = last
		}
		for _, p := range nn.Params(net) {
			v := p.Value().Detach()
			v.CopyFrom(v.Sub(p.Grad().MulScalar(0.01)))
			p.Value().ZeroGrad()
		}
	}
	if !(last < 0.5*first) {
		t.Errorf("the loss goes from %.3f to %.3f", first, last)
	}
}
