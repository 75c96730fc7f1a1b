package train

import (
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
)

// State is what callbacks see of a run.
type State struct {
	Model     nn.Layer
	Optimizer *optim.Optimizer
	Epoch     int     // number of the running epoch, from 0
	Epochs    int     // how many there will be
	Batch     int     // batches finished in this epoch
	Batches   int     // batches in an epoch, −1 if that isn't known
	Step      int     // steps of the optimiser taken
	Loss      float64 // of the last batch; 0 before the first since training began or was resumed
	History   []Epoch // finished epochs; in EpochEnd the last one is the epoch that just ended
	stop      string
}

// Stop ends training after the running batch, or epoch in EpochEnd. why goes into the result. An epoch that ends
// early is measured like any other.
func (s *State) Stop(why string) {
	if why == "" {
		why = "a callback stopped it"
	}
	s.stop = why
}

// Last returns the figures of the epoch that ended last, nil before the first.
func (s *State) Last() map[string]float64 {
	if len(s.History) == 0 {
		return nil
	}
	return s.History[len(s.History)-1].Values
}

// Callback is told how training goes on, and may end it with an error or [State.Stop]. Embed [Quiet] to write only some of the methods.
type Callback interface {
	TrainBegin(s *State) error
	StepEnd(s *State) error  // after each batch
	EpochEnd(s *State) error // after validation
	TrainEnd(s *State) error // not called after an error or an interruption
}

// Quiet is a callback that does nothing.
type Quiet struct{}

// TrainBegin does nothing.
func (Quiet) TrainBegin(*State) error { return nil }

// StepEnd does nothing.
func (Quiet) StepEnd(*State) error { return nil }

// EpochEnd does nothing.
func (Quiet) EpochEnd(*State) error { return nil }

// TrainEnd does nothing.
func (Quiet) TrainEnd(*State) error { return nil }
