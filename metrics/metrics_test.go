package metrics_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/tensor"
)

// reference is testdata/metrics.json, made by testdata/gen_metrics.py with scikit-learn.
type reference struct {
	Classes, Ovr struct {
		Logits  []float64
		Classes int
		Target  []int64
		Want    map[string]any
	}
	Binary struct {
		Scores []float64
		Target []int64
		Want   map[string]any
	}
	Regression struct {
		Pred, Target []float64
		Columns      int
		Want         map[string]float64
	}
}

func load(t *testing.T) reference {
	t.Helper()
	text, err := os.ReadFile("testdata/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: got %.17g, scikit-learn has %.17g", what, got, want)
	}
}

func list(v any) []float64 {
	var out []float64
	for _, x := range v.([]any) {
		out = append(out, x.(float64))
	}
	return out
}

func nearList(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		near(t, what, got[i], want[i])
	}
}

// inBatches feeds m with pieces of odd sizes, saving and restoring its state into fresh in the middle, and returns fresh's value.
func inBatches(t *testing.T, m, fresh metrics.Metric, pred, target *tensor.Tensor) float64 {
	t.Helper()
	n, at := pred.Size(0), 0
	m.Reset()
	for _, size := range []int{1, 7, 13, n} {
		end := min(at+size, n)
		m.Update(rows(pred, at, end), rows(target, at, end))
		if at = end; size == 7 {
			state := m.(stateful).SaveState()
			if err := fresh.(stateful).LoadState(state); err != nil {
				t.Fatal(err)
			}
			m = fresh
		}
	}
	return m.Value()
}

type stateful interface {
	SaveState() map[string]*tensor.Tensor
	LoadState(map[string]*tensor.Tensor) error
}

// rows returns a copy of the examples from lo to hi−1.
func rows(x *tensor.Tensor, lo, hi int) *tensor.Tensor {
	shape := x.Shape()
	each := 1
	for _, s := range shape[1:] {
		each *= s
	}
	shape[0] = hi - lo
	if x.DType() == tensor.Int64 {
		return tensor.FromSlice(tensor.ToSlice[int64](x)[lo*each:hi*each], shape...)
	}
	return tensor.FromSlice(tensor.ToSlice[float64](x)[lo*each:hi*each], shape...)
}

