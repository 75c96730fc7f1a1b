package train

import (
	"context"
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

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
)

// Checkpoints says where and how often [Fit] saves everything that it needs to continue to the same bits: weights,
// optimiser, schedule, callbacks, and how far it got. Each checkpoint is one safetensors file with a checksum over
// every tensor, written aside, synced and renamed; an old one is removed only after its successors are complete.
// Random numbers need no saving: they are a function of seed, epoch and batch.
type Checkpoints struct {
	Dir         string // belongs to one run; Fit refuses to start another one in it
	EveryEpochs int    // at the ends of epochs whose number divides by this, and of the last one; default 1
	EverySteps  int    // also after every so many steps of the optimiser; 0: not
	Keep        int    // how many of the newest to keep, default 2
	// Warn is told about a checkpoint that can't be read and is passed over, and state that has no taker; default: slog.
	Warn func(message string)
}

// Stateful is a metric, callback or schedule with something to keep in checkpoints. Numbers are kept as scalars.
type Stateful interface {
	SaveState() map[string]*tensor.Tensor
	LoadState(state map[string]*tensor.Tensor) error
}

// resumable is a source that can start in the middle of an epoch.
type resumable interface {
	EpochFrom(ctx context.Context, epoch, first int) iter.Seq2[data.Batch, error]
}

// parts returns everything beside model and optimiser that has state, by the prefix of its tensors' names.
func (r *run) parts() map[string]Stateful {
	parts := map[string]Stateful{}
	add := func(name string, v any) {
		s, ok := v.(Stateful)
		if !ok {
			return
		}
		first := name
		for i := 2; parts[name] != nil; i++ {
			name = fmt.Sprintf("%s#%d", first, i)
		}
		parts[name] = s
	}
	add("schedule", r.cfg.Schedule)
	if r.cfg.Average != nil {
		add("average", r.cfg.Average)
	}
	for _, c := range r.cfg.Callbacks {
		add("callback "+strings.TrimLeft(fmt.Sprintf("%T", c), "*"), c)
	}
	for _, m := range r.cfg.Metrics {
		add("metric "+m.Name(), m)
	}
	return parts
}

// checkpointEpoch saves between two epochs, if it is time.
func (r *run) checkpointEpoch() error {
	c, s := r.cfg.Checkpoints, &r.state
	if c == nil || s.Epoch%max(c.EveryEpochs, 1) != 0 && s.Epoch != s.Epochs && s.stop == "" {
		return nil
	}
	return r.save()
}

// checkpointStep saves after a step, if it is time.
func (r *run) checkpointStep() error {
	c := r.cfg.Checkpoints
	if c == nil || c.EverySteps <= 0 || r.group.Batches > 0 || r.state.Step%c.EverySteps != 0 {
		return nil
	}
	return r.save()
}

// save writes a checkpoint of the present state and removes the oldest ones.
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
	if r.group.Batches > 0 {
		put("gradient", r.gradients())
	}
	parts := r.parts()
	for prefix, part := range parts {
		put(prefix, part.SaveState())
	}
	h := header{Version: checkpointVersion, Epoch: s.Epoch, Batch: s.Batch, Step: s.Step, Stopped: s.stop, Sum: r.sum, Group: r.group,
		Figures: encode(r.figures), Parts: slices.Sorted(maps.Keys(parts)), settings: r.settings(), CRC: map[string]uint32{}}
	for _, e := range s.History {
		h.History = append(h.History, historyEntry{e.Number, encode(e.Values), e.Seconds})
	}
	for name, t := range all {
		h.CRC[name] = checksum(t)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	at := position{h.Epoch, h.Batch}
	if err := safetensors.Save(c.path(at), all, map[string]string{headerKey: string(text), headerSumKey: headerSum(string(text))}); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return c.prune(at)
}

// gradients returns those that wait for a step of the optimiser, by their parameters' names.
func (r *run) gradients() map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, g := range r.cfg.Optimizer.Groups() {
		for _, p := range g.Params {
			if d := p.LendGrad(); d != nil {
				out[p.Name()] = d
			}
		}
	}
	return out
}

// checksum returns the CRC-32C of a tensor's data type, shape and elements.
func checksum(t *tensor.Tensor) uint32 {
	sum := crc32.Checksum(fmt.Append(nil, t.DType(), t.Shape()), castagnoli)
	tensor.WithBytes(t.Contiguous(), false, func(b []byte) { sum = crc32.Update(sum, castagnoli, b) })
	return sum
}

// position is how far a run had got when it was saved: finished epochs, and batches of the next one.
type position struct{ epoch, batch int }

func (p position) compare(q position) int {
	if p.epoch != q.epoch {
		return p.epoch - q.epoch
	}
	return p.batch - q.batch
}

const fileName = "epoch-%05d-batch-%08d.safetensors"

func (c *Checkpoints) path(p position) string {
	return filepath.Join(c.Dir, fmt.Sprintf(fileName, p.epoch, p.batch))
}

