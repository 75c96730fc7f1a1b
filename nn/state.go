package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/tensor"
)

// State returns the values of all parameters and buffers of model under their paths, PyTorch's state dictionary. The tensors
// share the model's memory.
func State(model Layer) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	walkParams(model, func(path string, p *Param) {
		if p.value == nil {
			tensor.Fail("nn.State", "call nn.Init(model, seed) first", "parameter %s has no values yet", path)
		}
		out[path] = p.value.Detach()
	})
	return out
}

// LoadConfig says how strict [LoadState] is.
type LoadConfig struct {
	// Partial accepts missing and unexpected names, and loads those that match. Shapes must match even so.
	Partial bool
}

// StateError lists everything in which a state dictionary doesn't fit a model.
type StateError struct {
	Missing    []string // in the model, not in the state
	Unexpected []string // in the state, not in the model
	Shapes     []string // "fc1.weight: model (256, 784), file (128, 784)"
}

// Error names ten of each kind, and says if only a prefix is between them.
func (e *StateError) Error() string {
	var parts []string
	add := func(what string, names []string) {
		const most = 10
		if len(names) > most {
			names = append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", len(names)-most))
		}
		if len(names) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", what, strings.Join(names, ", ")))
		}
	}
	add("missing", e.Missing)
	add("unexpected", e.Unexpected)
	add("of another shape", e.Shapes)
	if prefix := e.prefix(); prefix != "" {
		parts = append(parts, fmt.Sprintf("the names in the file begin with %q: cut it off", prefix))
	}
	return "nn: the weights don't fit the model; " + strings.Join(parts, "; ")
}

// prefix returns what stands before all missing names in the file: "module." after PyTorch's DataParallel, "model." in many checkpoints.
func (e *StateError) prefix() string {
	if len(e.Missing) == 0 {
		return ""
	}
	for _, name := range e.Unexpected {
		prefix, ok := strings.CutSuffix(name, e.Missing[0])
		behind := func(missing string) bool { return slices.Contains(e.Unexpected, prefix+missing) }
		if ok && !slices.ContainsFunc(e.Missing, func(m string) bool { return !behind(m) }) {
			return prefix
		}
	}
	return ""
}

// LoadState copies state into model. If anything doesn't fit, nothing is changed and the error, a [*StateError], lists all of it.
// As in PyTorch, a state may lack the num_batches_tracked of batch norm, which files of before 2018 don't have; it becomes 0.
func LoadState(model Layer, state map[string]*tensor.Tensor, cfg LoadConfig) error {
	var bad StateError
	known := map[string]bool{}
	walkParams(model, func(path string, p *Param) {
		known[path] = true
		t, ok := state[path]
		switch {
		case !ok && countsBatches(path, p):
		case !ok:
			bad.Missing = append(bad.Missing, path)
		case !slices.Equal(t.Shape(), p.shape):
			bad.Shapes = append(bad.Shapes, fmt.Sprintf("%s: model %s, file %s", path, tensor.ShapeString(p.shape), tensor.ShapeString(t.Shape())))
		}
	})
	for name := range state {
		if !known[name] {
			bad.Unexpected = append(bad.Unexpected, name)
		}
	}
	slices.Sort(bad.Unexpected)
	if len(bad.Shapes) > 0 || !cfg.Partial && len(bad.Missing)+len(bad.Unexpected) > 0 {
		return &bad
	}
	walkParams(model, func(path string, p *Param) {
		p.name = path
		if t, ok := state[path]; ok {
			_ = p.Set(t) // shapes were compared above
		} else if countsBatches(path, p) && !cfg.Partial {
			_ = p.Set(tensor.Zeros(tensor.Int64))
		}
	})
	return nil
}

// countsBatches reports whether p is batch norm's num_batches_tracked.
func countsBatches(path string, p *Param) bool {
	return p.buffer && len(p.shape) == 0 && (path == "num_batches_tracked" || strings.HasSuffix(path, ".num_batches_tracked"))
}
