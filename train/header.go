package train

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
)

// checkpointVersion changes when older programs can't read the files any more.
const checkpointVersion = 1

// Metadata of a checkpoint: the header as JSON, and its CRC-32C.
const (
	headerKey    = "gradus.checkpoint"
	headerSumKey = "gradus.checkpoint.crc32c"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func headerSum(text string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli))
}

// header is the part of a checkpoint that isn't tensors.
type header struct {
	Version int               `json:"version"`
	Epoch   int               `json:"epoch"` // the one to continue in
	Batch   int               `json:"batch"` // batches of it that are done
	Step    int               `json:"step"`
	Stopped string            `json:"stopped,omitempty"`
	Sum     running           `json:"sum"`
	Group   group             `json:"group"`
	Figures map[string]string `json:"figures,omitempty"` // of the epoch's training part, if it is over
	History []historyEntry    `json:"history"`
	Parts   []string          `json:"parts"` // what else has state
	CRC     map[string]uint32 `json:"crc"`   // of each tensor
	settings
}

// settings are what must not change from one part of a run to the next.
type settings struct {
	Seed       uint64 `json:"seed"`
	Accumulate int    `json:"accumulate"`
	Batches    int    `json:"batches"` // in an epoch
}

func (r *run) settings() settings {
	return settings{r.cfg.Seed, r.cfg.Accumulate, r.state.Batches}
}

// historyEntry is an Epoch in JSON.
type historyEntry struct {
	Number  int
	Values  map[string]string
	Seconds float64
}

// encode writes figures so that JSON, which has no NaN, keeps every bit.
func encode(figures map[string]float64) map[string]string {
	if figures == nil {
		return nil
	}
	out := map[string]string{}
	for k, v := range figures {
		out[k] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return out
}

func decode(figures map[string]string) (map[string]float64, error) {
	if figures == nil {
		return nil, nil
	}
	out := map[string]float64{}
	for k, v := range figures {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return nil, fmt.Errorf("the figure %s = %q isn't a number", k, v)
		}
		out[k] = f
	}
	return out, nil
}

// readCheckpoint reads a file and verifies all of it.
func readCheckpoint(path string) (header, map[string]*tensor.Tensor, error) {
	var h header
	fail := func(format string, args ...any) (header, map[string]*tensor.Tensor, error) {
		return h, nil, fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...))
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return h, nil, err
	}
	defer f.Close()
	text, ok := f.Metadata()[headerKey]
	if !ok {
		return fail("it isn't a checkpoint of Gradus: the metadata has no %s (weights alone can't be resumed)", headerKey)
	}
	if got, want := headerSum(text), f.Metadata()[headerSumKey]; got != want {
		return fail("checkpoint header: checksum %s, expected %q: the file is damaged", got, want)
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return fail("checkpoint header: %w", err)
	}
	if h.Version != checkpointVersion {
		return fail("checkpoint version %d, this program reads %d; use the version of Gradus that wrote it", h.Version, checkpointVersion)
	}
	if h.Epoch < 0 || h.Batch < 0 || h.Step < 0 || h.Group.Batches < 0 {
		return fail("checkpoint header: epoch %d, batch %d, step %d and group %d must not be negative", h.Epoch, h.Batch, h.Step, h.Group.Batches)
	}
	tensors := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return h, nil, err
		}
		want, ok := h.CRC[name]
		if got := checksum(t); !ok || got != want {
			return fail("tensor %s: checksum %08x, expected %08x: the file is damaged", name, got, want)
		}
		if strings.HasPrefix(name, "model/") && !finite(t) {
			return fail("tensor %s has values that aren't finite", name)
		}
		tensors[name] = t
	}
	for name := range h.CRC {
		if tensors[name] == nil {
			return fail("tensor %s is listed but missing", name)
		}
	}
	return h, tensors, nil
}

// fits reports how the run differs from the one that wrote the checkpoint.
func (r *run) fits(h header) error {
	var differ []string
	compare := func(what string, saved, now any) {
		if saved != now {
			differ = append(differ, fmt.Sprintf("%s is %v in the checkpoint, %v now", what, saved, now))
		}
	}
	now := r.settings()
	compare("Seed", h.Seed, now.Seed)
	compare("Accumulate", h.Accumulate, now.Accumulate)
	compare("the number of batches in an epoch", h.settings.Batches, now.Batches)
	if len(differ) > 0 {
		return fmt.Errorf("another run wrote it: %s; resume with the same data and settings, or start anew in another folder", strings.Join(differ, ", "))
	}
	if _, ok := r.cfg.Train.(resumable); h.Batch > 0 && h.Figures == nil && !ok {
		return fmt.Errorf("it was written in mid-epoch, but the training data (%T) can't start there: it has no EpochFrom method", r.cfg.Train)
	}
	return nil
}