func TestClassesAsScikitLearn(t *testing.T) {
	r := load(t).Classes
	pred := tensor.FromSlice(r.Logits, len(r.Target), r.Classes)
	target := tensor.FromSlice(r.Target, len(r.Target))
	averages := map[string]metrics.Average{"macro": metrics.Macro, "micro": metrics.Micro, "weighted": metrics.Weighted}
	makers := map[string]func() metrics.Metric{
		"accuracy":      func() metrics.Metric { return metrics.NewAccuracy() },
		"top2_accuracy": func() metrics.Metric { return metrics.NewTopK(2) },
		"top3_accuracy": func() metrics.Metric { return metrics.NewTopK(3) },
	}
	for name, a := range averages {
		makers["precision_"+name] = func() metrics.Metric { return metrics.NewPrecision(r.Classes, a) }
		makers["recall_"+name] = func() metrics.Metric { return metrics.NewRecall(r.Classes, a) }
		makers["f1_"+name] = func() metrics.Metric { return metrics.NewF1(r.Classes, a) }
	}
	for name, create := range makers {
		m := create()
		if !strings.HasPrefix(name, m.Name()) {
			t.Errorf("%s is named %s", name, m.Name())
		}
		want := r.Want[name].(float64)
		near(t, name, metrics.Of(m, pred, target), want)
		near(t, name+" in float32 and int32", metrics.Of(m, pred.To(tensor.Float32), target.To(tensor.Int32)), want)
		near(t, name+" in batches", inBatches(t, m, create(), pred, target), want)
	}
	m := metrics.NewConfusion(r.Classes)
	near(t, "confusion", metrics.Of(m, pred, target), r.Want["accuracy"].(float64))
	for i, row := range r.Want["confusion"].([]any) {
		for j, n := range list(row) {
			if got := m.Counts()[i][j]; got != int(n) {
				t.Errorf("confusion[%d][%d] = %d, want %g", i, j, got, n)
			}
		}
	}
	var precision, recall, f1 []float64
	for i, c := range m.PerClass() {
		precision, recall, f1 = append(precision, c.Precision), append(recall, c.Recall), append(f1, c.F1)
		if want := int(sum(list(r.Want["confusion"].([]any)[i]))); c.Support != want {
			t.Errorf("class %d: support %d, want %d", i, c.Support, want)
		}
	}
	nearList(t, "precision", precision, list(r.Want["precision"]))
	nearList(t, "recall", recall, list(r.Want["recall"]))
	nearList(t, "f1", f1, list(r.Want["f1"]))

	p := metrics.NewPerplexity()
	near(t, "perplexity", inBatches(t, p, metrics.NewPerplexity(), pred, target), math.Exp(r.Want["log_loss"].(float64)))
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

func TestOneAgainstRestAsScikitLearn(t *testing.T) {
	r := load(t).Ovr
	pred := tensor.FromSlice(r.Logits, len(r.Target), r.Classes)
	target := tensor.FromSlice(r.Target, len(r.Target))
	near(t, "auc", inBatches(t, metrics.NewAUC(), metrics.NewAUC(), pred, target), r.Want["auc"].(float64))
	near(t, "average precision", inBatches(t, metrics.NewAveragePrecision(), metrics.NewAveragePrecision(), pred, target), r.Want["average_precision"].(float64))
}

func TestBinaryAsScikitLearn(t *testing.T) {
	r := load(t).Binary
	n := len(r.Target)
	want := func(name string) float64 { return r.Want[name].(float64) }
	makers := map[string]func() metrics.Metric{
		"accuracy":          func() metrics.Metric { return metrics.NewAccuracy() },
		"precision":         func() metrics.Metric { return metrics.NewPrecision(2, metrics.Binary) },
		"recall":            func() metrics.Metric { return metrics.NewRecall(2, metrics.Binary) },
		"f1":                func() metrics.Metric { return metrics.NewF1(2, metrics.Binary) },
		"auc":               func() metrics.Metric { return metrics.NewAUC() },
		"average_precision": func() metrics.Metric { return metrics.NewAveragePrecision() },
	}
	// The same as two logits of which the first is 0.
	var two []float64
	for _, s := range r.Scores {
		two = append(two, 0, s)
	}
	targets := tensor.FromSlice(r.Target, n)
	for name, create := range makers {
		m := create()
		for _, shape := range [][]int{{n}, {n, 1}} {
			pred := tensor.FromSlice(r.Scores, shape...)
			near(t, name, metrics.Of(m, pred, targets), want(name))
			near(t, name+" with float targets", metrics.Of(m, pred, targets.To(tensor.Float32).Reshape(shape...)), want(name))
			near(t, name+" in batches", inBatches(t, m, create(), pred, targets), want(name))
		}
		near(t, name+" of two logits", metrics.Of(m, tensor.FromSlice(two, n, 2), targets), want(name))
	}
	positive := make([]bool, n)
	for i, l := range r.Target {
		positive[i] = l == 1
	}
	roc := metrics.ROC(r.Scores, positive)
	nearList(t, "fpr", roc.X, list(r.Want["fpr"]))
	nearList(t, "tpr", roc.Y, list(r.Want["tpr"]))
	nearList(t, "thresholds", roc.Threshold[1:], list(r.Want["thresholds"])[1:])
	near(t, "area under ROC", roc.Area(), want("auc"))
	pr := metrics.PrecisionRecall(r.Scores, positive)
	nearList(t, "recall", pr.X, list(r.Want["pr_recall"]))
	nearList(t, "precision", pr.Y, list(r.Want["pr_precision"]))
	nearList(t, "thresholds", pr.Threshold[1:], list(r.Want["pr_thresholds"]))

	m := metrics.NewAUC()
	m.Update(tensor.FromSlice(r.Scores, n), targets)
	scores, is := m.Class(1)
	if !slices.Equal(scores, r.Scores) || !slices.Equal(is, positive) {
		t.Error("Class(1) doesn't return what was put in")
	}
	if scores, is = m.Class(0); scores[3] != -r.Scores[3] || is[3] == positive[3] {
		t.Error("Class(0) isn't the opposite of Class(1)")
	}
	near(t, "accuracy of probabilities", metrics.Of(metrics.NewBinaryAccuracy(0.5), tensor.FromSlice(r.Scores, n).Sigmoid(), targets), want("accuracy"))
}

func TestRegressionAsScikitLearn(t *testing.T) {
	r := load(t).Regression
	n := len(r.Pred) / r.Columns
	pred, target := tensor.FromSlice(r.Pred, n, r.Columns), tensor.FromSlice(r.Target, n, r.Columns)
	for name, create := range map[string]func() metrics.Metric{
		"mse":      func() metrics.Metric { return metrics.NewMSE() },
		"rmse":     func() metrics.Metric { return metrics.NewRMSE() },
		"mae":      func() metrics.Metric { return metrics.NewMAE() },
		"r2":       func() metrics.Metric { return metrics.NewR2() },
		"log_rmse": func() metrics.Metric { return metrics.NewLogRMSE() },
	} {
		m := create()
		if m.Name() != name {
			t.Errorf("%s is named %s", name, m.Name())
		}
		near(t, name, metrics.Of(m, pred, target), r.Want[name])
		near(t, name+" in batches", inBatches(t, m, create(), pred, target), r.Want[name])
	}
	var p, y []float64
	for i := 0; i < len(r.Pred); i += r.Columns {
		p, y = append(p, r.Pred[i]), append(y, r.Target[i])
	}
	near(t, "r2 of (N, 1) and (N)", metrics.Of(metrics.NewR2(), tensor.FromSlice(p, n, 1), tensor.FromSlice(y, n)), r.Want["r2_first"])
	// A mean far from 0 costs no digits: 1 − 8·0.01 / Σ(i − 3.5)², i from 0 to 7.
	p, y = nil, nil
	for i := range 8 {
		y = append(y, 1e9+float64(i))
		p = append(p, 1e9+float64(i)+0.125)
	}
	near(t, "r2 far from 0", metrics.Of(metrics.NewR2(), tensor.FromSlice(p), tensor.FromSlice(y)), 1-8*0.015625/42)
	// Constant targets, as scikit-learn 1.x has them.
	ones := tensor.FromSlice([]float64{1, 1, 1})
	near(t, "r2 of constant targets", metrics.Of(metrics.NewR2(), tensor.FromSlice([]float64{1, 2, 1}), ones), 0)
	near(t, "r2 of constant targets met", metrics.Of(metrics.NewR2(), ones, ones), 1)
}

func TestPixelsAndIgnored(t *testing.T) {
	// (N, C, H) = (1, 2, 3): class 1 wins at position 1 only.
	pred := tensor.FromSlice([]float32{5, 0, 5, 1, 9, 1}, 1, 2, 3)
	near(t, "accuracy", metrics.Of(metrics.NewAccuracy(), pred, tensor.FromSlice([]int64{0, 1, 1}, 1, 3)), 2.0/3)
	near(t, "accuracy", metrics.Of(metrics.NewAccuracy(), pred, tensor.FromSlice([]int64{0, -100, 1}, 1, 3)), 1.0/2)
	// Probabilities as targets.
	soft := tensor.FromSlice([]float32{0.7, 0.3, 0.2, 0.8}, 2, 2)
	near(t, "accuracy", metrics.Of(metrics.NewAccuracy(), tensor.FromSlice([]float32{1, 0, 1, 0}, 2, 2), soft), 0.5)
	// log-likelihoods: 4 logits of 0 are ln ¼ each.
	zero := tensor.Zeros(tensor.Float64, 5, 4)
	near(t, "perplexity", metrics.Of(metrics.NewPerplexity(), zero, tensor.FromSlice([]int64{0, 3, -100, 1, 2})), 4)
}

func TestTiesAndNaN(t *testing.T) {
	nan := math.NaN()
	same := tensor.FromSlice([]float64{1, 1, 1, 1, 1, 1}, 2, 3)
	near(t, "equal scores", metrics.Of(metrics.NewAccuracy(), same, tensor.FromSlice([]int64{0, 1})), 0.5)
	near(t, "equal scores, top 2", metrics.Of(metrics.NewTopK(2), same, tensor.FromSlice([]int64{1, 2})), 0.5)
	bad := tensor.FromSlice([]float64{nan, 1, 1, nan}, 2, 2)
	near(t, "NaN is never right", metrics.Of(metrics.NewAccuracy(), bad, tensor.FromSlice([]int64{0, 1})), 0)
	near(t, "NaN is never right, top 2", metrics.Of(metrics.NewTopK(2), bad, tensor.FromSlice([]int64{0, 1})), 0)
	near(t, "NaN is never right, binary", metrics.Of(metrics.NewAccuracy(), tensor.FromSlice([]float64{nan, nan}), tensor.FromSlice([]int64{0, 1})), 0)
	near(t, "all scores tie", metrics.Of(metrics.NewAUC(), tensor.FromSlice([]float64{2, 2, 2}), tensor.FromSlice([]int64{0, 1, 1})), 0.5)
}

func TestNothingSeenIsNaN(t *testing.T) {
	for _, m := range []metrics.Metric{
		metrics.NewAccuracy(), metrics.NewConfusion(3), metrics.NewF1(3, metrics.Macro), metrics.NewAUC(), metrics.NewAveragePrecision(),
		metrics.NewMSE(), metrics.NewRMSE(), metrics.NewR2(), metrics.NewLogRMSE(), metrics.NewPerplexity(),
	} {
		if v := m.Value(); !math.IsNaN(v) {
			t.Errorf("%s of nothing is %g", m.Name(), v)
		}
	}
	one := metrics.Of(metrics.NewAUC(), tensor.FromSlice([]float64{1, 2}), tensor.FromSlice([]int64{1, 1}))
	if !math.IsNaN(one) {
		t.Errorf("AUC without negatives is %g", one)
	}
}

func TestRefusals(t *testing.T) {
	f := func(shape ...int) *tensor.Tensor { return tensor.Zeros(tensor.Float32, shape...) }
	n := func(v ...int64) *tensor.Tensor { return tensor.FromSlice(v, len(v)) }
	nan := tensor.Full(tensor.Float32, math.NaN(), 2, 3)
	for _, c := range []struct {
		want string
		do   func()
	}{
		{"label 3 of example 1 is not one of the classes 0 to 2", func() { metrics.NewAccuracy().Update(f(2, 3), n(0, 3)) }},
		{"label -1 of example 0 is not one of the classes 0 to 1", func() { metrics.NewAccuracy().Update(f(2), n(-1, 0)) }},
		{"must be probabilities that add up to 1", func() { metrics.NewAccuracy().Update(f(2, 3), f(2, 3)) }},
		{"probabilities must have the predictions' shape", func() { metrics.NewAccuracy().Update(f(2, 3), f(2, 4)) }},
		{"predictions must be scores", func() { metrics.NewAccuracy().Update(n(1, 2), n(1, 2)) }},
		{"got (2, 3) and (3)", func() { metrics.NewAccuracy().Update(f(2, 3), n(0, 1, 2)) }},
		{"k must be at least 1", func() { metrics.NewTopK(0) }},
		{"expected scores for 4 classes, got 3", func() { metrics.NewConfusion(4).Update(f(2, 3), n(0, 1)) }},
		{"a prediction is NaN", func() { metrics.NewConfusion(3).Update(nan, n(0, 1)) }},
		{"a prediction is NaN", func() { metrics.NewAUC().Update(nan, n(0, 1)) }},
		{"the score of example 1 is NaN", func() { metrics.ROC([]float64{0, math.NaN()}, []bool{true, false}) }},
		{"average 3 doesn't fit 3 classes", func() { metrics.NewF1(3, metrics.Binary) }},
		{"got (3, 1) and (2)", func() { metrics.NewMSE().Update(f(3, 1), n(0, 1)) }},
		{"got (2, 2) and (2)", func() { metrics.NewR2().Update(f(2, 2), n(0, 1)) }},
		{"expected class indices", func() { metrics.NewPerplexity().Update(f(2), f(2)) }},
	} {
		err := tensor.Try(func() error { c.do(); return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("expected an error with %q, got %v", c.want, err)
		}
	}
	for _, m := range []stateful{metrics.NewAccuracy(), metrics.NewConfusion(3), metrics.NewAUC(), metrics.NewMSE(), metrics.NewR2(), metrics.NewPerplexity()} {
		if err := m.LoadState(map[string]*tensor.Tensor{}); err == nil || !strings.Contains(err.Error(), "the saved state has no") {
			t.Errorf("%T loads an empty state: %v", m, err)
		}
	}
	if err := metrics.NewConfusion(3).LoadState(metrics.NewConfusion(4).SaveState()); err == nil || !strings.Contains(err.Error(), "expected int64 of shape (9)") {
		t.Errorf("a state of 4 classes loads into 3: %v", err)
	}
}

// A batch of 128 must cost little beside a training step, and nothing that grows with it.
func BenchmarkAccuracy(b *testing.B) {
	pred, target := tensor.Zeros(tensor.Float32, 128, 10), tensor.Zeros(tensor.Int64, 128)
	m := metrics.NewAccuracy()
	b.ReportAllocs()
	for b.Loop() {
		m.Update(pred, target)
	}
}
