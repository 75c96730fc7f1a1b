package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// reference is what testdata/gen_torchvision.py notes of a network.
type reference struct {
	Params     int
	KeysSHA256 string `json:"keys_sha256"`
	Keys       []string
	Side       int
	Logits     []float64
	Heads      [][]float64
	Train      *struct {
		Side        int
		Loss        float64
		GradNorms   map[string]float64 `json:"grad_norms"`
		RunningMean map[string]float64 `json:"running_mean"`
	}
}

func references(t *testing.T) map[string]reference {
	var out map[string]reference
	readJSON(t, "testdata/torchvision.json", &out)
	return out
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// count returns how many numbers can be trained.
func count(net nn.Layer) int {
	n := 0
	for _, p := range nn.Params(net) {
		n += p.NumEl()
	}
	return n
}

// buildReference returns the network of a row of the references.
func buildReference(t *testing.T, label string, classes int) nn.Layer {
	switch label {
	case "googlenet with heads":
		return GoogLeNetWithHeads(classes)
	case "googlenet transforming":
		net := GoogLeNet(classes)
		net.TransformInput = true
		return net
	}
	net, err := New(label, classes)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// keys lists names and shapes as the script does.
func keys(net nn.Layer) []string {
	var out []string
	visit(net, func(path string, p *nn.Param) {
		var sizes []string
		for _, n := range p.Shape() {
			sizes = append(sizes, fmt.Sprint(n))
		}
		out = append(out, path+" "+strings.Join(sizes, "x"))
	})
	return out
}

// visit calls f for each parameter and buffer, which have values afterwards, in order.
func visit(net nn.Layer, f func(path string, p *nn.Param)) {
	// These kinds of layer hold all of them.
	nn.Walk(net, func(path string, l nn.Layer) {
		each := func(name string, p *nn.Param) {
			if p != nil {
				f(path+"."+name, p)
			}
		}
		switch l := l.(type) {
		case *nn.Conv2D:
			each("weight", l.Weight)
			each("bias", l.Bias)
		case *nn.Linear:
			each("weight", l.Weight)
			each("bias", l.Bias)
		case *nn.ConvTranspose2D:
			each("weight", l.Weight)
			each("bias", l.Bias)
		case *nn.BatchNorm:
			each("weight", l.Weight)
			each("bias", l.Bias)
			each("running_mean", l.RunningMean)
			each("running_var", l.RunningVar)
			each("num_batches_tracked", l.NumBatches)
		}
	})
}

// noise is the script's: the number at a place, from −0.5 to 0.5.
func noise(name string) func(i int) float64 {
	sum := uint64(0)
	for _, b := range []byte(name) {
		sum += uint64(b)
	}
	return func(i int) float64 {
		x := uint32(uint64(i)*2654435761 + sum*40503)
		x = (x ^ x>>15) * 2246822519
		x = (x ^ x>>13) * 3266489917
		return float64(x^x>>16)/(1<<32) - 0.5
	}
}

// fill gives all parameters and buffers of net the script's values.
func fill(t *testing.T, net nn.Layer) {
	visit(net, func(path string, p *nn.Param) {
		shape := p.Shape()
		v := make([]float32, p.NumEl())
		scale, shift := 0.2, 0.0
		switch {
		case strings.HasSuffix(path, "num_batches_tracked"):
			if err := p.Set(tensor.Full(tensor.Int64, 3)); err != nil {
				t.Fatal(err)
			}
			return
		case len(shape) >= 2:
			scale = math.Sqrt(12) * math.Sqrt2 / math.Sqrt(float64(len(v)/shape[0]))
		case strings.HasSuffix(path, "running_var"):
			scale, shift = 0.5, 1
		case strings.HasSuffix(path, "weight"):
			shift = 1
		}
		u := noise(path)
		for i := range v {
			v[i] = float32(shift + scale*u(i))
		}
		if err := p.Set(tensor.FromSlice(v, shape...)); err != nil {
			t.Fatal(err)
		}
	})
}

func image(n, side int) *tensor.Tensor {
	v := make([]float32, n*3*side*side)
	u := noise("image")
	for i := range v {
		v[i] = float32(4 * u(i))
	}
	return tensor.FromSlice(v, n, 3, side, side)
}

// wantClose compares with a tolerance relative to the largest value.
func wantClose(t *testing.T, what string, got *tensor.Tensor, want []float64, tolerance float64) {
	t.Helper()
	g := tensor.ToSlice[float64](got)
	if len(g) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(g), len(want))
	}
	largest := 0.0
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	for i := range g {
		if !(math.Abs(g[i]-want[i]) <= tolerance*largest) {
			t.Fatalf("%s: value %d is %g, want %g (largest %g)", what, i, g[i], want[i], largest)
		}
	}
}

