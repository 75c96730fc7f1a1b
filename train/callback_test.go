package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// The rate explodes after two epochs, so the weights of the second are the best.
func TestEarlyStoppingPutsBackTheBestWeights(t *testing.T) {
	cfg := toy()
	cfg.Valid = cfg.Train
	cfg.Epochs = 20
	cfg.Schedule = optim.ByEpoch(cfg.Optimizer, func(epoch int) float64 {
		if epoch >= 2 {
			return 12
		}
		return 1
	})
	var after []map[string][]uint64
	stop := &train.EarlyStopping{Patience: 2}
	cfg.Callbacks = []train.Callback{stop, callback{epoch: func(s *train.State) error {
		after = append(after, weights(s.Model))
		return nil
	}}}
	result := fit(t, cfg)
	if len(result.History) != 5 || result.Stopped != fmt.Sprintf("val_loss has not improved for 3 epochs; best was %.6g in epoch 2", result.History[1].Values["val_loss"]) {
		t.Errorf("%d epochs, stopped: %q", len(result.History), result.Stopped)
	}
	if v, e := stop.Best(); e != 1 || v != result.History[1].Values["val_loss"] {
		t.Errorf("best %v in epoch %d", v, e)
	}
	sameWeights(t, "final", weights(cfg.Model), after[1])

	// The same callback in another training starts anew.
	again := toy()
	again.Valid, again.Callbacks = again.Train, []train.Callback{stop}
	if r := fit(t, again); r.Stopped != "" || len(r.History) != 3 {
		t.Errorf("second training: %d epochs, stopped %q", len(r.History), r.Stopped)
	}
}

func TestEarlyStoppingWatchesForTheLargest(t *testing.T) {
	cfg := toy()
	cfg.Epochs = 10
	values := []float64{nan, 1, 3, 3.05, 2, 5}
	stop := &train.EarlyStopping{Monitor: "score", Max: true, Patience: 1, MinDelta: 0.1}
	cfg.Callbacks = []train.Callback{callback{epoch: func(s *train.State) error {
		s.Last()["score"] = values[s.Epoch]
		return nil
	}}, stop}
	r := fit(t, cfg)
	if v, e := stop.Best(); v != 3 || e != 2 || len(r.History) != 5 {
		t.Errorf("best %v in epoch %d of %d", v, e, len(r.History))
	}
}

func TestEarlyStoppingNeedsItsFigure(t *testing.T) {
	cfg := toy()
	cfg.Callbacks = []train.Callback{&train.EarlyStopping{}}
	_, err := train.Fit(context.Background(), cfg)
	wantError(t, err, `EarlyStopping watches "val_loss", but the epoch has no such figure, only loss, lr; set Monitor`)
}