// list returns the checkpoints in the folder, newest first; none if there is no folder.
func (c *Checkpoints) list() ([]position, error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: checkpoints: %w", err)
	}
	var out []position
	for _, e := range entries {
		var p position
		if n, _ := fmt.Sscanf(e.Name(), fileName, &p.epoch, &p.batch); n == 2 && filepath.Base(c.path(p)) == e.Name() {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(p, q position) int { return q.compare(p) })
	return out, nil
}

// prune removes old checkpoints after a new one was written. Any that are further on than it were damaged and passed over: they
// count for nothing, and stay until the run comes to their place again.
func (c *Checkpoints) prune(written position) error {
	have, err := c.list()
	if err != nil {
		return err
	}
	have = slices.DeleteFunc(have, func(p position) bool { return p.compare(written) > 0 })
	keep := c.Keep
	if keep <= 0 {
		keep = 2
	}
	for _, old := range have[min(keep, len(have)):] {
		if err := os.Remove(c.path(old)); err != nil {
			return fmt.Errorf("train: old checkpoint: %w", err)
		}
	}
	return nil
}

func (c *Checkpoints) warn(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if c.Warn != nil {
		c.Warn(message)
	} else {
		slog.Warn(message)
	}
}

// restore continues from the newest checkpoint that is whole; a damaged one is passed over with a warning.
func (r *run) restore() error {
	c := r.cfg.Checkpoints
	if c == nil {
		return nil
	}
	have, err := c.list()
	if err != nil {
		return err
	}
	if !r.cfg.Resume && len(have) > 0 {
		return fmt.Errorf("train: %s holds checkpoints of another run; set Resume to continue it, or choose another folder", c.Dir)
	}
	// Part of a file, from a process that was killed while it wrote.
	if err := atomicfile.RemoveStale(c.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	var all []error
	for i, p := range have {
		path := c.path(p)
		h, tensors, err := readCheckpoint(path)
		if err == nil {
			if i > 0 {
				c.warn("continuing from checkpoint %s: %d epochs and %d batches done, step %d", path, h.Epoch, h.Batch, h.Step)
			}
			if err := r.load(h, tensors); err != nil {
				return fmt.Errorf("train: %s: %w", path, err)
			}
			return nil
		}
		c.warn("checkpoint can't be used: %v; trying the one before it", err)
		all = append(all, err)
	}
	if len(all) > 0 {
		return fmt.Errorf("train: no checkpoint in %s can be used; remove the folder to start anew: %w", c.Dir, errors.Join(all...))
	}
	return nil
}

// load puts a checkpoint into model, optimiser and the rest.
func (r *run) load(h header, tensors map[string]*tensor.Tensor) error {
	if err := r.fits(h); err != nil {
		return err
	}
	part := func(prefix string) map[string]*tensor.Tensor {
		out := map[string]*tensor.Tensor{}
		for name, t := range tensors {
			if rest, ok := strings.CutPrefix(name, prefix+"/"); ok {
				out[rest] = t
			}
		}
		return out
	}
	if err := nn.LoadState(r.cfg.Model, part("model"), nn.LoadConfig{}); err != nil {
		return err
	}
	if err := r.cfg.Optimizer.LoadState(part("optimizer")); err != nil {
		return err
	}
	if h.Group.Batches > 0 {
		if err := r.setGradients(part("gradient")); err != nil {
			return err
		}
	}
	parts := r.parts()
	for _, name := range h.Parts {
		if parts[name] == nil {
			r.cfg.Checkpoints.warn("the checkpoint has state of %s, which this run lacks", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !slices.Contains(h.Parts, name) {
			r.cfg.Checkpoints.warn("the checkpoint has no state of %s, which begins anew", name)
			continue
		}
		if err := parts[name].LoadState(part(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	s := &r.state
	s.Epoch, s.Batch, s.Step, s.stop = h.Epoch, h.Batch, h.Step, h.Stopped
	r.sum, r.group = h.Sum, h.Group
	var err error
	if r.figures, err = decode(h.Figures); err != nil {
		return err
	}
	for _, e := range h.History {
		values, err := decode(e.Values)
		if err != nil {
			return err
		}
		s.History = append(s.History, Epoch{e.Number, values, e.Seconds})
	}
	return nil
}

// setGradients puts gradients back that waited for a step.
func (r *run) setGradients(saved map[string]*tensor.Tensor) error {
	for _, g := range r.cfg.Optimizer.Groups() {
		for _, p := range g.Params {
			d, ok := saved[p.Name()]
			if !ok {
				continue
			}
			if !d.SameShape(p.Value()) {
				return fmt.Errorf("gradient of %s has shape %s, expected %s", p.Name(), tensor.ShapeString(d.Shape()), tensor.ShapeString(p.Shape()))
			}
			p.Value().SetGrad(d)
		}
	}
	return nil
}
