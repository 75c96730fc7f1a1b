package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// EarlyStopping ends training when a figure has stopped improving, and puts back the weights of the best epoch.
type EarlyStopping struct {
	Quiet
	Monitor  string  // figure to watch, default "val_loss"
	Max      bool    // larger is better, for accuracies
	Patience int     // epochs without improvement that are tolerated
	MinDelta float64 // smallest change that counts as improvement

	best      float64
	bestEpoch int
	bad       int
	weights   map[string]*tensor.Tensor
	loaded    bool // from a checkpoint, so TrainBegin must not start anew
}

// TrainBegin starts the watch, unless it was loaded from a checkpoint.
func (e *EarlyStopping) TrainBegin(*State) error {
	if e.Monitor == "" {
		e.Monitor = "val_loss"
	}
	if !e.loaded {
		e.best, e.bestEpoch, e.bad, e.weights = 0, 0, 0, nil
	}
	e.loaded = false
	return nil
}

// EpochEnd looks at the figure.
func (e *EarlyStopping) EpochEnd(s *State) error {
	v, ok := s.Last()[e.Monitor]
	if !ok {
		return fmt.Errorf("train: EarlyStopping watches %q, but the epoch has no such figure, only %s; set Monitor to one of them, and Valid in Config for those with val_",
			e.Monitor, strings.Join(slices.Sorted(maps.Keys(s.Last())), ", "))
	}
	change := e.best - v
	if e.Max {
		change = -change
	}
	if e.weights == nil && !math.IsNaN(v) || change > e.MinDelta {
		e.best, e.bestEpoch, e.bad = v, s.Epoch, 0
		e.weights = copies(e.weights, nn.State(s.Model))
		return nil
	}
	if e.bad++; e.bad > e.Patience {
		s.Stop(fmt.Sprintf("%s has not improved for %d epochs; best was %.6g in epoch %d", e.Monitor, e.bad, e.best, e.bestEpoch+1))
	}
	return nil
}

// copies returns copies of state, in the memory of old where there is some.
func copies(old, state map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for name, t := range state {
		if c := old[name]; c != nil && c.SameShape(t) && c.DType() == t.DType() {
			c.CopyFrom(t)
			out[name] = c
		} else {
			out[name] = t.Clone()
		}
	}
	return out
}

// TrainEnd puts back the best weights.
func (e *EarlyStopping) TrainEnd(s *State) error {
	if e.weights == nil {
		return nil
	}
	return nn.LoadState(s.Model, e.weights, nn.LoadConfig{})
}

// Best returns the best figure and the epoch it came from, counted from 0.
func (e *EarlyStopping) Best() (value float64, epoch int) { return e.best, e.bestEpoch }

// SaveState returns what a checkpoint keeps, the best weights included.
func (e *EarlyStopping) SaveState() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{
		"best":  tensor.Scalar(tensor.Float64, e.best),
		"epoch": tensor.Scalar(tensor.Int64, float64(e.bestEpoch)),
		"bad":   tensor.Scalar(tensor.Int64, float64(e.bad)),
	}
	for name, t := range e.weights {
		out["weights/"+name] = t
	}
	return out
}

// LoadState continues from what SaveState returned.
func (e *EarlyStopping) LoadState(state map[string]*tensor.Tensor) error {
	for name, to := range map[string]func(float64){
		"best":  func(v float64) { e.best = v },
		"epoch": func(v float64) { e.bestEpoch = int(v) },
		"bad":   func(v float64) { e.bad = int(v) },
	} {
		t := state[name]
		if t == nil || t.NumEl() != 1 {
			return fmt.Errorf("train: the state of EarlyStopping lacks %q", name)
		}
		to(t.Item())
	}
	e.weights, e.loaded = nil, true
	for name, t := range state {
		if rest, ok := strings.CutPrefix(name, "weights/"); ok {
			if e.weights == nil {
				e.weights = map[string]*tensor.Tensor{}
			}
			e.weights[rest] = t
		}
	}
	return nil
}
