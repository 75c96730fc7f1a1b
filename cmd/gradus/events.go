package main

import (
	"encoding/json"
	"math"

	"github.com/gradus-ml/gradus/recipes"
	"github.com/gradus-ml/gradus/train"
)

// With --json, train prints one of these events in each line.

type startEvent struct {
	Event   string          `json:"event"` // "start"
	Recipe  string          `json:"recipe"`
	Options recipes.Options `json:"options"`
	Out     string          `json:"out"`
}

type epochEvent struct {
	Event   string         `json:"event"`          // "epoch"
	Part    string         `json:"part,omitempty"` // of a recipe that trains several models
	Epoch   int            `json:"epoch"`          // from 1
	Epochs  int            `json:"epochs"`
	Metrics map[string]any `json:"metrics"`
	Seconds float64        `json:"seconds"`
}

type doneEvent struct {
	Event   string         `json:"event"` // "done"
	Recipe  string         `json:"recipe"`
	Metrics map[string]any `json:"metrics"` // of the test set
	Epochs  int            `json:"epochs"`
	Seconds float64        `json:"seconds"`
	Out     string         `json:"out"`
}

type failEvent struct {
	Event   string `json:"event"` // "error" or "interrupted"
	Message string `json:"message"`
	Out     string `json:"out"`
}

// jsonLines prints an event for each epoch.
type jsonLines struct {
	train.Quiet
	out *json.Encoder
	run *recipes.Run
}

// EpochEnd prints the event.
func (j *jsonLines) EpochEnd(s *train.State) error {
	e := s.History[len(s.History)-1]
	return j.out.Encode(epochEvent{"epoch", j.run.Part, e.Number + 1, s.Epochs, finite(e.Values), math.Round(1000*e.Seconds) / 1000})
}

// finite returns values with NaN and infinities, which JSON doesn't have, as nulls.
func finite(values map[string]float64) map[string]any {
	out := map[string]any{}
	for k, v := range values {
		out[k] = v
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[k] = nil
		}
	}
	return out
}
