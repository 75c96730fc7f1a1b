package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"context"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
)

// Checkpoints says where and how often [Fit] saves everything that it needs to continue to the same bits: weights, optimiser,
// schedule, callbacks, and how far it got. Each checkpoint is one file, written aside, synced and renamed; an old one is
// removed only after its successors are complete.
type Checkpoints struct {
	Dir        string
	EverySteps int // also after every so many steps of the optimiser; 0: at the ends of epochs only
	Keep       int // how many of the newest to keep, default 2
	// Warn is told about a checkpoint that can't be read and is passed over; default: slog.
	Warn func(message string)
}

// Stateful is a callback or schedule with something to keep in checkpoints. Numbers are kept as scalars.
type Stateful interface {
	SaveState() map[string]*tensor.Tensor
	LoadState(state map[string]*tensor.Tensor) error
}

// checkpointVersion changes when older programs can't read the files any more.
const checkpointVersion = 1

// header is the part of a checkpoint that isn't tensors.
type header struct {
	Version int               `json:"version"`
	Epoch   int               `json:"epoch"` // the one to continue in
	Batch   int               `json:"batch"` // batches of it that are done
	Step    int               `json:"step"`
	Sum     running           `json:"sum"`
	History []historyEntry    `json:"history"`
	CRC     map[string]uint32 `json:"crc"` // of each tensor's bytes
}

// historyEntry is an Epoch in JSON, which has no NaN.
type historyEntry struct {
	Number  int
	Values  map[string]string
	Seconds float64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkpointEpoch saves at the end of an epoch.
func (r *run) checkpointEpoch() error {
	if r.cfg.Checkpoints == nil {
		return nil
	}
	// The state is that of the next epoch's beginning.
	epoch, batch := r.state.Epoch, r.state.Batch
	r.state.Epoch, r.state.Batch = epoch+1, 0
	err := r.save()
	r.state.Epoch, r.state.Batch = epoch, batch
	return err
}

// checkpointStep saves after a batch, if it is time.
func (r *run) checkpointStep() error {
	c := r.cfg.Checkpoints
	if c == nil || c.EverySteps <= 0 || r.state.Batch%r.cfg.Accumulate != 0 || r.state.Step%c.EverySteps != 0 {
		return nil
	}
	return r.save()
}

// parts returns everything that has state, by the prefix of its tensors' names.
func (r *run) parts() map[string]Stateful {
	parts := map[string]Stateful{}
	if s, ok := r.cfg.Schedule.(Stateful); ok {
		parts["schedule"] = s
	}
	for i, c := range r.cfg.Callbacks {
		if s, ok := c.(Stateful); ok {
			parts[fmt.Sprintf("callback%d", i)] = s
		}
	}
	for i, m := range r.cfg.Metrics {
		if s, ok := m.(Stateful); ok {
			parts[fmt.Sprintf("metric%d", i)] = s
		}
	}
	return parts
}

// save writes a checkpoint of the present state and removes the oldest ones. Gradients that wait for Accumulate aren't kept: an
// interrupted group of batches is done again.
func (r *run) save() error {
	c, s := r.cfg.Checkpoints, &r.state
	if err := os.MkdirAll(c.Dir, 0o777); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	all := map[string]*tensor.Tensor{}
	put := func(prefix string, tensors map[string]*tensor.Tensor) {
		for name, t := range tensors {
			all[prefix+"/"+name] = t
		}
	}
	put("model", nn.State(r.cfg.Model))
	put("optimizer", r.cfg.Optimizer.State())
	for prefix, part := range r.parts() {
		put(prefix, part.SaveState())
	}
	h := header{Version: checkpointVersion, Epoch: s.Epoch, Batch: s.Batch - s.Batch%r.cfg.Accumulate, Step: s.Step, Sum: r.sum, CRC: map[string]uint32{}}
	for _, e := range s.History {
		values := map[string]string{}
		for k, v := range e.Values {
			values[k] = fmt.Sprintf("%x", v)
		}
		h.History = append(h.History, historyEntry{e.Number, values, e.Seconds})
	}
	for name, t := range all {
		h.CRC[name] = checksum(t)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	path := filepath.Join(c.Dir, fmt.Sprintf("epoch-%05d-batch-%08d.safetensors", h.Epoch, h.Batch))
	if err := safetensors.Save(path, all, map[string]string{"gradus.checkpoint": string(text)}); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return c.prune()
}

// list returns the checkpoints in the folder, newest first.
func (c *Checkpoints) list() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(c.Dir), "epoch-*-batch-*.safetensors"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	return paths, nil
}

// escapeGlob makes a folder's name stand for itself in a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

func (c *Checkpoints) prune() error {
	paths, err := c.list()
	if err != nil {
		return err
	}
	keep := c.Keep
	if keep <= 0 {
		keep = 2
	}
	for _, old := range paths[min(keep, len(paths)):] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("train: old checkpoint: %w", err)
		}
	}
	return nil
}

