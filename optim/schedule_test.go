package optim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
)

// rates returns an optimiser with two groups of rates 0.4 and 0.1, as gen_optim.py has it.
func rates(r *reference, t *testing.T) *optim.Optimizer {
	p := r.newPair(t)
	return optim.NewSGDGroups([]optim.Group{{Params: []*nn.Param{p.weight}, LR: 0.4}, {Params: []*nn.Param{p.bias}, LR: 0.1}}, optim.SGDConfig{})
}

func now(o *optim.Optimizer) []float64 { return []float64{o.Groups()[0].LR, o.Groups()[1].LR} }

func TestSchedulesEqualPyTorch(t *testing.T) {
	r := load(t)
	for name, make := range map[string]func(o *optim.Optimizer) optim.Schedule{
		"step":          func(o *optim.Optimizer) optim.Schedule { return optim.StepDecay(o, 3, 0.5) },
		"multistep":     func(o *optim.Optimizer) optim.Schedule { return optim.MultiStep(o, 0.1, 2, 5, 9) },
		"exponential":   func(o *optim.Optimizer) optim.Schedule { return optim.Exponential(o, 0.95) },
		"polynomial":    func(o *optim.Optimizer) optim.Schedule { return optim.Polynomial(o, 8, 2) },
		"cosine":        func(o *optim.Optimizer) optim.Schedule { return optim.Cosine(o, 11, 0, 0) },
		"warmup":        func(o *optim.Optimizer) optim.Schedule { return optim.Warmup(o, 4) },
		"warmup cosine": func(o *optim.Optimizer) optim.Schedule { return optim.Cosine(o, 12, 4, 0) },
		"onecycle":      func(o *optim.Optimizer) optim.Schedule { return optim.OneCycle(o, optim.OneCycleConfig{Total: 13}) },
		"onecycle set": func(o *optim.Optimizer) optim.Schedule {
			return optim.OneCycle(o, optim.OneCycleConfig{Total: 13, PctStart: 0.5, Div: 10, FinalDiv: 100})
		},
	} {
		var want [][]float64
		if err := json.Unmarshal(r.Schedules[name], &want); err != nil {
			t.Fatal(err)
		}
		o := rates(r, t)
		s := make(o)
		for i := range want {
			s.StepBegin(o, i, i)
			near(t, fmt.Sprintf("%s at %d", name, i), now(o), want[i], 1e-9, 1e-15)
			s.EpochEnd(o, i+1, nil)
		}
	}
}

func TestReduceOnPlateauEqualsPyTorch(t *testing.T) {
	r := load(t)
	var values []*float64 // nil for NaN
	if err := json.Unmarshal(r.Schedules["plateau values"], &values); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]optim.PlateauConfig{
		"plateau":     {Factor: 0.5, Patience: 2},
		"plateau max": {Monitor: "accuracy", Max: true, Factor: 0.1, Patience: 1, Threshold: 0.01, MinLR: 0.05},
	} {
		var want [][]float64
		if err := json.Unmarshal(r.Schedules[name], &want); err != nil {
			t.Fatal(err)
		}
		o := rates(r, t)
		s := optim.ReduceOnPlateau(cfg)
		for i := range want {
			near(t, fmt.Sprintf("%s at %d", name, i), now(o), want[i], 1e-9, 0)
			v := math.NaN()
			if values[i] != nil {
				v = *values[i]
			}
			if i == 5 { // interrupted and continued
				saved := s.SaveState()
				s = optim.ReduceOnPlateau(cfg)
				if err := s.LoadState(saved); err != nil {
					t.Fatal(err)
				}
			}
			s.EpochEnd(o, i+1, map[string]float64{"val_loss": v, "accuracy": v})
		}
	}
	err := tensor.Try(func() error {
		optim.ReduceOnPlateau(optim.PlateauConfig{}).EpochEnd(rates(r, t), 1, map[string]float64{"loss": 1})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), `there is no figure "val_loss"; set Monitor`) {
		t.Errorf("a figure that isn't there: %v", err)
	}
	if err := optim.ReduceOnPlateau(optim.PlateauConfig{}).LoadState(nil); err == nil {
		t.Error("an empty state is accepted")
	}
}

// The schedules that PyTorch doesn't have follow their formulas.
func TestFormulas(t *testing.T) {
	r := load(t)
	for name, c := range map[string]struct {
		make func(o *optim.Optimizer) optim.Schedule
		want []float64 // what multiplies the rates at 0, 1, 2, …
	}{
		"1/(1 + decay·epoch)": {func(o *optim.Optimizer) optim.Schedule { return optim.InverseTime(o, 0.5) }, []float64{1, 1 / 1.5, 1 / 2.0, 1 / 2.5}},
		"k/√epoch":            {optim.InverseSqrt, []float64{1, 1 / math.Sqrt2, 1 / math.Sqrt(3), 0.5}},
		"by step": {func(o *optim.Optimizer) optim.Schedule {
			return optim.ByStep(o, func(s int) float64 { return float64(s) })
		}, []float64{0, 1, 2, 3}},
		"cosine to a floor": {func(o *optim.Optimizer) optim.Schedule { return optim.Cosine(o, 2, 0, 0.2) }, []float64{1, 0.6, 0.2, 0.2}},
		"polynomial":        {func(o *optim.Optimizer) optim.Schedule { return optim.Polynomial(o, 2, 1) }, []float64{1, 0.5, 0, 0}},
		"chain": {func(o *optim.Optimizer) optim.Schedule {
			return optim.Chain(optim.Warmup(o, 2), 2, optim.ByStep(o, func(s int) float64 { return 1 / float64(s+1) }))
		}, []float64{0.5, 1, 1, 0.5}},
	} {
		o := rates(r, t)
		s := c.make(o)
		for i, w := range c.want {
			s.StepBegin(o, i, i)
			near(t, fmt.Sprintf("%s at %d", name, i), now(o), []float64{0.4 * w, 0.1 * w}, 1e-12, 1e-15)
		}
	}
}

// A schedule is a function of time alone: asked for a later step first, it answers the same.
func TestSchedulesDoNotDependOnThePast(t *testing.T) {
	o := rates(load(t), t)
	s := optim.OneCycle(o, optim.OneCycleConfig{Total: 10})
	s.StepBegin(o, 7, 0)
	late := now(o)
	s.StepBegin(o, 2, 0)
	s.StepBegin(o, 7, 0)
	near(t, "step 7", now(o), late, 0, 0)
	s.StepBegin(o, 100, 0) // beyond the end the last rate stays
	s.StepBegin(o, 9, 0)
	end := now(o)
	s.StepBegin(o, 100, 0)
	near(t, "after the end", now(o), end, 0, 0)
	err := tensor.Try(func() error { optim.Cosine(o, 0, 0, 0); return nil })
	if err == nil || !strings.Contains(err.Error(), "Total must be positive") && !strings.Contains(err.Error(), "total must be positive") {
		t.Errorf("no steps: %v", err)
	}
}
