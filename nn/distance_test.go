package nn_test

import (
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

// array is a tensor in testdata/distance.json, which testdata/gen_distance.py made with PyTorch in float64.
type array struct {
	Shape []int
	Data  []float64
}

// near fails unless got is want to eleven digits.
func (want array) near(t *testing.T, what string, got *tensor.Tensor) {
	t.Helper()
	if !slices.Equal(got.Shape(), want.Shape) {
		t.Errorf("%s: shape %v, want %v", what, got.Shape(), want.Shape)
		return
	}
	for i, v := range tensor.ToSlice[float64](got) {
		if !(math.Abs(v-want.Data[i]) <= 1e-11*(1+math.Abs(want.Data[i]))) {
			t.Errorf("%s: element %d is %.15g, want %.15g", what, i, v, want.Data[i])
			return
		}
	}
}

func TestDistanceLossesAreThoseOfTheirDefinitions(t *testing.T) {
	file, err := os.ReadFile("testdata/distance.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name         string
		Inputs       []array
		Y            array
		Grads        []array
		Same, Labels []int64
	}
	if err := json.Unmarshal(file, &cases); err != nil {
		t.Fatal(err)
	}
	triplet := func(cfg nn.TripletConfig) func(xs []*tensor.Tensor, _ *tensor.Tensor) *tensor.Tensor {
		return func(xs []*tensor.Tensor, _ *tensor.Tensor) *tensor.Tensor {
			return nn.TripletLoss(xs[0], xs[1], xs[2], cfg)
		}
	}
	batch := func(mine func([]float64, []int64) []nn.Triplet, cfg nn.TripletConfig) func(xs []*tensor.Tensor, labels *tensor.Tensor) *tensor.Tensor {
		return func(xs []*tensor.Tensor, labels *tensor.Tensor) *tensor.Tensor {
			return nn.BatchTripletLoss(xs[0], labels, mine, cfg)
		}
	}
	losses := map[string]func(xs []*tensor.Tensor, labels *tensor.Tensor) *tensor.Tensor{
		"triplet":            triplet(nn.TripletConfig{}),
		"triplet margin":     triplet(nn.TripletConfig{Margin: 0.3}),
		"triplet swap":       triplet(nn.TripletConfig{Swap: true}),
		"triplet none":       triplet(nn.TripletConfig{Reduction: nn.None}),
		"triplet sum":        triplet(nn.TripletConfig{Reduction: nn.Sum}),
		"triplet soft":       triplet(nn.TripletConfig{Soft: true}),
		"triplet squared":    triplet(nn.TripletConfig{Squared: true, Margin: 0.5}),
		"batch hard":         batch(nn.HardTriplets, nn.TripletConfig{}),
		"batch hard soft":    batch(nn.HardTriplets, nn.TripletConfig{Soft: true}),
		"batch hard squared": batch(nn.HardTriplets, nn.TripletConfig{Squared: true}),
		"semi-hard":          batch(nn.SemiHardTriplets, nn.TripletConfig{}),
		"batch all":          batch(nn.AllTriplets, nn.TripletConfig{}),
		"pairwise distance":  func(xs []*tensor.Tensor, _ *tensor.Tensor) *tensor.Tensor { return nn.PairwiseDistance(xs[0], xs[1]) },
		"smooth": func(xs []*tensor.Tensor, labels *tensor.Tensor) *tensor.Tensor {
			return nn.SmoothTripletLoss(xs[0], labels)
		},
		"distances": func(xs []*tensor.Tensor, _ *tensor.Tensor) *tensor.Tensor { return nn.Distances(xs[0], xs[1]) },
		"nt-xent":   func(xs []*tensor.Tensor, _ *tensor.Tensor) *tensor.Tensor { return nn.NTXentLoss(xs[0], xs[1], 0.5) },
		"contrastive": func(xs []*tensor.Tensor, same *tensor.Tensor) *tensor.Tensor {
			return nn.ContrastiveLoss(xs[0], xs[1], same, 3)
		},
	}
	for _, c := range cases {
		loss := losses[c.Name]
		if loss == nil {
			t.Fatalf("no loss for %q", c.Name)
		}
		delete(losses, c.Name)
		var xs []*tensor.Tensor
		for _, x := range c.Inputs {
			xs = append(xs, tensor.FromSlice(x.Data, x.Shape...).RequireGrad())
		}
		var labels *tensor.Tensor
		if l := append(c.Same, c.Labels...); len(l) > 0 {
			labels = tensor.FromSlice(l, len(l))
		}
		y := loss(xs, labels)
		c.Y.near(t, c.Name, y)
		y.Sum().Backward()
		for i, g := range c.Grads {
			g.near(t, c.Name+", gradient", xs[i].Grad())
		}
	}
	for name := range losses {
		t.Errorf("no reference for %q", name)
	}
}

func TestDistancesOfTheSamePoint(t *testing.T) {
	x := tensor.FromSlice([]float64{1, 2, 1, 2, 4, 6}, 3, 2).RequireGrad()
	d := nn.Distances(x, x)
	if got := tensor.ToSlice[float64](d); !slices.Equal(got, []float64{0, 0, 5, 0, 0, 5, 5, 5, 0}) {
		t.Errorf("distances %v", got)
	}
	d.Sum().Backward()
	// Two unit vectors (−3, −4)/5 for each distance of 5, counted from both sides.
	want := []float64{-1.2, -1.6, -1.2, -1.6, 2.4, 3.2}
	for i, g := range tensor.ToSlice[float64](x.Grad()) {
		if math.Abs(g-want[i]) > 1e-12 {
			t.Errorf("gradient %d is %g, want %g", i, g, want[i])
		}
	}
}

func TestDistancesOfManyAndFewAgree(t *testing.T) {
	x := tensor.NewRNG(3).Normal(tensor.Float64, 0, 1, 40, 6)
	many := tensor.ToSlice[float64](nn.Distances(x, x).Slice(0, 5, 25, 1).Slice(1, 5, 25, 1).Contiguous())
	few := tensor.ToSlice[float64](nn.Distances(x.Slice(0, 5, 25, 1), x.Slice(0, 5, 25, 1)))
	for i := range few {
		if math.Abs(many[i]-few[i]) > 1e-7 {
			t.Fatalf("distance %d is %g among many, %g among few", i, many[i], few[i])
		}
	}
	y := tensor.NewRNG(3).Normal(tensor.Float32, 0, 1, 1, 576)
	if d := nn.Distances(y, y).Item(); d != 0 {
		t.Errorf("a point lies %g from itself", d)
	}
}

func TestABatchWithoutTriplets(t *testing.T) {
	x := tensor.FromSlice([]float32{1, 2, 3, 4}, 2, 2).RequireGrad()
	for _, labels := range [][]int64{{1, 1}, {1, 2}} {
		y := tensor.FromSlice(labels, 2)
		loss := nn.BatchTripletLoss(x, y, nn.HardTriplets, nn.TripletConfig{}).Add(nn.SmoothTripletLoss(x, y))
		loss.Backward()
		if loss.Item() != 0 || x.Grad().Abs().Max().Item() != 0 {
			t.Errorf("labels %v: loss %g, gradient %v", labels, loss.Item(), x.Grad())
		}
	}
}

func TestDistanceLossesRefuse(t *testing.T) {
	x, labels := tensor.Ones(tensor.Float32, 3, 2), tensor.Zeros(tensor.Int64, 3)
	for want, f := range map[string]func(){
		"triplet loss: the margin must be positive, got -1":                                 func() { nn.TripletLoss(x, x, x, nn.TripletConfig{Margin: -1}) },
		"contrastive loss: the margin must be positive, got 0":                              func() { nn.ContrastiveLoss(x, x, labels, 0) },
		"contrastive loss: predictions have shape (3), targets (2)":                         func() { nn.ContrastiveLoss(x, x, labels.Slice(0, 0, 2, 1), 1) },
		"triplet loss: anchors have shape (3, 2), positives (3, 2), negatives (2)":          func() { nn.TripletLoss(x, x, x.Select(0, 0), nn.TripletConfig{}) },
		"distances: expected rows (N, D) and (M, D), got (3, 2) and (2)":                    func() { nn.Distances(x, x.Select(0, 0)) },
		"batch triplet loss: expected embeddings (N, D) and classes (N), got (3, 2) and ()": func() { nn.BatchTripletLoss(x, labels.Select(0, 0), nn.HardTriplets, nn.TripletConfig{}) },
		"nt-xent loss: expected views (N, D) and a positive temperature":                    func() { nn.NTXentLoss(x, x, 0) },
	} {
		if err := tensor.Try(func() error { f(); return nil }); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Two classes of two points each. The last two are farther from each other than from the first class's.
func ExampleBatchTripletLoss() {
	x := tensor.FromSlice([]float64{0, 0, 0, 1, 3, 0, 3, 4}, 4, 2)
	labels := tensor.FromSlice([]int64{0, 0, 1, 1}, 4)
	fmt.Println(nn.HardTriplets(tensor.ToSlice[float64](nn.Distances(x, x)), tensor.ToSlice[int64](labels)))
	fmt.Printf("%.3f\n", nn.BatchTripletLoss(x, labels, nn.HardTriplets, nn.TripletConfig{Margin: 1}).Item())
	// Output:
	// [{0 1 2} {1 0 2} {2 3 0} {3 2 1}]
	// 0.689
}
