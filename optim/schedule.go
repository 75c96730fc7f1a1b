package optim

import (
	"fmt"
	"math"

	"github.com/gradus-ml/gradus/tensor"
)

// Schedule changes the learning rates of an optimiser as training goes on.
type Schedule interface {
	// StepBegin is called before each step of the optimiser, with the number of steps and epochs finished.
	StepBegin(o *Optimizer, step, epoch int)
	// EpochEnd is called after each epoch, with the number of epochs finished and the epoch's figures ("loss", "val_loss", …).
	EpochEnd(o *Optimizer, epochs int, values map[string]float64)
}

// factor is a schedule that multiplies the rates that the groups had at the start by a function of time.
type factor struct {
	base    []float64
	byStep  bool
	scaleAt func(t int) float64
}

func newFactor(o *Optimizer, byStep bool, scaleAt func(t int) float64) Schedule {
	f := &factor{byStep: byStep, scaleAt: scaleAt}
	for _, g := range o.groups {
		f.base = append(f.base, g.LR)
	}
	return f
}

// ByEpoch multiplies the learning rates that o has now by f(epochs finished).
func ByEpoch(o *Optimizer, f func(epoch int) float64) Schedule { return newFactor(o, false, f) }

// ByStep multiplies the learning rates that o has now by f(steps taken).
func ByStep(o *Optimizer, f func(step int) float64) Schedule { return newFactor(o, true, f) }

// StepBegin sets the rates.
func (f *factor) StepBegin(o *Optimizer, step, epoch int) {
	t := epoch
	if f.byStep {
		t = step
	}
	for i, g := range o.groups {
		g.LR = f.base[i] * f.scaleAt(t)
	}
}

// EpochEnd does nothing: the rates are a function of time alone.
func (f *factor) EpochEnd(*Optimizer, int, map[string]float64) {}

// InverseTime divides by 1 + decay·epoch.
func InverseTime(o *Optimizer, decay float64) Schedule {
	return ByEpoch(o, func(e int) float64 { return 1 / (1 + decay*float64(e)) })
}

// Exponential multiplies by gamma after each epoch; 0.95 is usual.
func Exponential(o *Optimizer, gamma float64) Schedule {
	return ByEpoch(o, func(e int) float64 { return math.Pow(gamma, float64(e)) })
}

// InverseSqrt divides by √epoch from the second epoch on: k/√epoch with epochs counted from 1.
func InverseSqrt(o *Optimizer) Schedule {
	return ByEpoch(o, func(e int) float64 { return 1 / math.Sqrt(float64(e+1)) })
}

// StepDecay multiplies by gamma after every size epochs (PyTorch's StepLR).
func StepDecay(o *Optimizer, size int, gamma float64) Schedule {
	positive("StepDecay", "size", size)
	return ByEpoch(o, func(e int) float64 { return math.Pow(gamma, float64(e/size)) })
}

// MultiStep multiplies by gamma after each of the given numbers of epochs (PyTorch's MultiStepLR).
func MultiStep(o *Optimizer, gamma float64, milestones ...int) Schedule {
	return ByEpoch(o, func(e int) float64 {
		scale := 1.0
		for _, m := range milestones {
			if e >= m {
				scale *= gamma
			}
		}
		return scale
	})
}

// Polynomial falls to 0 within total steps as (1 − t/total)^power.
func Polynomial(o *Optimizer, total int, power float64) Schedule {
	positive("Polynomial", "total", total)
	return ByStep(o, func(t int) float64 { return math.Pow(1-float64(min(t, total))/float64(total), power) })
}

// Cosine falls within total steps along half a cosine from the full rate to floor times it (Loshchilov and Hutter, 2017), after
// warmup steps in which the rate rises linearly.
func Cosine(o *Optimizer, total, warmup int, floor float64) Schedule {
	positive("Cosine", "total", total)
	return ByStep(o, func(t int) float64 {
		if t < warmup {
			return float64(t+1) / float64(warmup)
		}
		done := float64(min(t, total)-warmup) / float64(max(total-warmup, 1))
		return floor + (1-floor)*(1+math.Cos(math.Pi*done))/2
	})
}

// Warmup rises linearly over the first steps, then stays.
func Warmup(o *Optimizer, steps int) Schedule {
	positive("Warmup", "steps", steps)
	return ByStep(o, func(t int) float64 { return math.Min(1, float64(t+1)/float64(steps)) })
}

// OneCycleConfig describes [OneCycle] with the meanings and defaults of torch.optim.lr_scheduler.OneCycleLR.
type OneCycleConfig struct {
	Total    int     // steps
	PctStart float64 // part of the steps in which the rate rises; default 0.3
	Div      float64 // the first rate is the peak divided by this; default 25
	FinalDiv float64 // the last rate is the first divided by this; default 1e4
}