// checksum returns the CRC-32C of the bytes of t's elements.
func checksum(t *tensor.Tensor) uint32 {
	sum := uint32(0)
	tensor.WithBytes(t.Contiguous(), false, func(b []byte) { sum = crc32.Checksum(b, castagnoli) })
	return sum
}

// restore continues from the newest checkpoint that is whole; a damaged one is passed over with a warning.
func (r *run) restore() error {
	c := r.cfg.Checkpoints
	// Part of a file, from a process that was killed while it wrote.
	if err := atomicfile.RemoveStale(c.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	paths, err := c.list()
	if err != nil || len(paths) == 0 {
		return err
	}
	warn := c.Warn
	if warn == nil {
		warn = func(m string) { slog.Warn(m) }
	}
	var all []error
	for _, path := range paths {
		h, tensors, err := readCheckpoint(path)
		if err != nil {
			warn(fmt.Sprintf("checkpoint %s can't be used (%v); trying the one before it", path, err))
			all = append(all, err)
			continue
		}
		return r.load(path, h, tensors)
	}
	return fmt.Errorf("train: no checkpoint in %s can be read; remove the folder to start anew: %w", c.Dir, errors.Join(all...))
}

// readCheckpoint reads a file and verifies all of it.
func readCheckpoint(path string) (header, map[string]*tensor.Tensor, error) {
	var h header
	f, err := safetensors.Open(path)
	if err != nil {
		return h, nil, err
	}
	defer f.Close()
	text, ok := f.Metadata()["gradus.checkpoint"]
	if !ok {
		return h, nil, fmt.Errorf("%s: not a checkpoint of Gradus: the metadata has no gradus.checkpoint (weights alone can't be resumed)", path)
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return h, nil, fmt.Errorf("%s: checkpoint header: %w", path, err)
	}
	if h.Version != checkpointVersion {
		return h, nil, fmt.Errorf("%s: checkpoint version %d, this program reads %d; use the version of Gradus that wrote it", path, h.Version, checkpointVersion)
	}
	if h.Epoch < 0 || h.Batch < 0 || h.Step < 0 {
		return h, nil, fmt.Errorf("%s: checkpoint header: epoch %d, batch %d and step %d must not be negative", path, h.Epoch, h.Batch, h.Step)
	}
	tensors := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return h, nil, err
		}
		want, ok := h.CRC[name]
		if got := checksum(t); !ok || got != want {
			return h, nil, fmt.Errorf("%s: tensor %s: checksum %08x, expected %08x: the file is damaged", path, name, got, want)
		}
		tensors[name] = t
	}
	for name := range h.CRC {
		if tensors[name] == nil {
			return h, nil, fmt.Errorf("%s: tensor %s is listed but missing", path, name)
		}
	}
	return h, tensors, nil
}

// load puts a checkpoint into model, optimiser and the rest.
func (r *run) load(path string, h header, tensors map[string]*tensor.Tensor) error {
	part := func(prefix string) map[string]*tensor.Tensor {
		out := map[string]*tensor.Tensor{}
		for name, t := range tensors {
			if rest, ok := strings.CutPrefix(name, prefix+"/"); ok {
				out[rest] = t
			}
		}
		return out
	}
	for name, t := range tensors {
		if strings.HasPrefix(name, "model/") && t.DType().IsFloat() && t.IsFinite().AllAxes(false).Item() == 0 {
			return fmt.Errorf("train: %s: %s has values that are not finite; resume from an older checkpoint", path, name)
		}
	}
	if err := nn.LoadState(r.cfg.Model, part("model"), nn.LoadConfig{}); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	if err := r.cfg.Optimizer.LoadState(part("optimizer")); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	parts := r.parts()
	for _, prefix := range slices.Sorted(maps.Keys(parts)) {
		if err := parts[prefix].LoadState(part(prefix)); err != nil {
			return fmt.Errorf("train: %s: %s: %w", path, prefix, err)
		}
	}
	s := &r.state
	s.Epoch, s.Batch, s.Step, r.sum, r.first = h.Epoch, h.Batch, h.Step, h.Sum, h.Batch
	if r.first > 0 {
		if _, ok := r.cfg.Train.(resumable); !ok {
			return fmt.Errorf("train: %s was written in mid-epoch, but the training data (%T) can't start there: it has no EpochFrom method", path, r.cfg.Train)
		}
	}
	s.History = nil
	for _, e := range h.History {
		values := map[string]float64{}
		for k, v := range e.Values {
			f := 0.0
			if _, err := fmt.Sscanf(v, "%g", &f); err != nil {
				return fmt.Errorf("train: %s: history value %s = %q isn't a number", path, k, v)
			}
			values[k] = f
		}
		s.History = append(s.History, Epoch{e.Number, values, e.Seconds})
	}
	return nil
}

// resumable is a source that can start in the middle of an epoch.
type resumable interface {
	EpochFrom(ctx context.Context, epoch, first int) iter.Seq2[data.Batch, error]
}