func TestACallbackStopsAtOnce(t *testing.T) {
	cfg := toy()
	cfg.Callbacks = []train.Callback{callback{step: func(s *train.State) error {
		if s.Step == 7 {
			s.Stop("seven are enough")
		}
		return nil
	}}}
	r := fit(t, cfg)
	if r.Steps != 7 || r.Stopped != "seven are enough" || len(r.History) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestCSVLogger(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.csv")
	run := func(epochs int, valid bool) *train.Result {
		cfg := toy()
		cfg.Epochs, cfg.Resume = epochs, true
		cfg.Checkpoints = &train.Checkpoints{Dir: filepath.Join(dir, "checkpoint")}
		cfg.Metrics = []metrics.Metric{metrics.NewMAE()}
		cfg.Schedule = optim.Exponential(cfg.Optimizer, 0.5)
		if valid {
			cfg.Valid = cfg.Train
		}
		cfg.Callbacks = []train.Callback{train.CSVLogger(path)}
		return fit(t, cfg)
	}
	check := func(r *train.Result, columns string) {
		t.Helper()
		rows, err := csv.NewReader(bytes.NewReader(read(t, path))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(rows[0], ","); got != columns || len(rows) != len(r.History)+1 {
			t.Fatalf("header %s, expected %s; %d rows for %d epochs", got, columns, len(rows), len(r.History))
		}
		for i, row := range rows[1:] {
			for k, name := range rows[0] {
				want := ""
				switch v, ok := r.History[i].Values[name]; {
				case name == "epoch":
					want = fmt.Sprint(i + 1)
				case name == "seconds":
					want = fmt.Sprintf("%.3f", r.History[i].Seconds)
				case ok:
					want = fmt.Sprintf("%.8g", v)
				}
				if row[k] != want {
					t.Errorf("epoch %d, %s: %q, expected %q", i, name, row[k], want)
				}
			}
		}
	}
	r := run(2, false)
	if got := []float64{r.History[0].Values["lr"], r.History[1].Values["lr"]}; !slices.Equal(got, []float64{0.1, 0.05}) {
		t.Errorf("learning rates %v", got)
	}
	check(r, "epoch,seconds,loss,lr,mae")
	write(t, path, append(read(t, path), "3,0.1,0.4"...)) // killed while it wrote a line
	check(run(4, false), "epoch,seconds,loss,lr,mae")
	check(run(5, true), "epoch,seconds,loss,lr,mae,val_loss,val_mae")
}

// decodeEvents reads an event file with the TFRecord and protobuf rules written down anew: from
// https://www.tensorflow.org/tutorials/load_data/tfrecord and tensorflow/core/util/event.proto. It returns lines like
// "3 val_loss 0.5".
func decodeEvents(t *testing.T, b []byte) []string {
	t.Helper()
	var lines []string
	table := crc32.MakeTable(crc32.Castagnoli)
	masked := func(b []byte) uint32 {
		c := crc32.Checksum(b, table)
		return (c>>15 | c<<17) + 0xa282ead8
	}
	// fields calls f for each field of a message: number, varint or bits, bytes.
	fields := func(m []byte, f func(field int, v uint64, b []byte)) {
		for len(m) > 0 {
			key, n := binary.Uvarint(m)
			m = m[n:]
			switch key & 7 {
			case 0:
				v, n := binary.Uvarint(m)
				f(int(key>>3), v, nil)
				m = m[n:]
			case 1:
				f(int(key>>3), binary.LittleEndian.Uint64(m), nil)
				m = m[8:]
			case 2:
				v, n := binary.Uvarint(m)
				f(int(key>>3), 0, m[n:n+int(v)])
				m = m[n+int(v):]
			case 5:
				f(int(key>>3), uint64(binary.LittleEndian.Uint32(m)), nil)
				m = m[4:]
			}
		}
	}
	for len(b) > 0 {
		n := int(binary.LittleEndian.Uint64(b))
		if masked(b[:8]) != binary.LittleEndian.Uint32(b[8:]) || masked(b[12:12+n]) != binary.LittleEndian.Uint32(b[12+n:]) {
			t.Fatal("bad checksum")
		}
		step := uint64(0)
		fields(b[12:12+n], func(field int, v uint64, b []byte) {
			switch field {
			case 1:
				if s := math.Float64frombits(v); s < 1.7e9 || s > 1e10 {
					t.Errorf("time %v", s)
				}
			case 2:
				step = v
			case 3:
				lines = append(lines, "version "+string(b))
			case 5:
				fields(b, func(_ int, _ uint64, value []byte) {
					tag, number := "", float32(0)
					fields(value, func(field int, v uint64, b []byte) {
						if field == 1 {
							tag = string(b)
						} else {
							number = math.Float32frombits(uint32(v))
						}
					})
					lines = append(lines, fmt.Sprintf("%d %s %g", step, tag, number))
				})
			}
		})
		b = b[16+n:]
	}
	return lines
}

// TensorBoard 2.21's own EventAccumulator reads the same lines from such a file: testdata/read_events.py prints them.
func TestTensorBoardEvents(t *testing.T) {
	dir := t.TempDir()
	if keep := os.Getenv("GRADUS_KEEP_EVENTS"); keep != "" { // for testdata/read_events.py
		dir = keep
	}
	cfg := toy()
	cfg.Valid = cfg.Train
	cfg.Callbacks = []train.Callback{train.TensorBoard(dir)}
	r := fit(t, cfg)
	want := []string{"version brain.Event:2"}
	for _, e := range r.History {
		for _, name := range []string{"loss", "lr", "val_loss"} {
			want = append(want, fmt.Sprintf("%d %s %g", e.Number+1, name, float32(e.Values[name])))
		}
	}
	got := decodeEvents(t, read(t, filepath.Join(dir, names(t, dir))))
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.HasPrefix(names(t, dir), "events.out.tfevents.") {
		t.Errorf("name %s", names(t, dir))
	}
}

func TestLoggersReportWhereTheyCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	for _, c := range []train.Callback{train.CSVLogger(filepath.Join(file, "m.csv")), train.TensorBoard(filepath.Join(file, "logs"))} {
		cfg := toy()
		cfg.Callbacks = []train.Callback{c}
		_, err := train.Fit(context.Background(), cfg)
		wantError(t, err, "train: ", file)
	}
}

// The averages are those of the definition, are what is measured and what the model holds at the end; the steps go on
// from the weights themselves.
func TestWeightAveraging(t *testing.T) {
	plain := toy()
	var trace [][]float64 // of fc.weight after each step
	note := func(s *train.State) error {
		trace = append(trace, tensor.ToSlice[float64](nn.State(s.Model)["fc.weight"]))
		return nil
	}
	plain.Callbacks = []train.Callback{callback{step: note}}
	fit(t, plain)
	path := trace
	trace = nil

	cfg := toy()
	cfg.Valid = cfg.Train
	cfg.Average = optim.NewEMA(cfg.Model, 0.75)
	var measured, atEpochEnd []float64
	cfg.Callbacks = []train.Callback{callback{step: note, epoch: func(s *train.State) error {
		atEpochEnd = tensor.ToSlice[float64](nn.State(s.Model)["fc.weight"])
		v, err := train.Evaluate(context.Background(), train.EvalConfig{Model: s.Model, Data: cfg.Valid, Loss: nn.MSE})
		measured = append(measured, v["loss"], s.Last()["val_loss"])
		return err
	}}}
	fit(t, cfg)
	if fmt.Sprint(trace) != fmt.Sprint(path) {
		t.Error("averaging changes training")
	}
	want := slices.Clone(path[0])
	for _, w := range path {
		for i := range want {
			want[i] = 0.75*want[i] + 0.25*w[i]
		}
	}
	final := tensor.ToSlice[float64](nn.State(cfg.Model)["fc.weight"])
	for i := range want {
		if math.Abs(final[i]-want[i]) > 1e-6 {
			t.Errorf("average %v, expected %v", final, want)
		}
	}
	if !slices.Equal(final, atEpochEnd) {
		t.Errorf("the model ends with %v; it was %v in the last epoch's end", final, atEpochEnd)
	}
	for i := 0; i < len(measured); i += 2 {
		if measured[i] != measured[i+1] {
			t.Errorf("validation measured %v, the averages give %v", measured[i+1], measured[i])
		}
	}
}

func TestErrorsOfCallbacksEndTraining(t *testing.T) {
	boom := errors.New("boom")
	cfg := toy()
	cfg.Callbacks = []train.Callback{callback{epoch: func(*train.State) error { return boom }}}
	if r, err := train.Fit(context.Background(), cfg); !errors.Is(err, boom) || r.Steps != 5 {
		t.Errorf("%v, %d steps", err, r.Steps)
	}
}