func TestKeysAndSizesAreTorchvisions(t *testing.T) {
	for label, want := range references(t) {
		net := buildReference(t, label, 1000)
		got := keys(net)
		if want.Keys != nil && !slices.Equal(got, want.Keys) {
			for i := range min(len(got), len(want.Keys)) {
				if got[i] != want.Keys[i] {
					t.Errorf("%s: key %d is %s, want %s", label, i, got[i], want.Keys[i])
					break
				}
			}
		}
		sum := sha256.Sum256([]byte(strings.Join(got, "\n")))
		if hex.EncodeToString(sum[:]) != want.KeysSHA256 {
			t.Errorf("%s: the %d keys and shapes differ from torchvision's", label, len(got))
		}
		if params := count(net); params != want.Params {
			t.Errorf("%s has %d parameters, want %d", label, params, want.Params)
		}
		if err := nn.Check(net); err != nil {
			t.Errorf("%s: %v", label, err)
		}
	}
	if got := len(Names()); got != len(references(t))-2 {
		t.Errorf("%d networks by name, %d references", got, len(references(t))-2)
	}
}

func TestOutputsAreTorchvisions(t *testing.T) {
	refs := references(t)
	for label, want := range refs {
		if want.Logits == nil { // differs in depth alone from one that has outputs
			continue
		}
		t.Run(label, func(t *testing.T) {
			if testing.Short() && want.Params > 30e6 {
				t.Skip("a large network")
			}
			net := buildReference(t, label, 10)
			fill(t, net)
			wantClose(t, "logits", net.Forward(nn.Eval(), image(2, want.Side)), want.Logits, 1e-4)
		})
	}
}

func TestAuxiliaryHeadsAreTorchvisions(t *testing.T) {
	net := GoogLeNetWithHeads(10)
	fill(t, net)
	withoutDropout(net)
	main, aux1, aux2 := net.Heads(nn.Train(tensor.NewRNG(1)), image(4, 64))
	for i, got := range []*tensor.Tensor{main, aux1, aux2} {
		wantClose(t, []string{"logits", "aux1", "aux2"}[i], got, references(t)["googlenet with heads"].Heads[i], 1e-3)
	}
	if err := tensor.Try(func() error { GoogLeNet(10).Heads(nn.Eval(), image(1, 32)); return nil }); err == nil {
		t.Error("a network without heads gave their logits")
	}
}

func withoutDropout(net nn.Layer) {
	nn.Walk(net, func(_ string, l nn.Layer) {
		if d, ok := l.(*nn.Dropout); ok {
			d.P = 0
		}
	})
}

// One step of training: the loss, the norm of every parameter's gradient and the running means that it leaves.
func TestTrainingIsTorchvisions(t *testing.T) {
	for label, ref := range references(t) {
		if ref.Train == nil {
			continue
		}
		net := buildReference(t, label, 10)
		fill(t, net)
		withoutDropout(net)
		x := image(4, ref.Train.Side)
		loss := nn.CrossEntropy(net.Forward(nn.Train(tensor.NewRNG(1)), x), tensor.FromSlice([]int64{1, 3, 5, 7}, 4))
		loss.Backward()
		if math.Abs(loss.Item()-ref.Train.Loss) > 2e-3*ref.Train.Loss {
			t.Errorf("%s: loss %g, want %g", label, loss.Item(), ref.Train.Loss)
		}
		largest := 0.0
		for _, g := range ref.Train.GradNorms {
			largest = max(largest, g)
		}
		visit(net, func(path string, p *nn.Param) {
			switch {
			case strings.HasSuffix(path, "num_batches_tracked"):
				if p.Value().Item() != 4 {
					t.Errorf("%s: %s is %v, want 4", label, path, p.Value().Item())
				}
			case strings.HasSuffix(path, "running_mean"):
				want := ref.Train.RunningMean[path]
				if got := p.Value().Sum().Item(); math.Abs(got-want) > 2e-3*(1+math.Abs(want)) {
					t.Errorf("%s: the sum of %s is %g, want %g", label, path, got, want)
				}
			case !p.IsBuffer():
				want := ref.Train.GradNorms[path]
				got := math.Sqrt(p.Grad().Mul(p.Grad()).Sum().Item())
				// A gradient of a layer in front of batch norm may be 0 but for rounding.
				if math.Abs(got-want) > 1e-2*want+1e-4*largest {
					t.Errorf("%s: the gradient of %s has norm %g, want %g", label, path, got, want)
				}
			}
		})
	}
}