// OneCycle takes the rates that o has now as peaks: up to them along half a cosine and down again (Smith, 2018).
func OneCycle(o *Optimizer, cfg OneCycleConfig) Schedule {
	positive("OneCycle", "Total", cfg.Total)
	orDefault(&cfg.PctStart, 0.3)
	orDefault(&cfg.Div, 25)
	orDefault(&cfg.FinalDiv, 1e4)
	up := cfg.PctStart*float64(cfg.Total) - 1
	down := float64(cfg.Total) - 1 - up
	between := func(from, to, done float64) float64 { return to + (from-to)*(1+math.Cos(math.Pi*done))/2 }
	return ByStep(o, func(step int) float64 {
		t := float64(min(step, cfg.Total-1))
		if t <= up {
			return between(1/cfg.Div, 1, t/up)
		}
		return between(1, 1/cfg.Div/cfg.FinalDiv, (t-up)/down)
	})
}

// Chain applies a, and from the given number of steps on b, whose steps then count from 0.
func Chain(a Schedule, steps int, b Schedule) Schedule { return &chain{a, b, steps} }

type chain struct {
	a, b Schedule
	at   int
}

// StepBegin asks the schedule whose turn it is.
func (c *chain) StepBegin(o *Optimizer, step, epoch int) {
	if step < c.at {
		c.a.StepBegin(o, step, epoch)
	} else {
		c.b.StepBegin(o, step-c.at, epoch)
	}
}

// EpochEnd tells both.
func (c *chain) EpochEnd(o *Optimizer, epochs int, values map[string]float64) {
	c.a.EpochEnd(o, epochs, values)
	c.b.EpochEnd(o, epochs, values)
}

func positive(schedule, field string, n int) {
	if n <= 0 {
		tensor.Fail("optim."+schedule, "", "%s must be positive, got %d", field, n)
	}
}

// PlateauConfig describes [ReduceOnPlateau] with PyTorch's meanings.
type PlateauConfig struct {
	Monitor   string  // figure to watch, default "val_loss"; smaller is better
	Max       bool    // larger is better, for accuracies
	Factor    float64 // multiplies the rates, default 0.1
	Patience  int     // epochs without improvement that are tolerated; 0 stands for 10, −1 for none
	Threshold float64 // relative change that counts as improvement, default 1e-4
	MinLR     float64
}

// ReduceOnPlateau lowers the rates when a figure has stopped improving.
func ReduceOnPlateau(cfg PlateauConfig) *Plateau {
	if cfg.Monitor == "" {
		cfg.Monitor = "val_loss"
	}
	orDefault(&cfg.Factor, 0.1)
	orDefault(&cfg.Threshold, 1e-4)
	switch cfg.Patience {
	case 0:
		cfg.Patience = 10
	case -1:
		cfg.Patience = 0
	}
	p := &Plateau{cfg: cfg, best: math.Inf(1)}
	if cfg.Max {
		p.best = math.Inf(-1)
	}
	return p
}

// Plateau is the schedule of [ReduceOnPlateau].
type Plateau struct {
	cfg  PlateauConfig
	best float64
	bad  int // epochs since the best
}

// StepBegin does nothing.
func (p *Plateau) StepBegin(*Optimizer, int, int) {}

// EpochEnd looks at the figure. It panics if there is none of that name.
func (p *Plateau) EpochEnd(o *Optimizer, _ int, values map[string]float64) {
	v, ok := values[p.cfg.Monitor]
	if !ok {
		tensor.Fail("optim.ReduceOnPlateau", "set Monitor to one of the epoch's figures, and Valid in train.Config for those with val_", "there is no figure %q", p.cfg.Monitor)
	}
	better := v < p.best*(1-p.cfg.Threshold)
	if p.cfg.Max {
		better = v > p.best*(1+p.cfg.Threshold)
	}
	if better || math.IsInf(p.best, 0) && !math.IsNaN(v) {
		p.best, p.bad = v, 0
		return
	}
	if p.bad++; p.bad > p.cfg.Patience {
		for _, g := range o.groups {
			g.LR = math.Max(g.LR*p.cfg.Factor, p.cfg.MinLR)
		}
		p.bad = 0
	}
}

// SaveState returns what a checkpoint keeps.
func (p *Plateau) SaveState() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"best": tensor.Scalar(tensor.Float64, p.best), "bad": tensor.Scalar(tensor.Int64, float64(p.bad))}
}

// LoadState continues from what SaveState returned.
func (p *Plateau) LoadState(state map[string]*tensor.Tensor) error {
	best, bad := state["best"], state["bad"]
	if best == nil || bad == nil || best.NumEl() != 1 || bad.NumEl() != 1 {
		return fmt.Errorf("optim: the state of ReduceOnPlateau needs the scalars best and bad")
	}
	p.best, p.bad = best.Item(), int(bad.Item())
	return nil
}
