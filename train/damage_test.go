package train_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

const (
	first  = "epoch-00001-batch-00000000.safetensors"
	second = "epoch-00002-batch-00000000.safetensors"
)

// saved returns a folder with the checkpoints of two epochs of toy.
func saved(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cfg := toy()
	cfg.Epochs, cfg.Checkpoints = 2, &train.Checkpoints{Dir: dir}
	fit(t, cfg)
	return dir
}

// resume continues toy's training in dir up to three epochs.
func resume(dir string, change func(*train.Config)) (model nn.Layer, warnings string, err error) {
	cfg := toy()
	cfg.Checkpoints = &train.Checkpoints{Dir: dir, Warn: func(m string) { warnings += m + "\n" }}
	cfg.Resume = true
	if change != nil {
		change(&cfg)
	}
	_, err = train.Fit(context.Background(), cfg)
	return cfg.Model, warnings, err
}

// edit rewrites a checkpoint with other tensors, its checksums put right.
func edit(t *testing.T, path string, change func(tensors map[string]*tensor.Tensor, header string) string) {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensors := map[string]*tensor.Tensor{}
	for _, n := range f.Names() {
		if tensors[n], err = f.Tensor(n); err != nil {
			t.Fatal(err)
		}
	}
	head := change(tensors, f.Metadata()["gradus.checkpoint"])
	sum := crc32.Checksum([]byte(head), crc32.MakeTable(crc32.Castagnoli))
	meta := map[string]string{"gradus.checkpoint": head, "gradus.checkpoint.crc32c": fmt.Sprintf("%08x", sum)}
	if err := safetensors.Save(path, tensors, meta); err != nil {
		t.Fatal(err)
	}
}

// crcOf returns the entry of a tensor in the header, from a checkpoint that holds it.
func crcOf(x *tensor.Tensor) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(fmt.Append(nil, x.DType(), x.Shape()), table)
	for _, v := range tensor.ToSlice[float32](x) {
		b, _ := binary.Append(nil, binary.LittleEndian, v)
		sum = crc32.Update(sum, table, b)
	}
	return sum
}

func TestDamagedCheckpointIsPassedOver(t *testing.T) {
	whole := toy()
	fit(t, whole)
	want := weights(whole.Model)
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		says   string
	}{
		"empty": {func(t *testing.T, path string) { write(t, path, nil) }, "an empty file"},
		"torn": {func(t *testing.T, path string) {
			b := read(t, path)
			write(t, path, b[:len(b)-7])
		}, "bytes"},
		"zero-filled tail": {func(t *testing.T, path string) {
			b := read(t, path)
			clear(b[len(b)-24:])
			write(t, path, b)
		}, "checksum"},
		"all zeros": {func(t *testing.T, path string) { write(t, path, make([]byte, len(read(t, path)))) }, "header"},
		"another format": {func(t *testing.T, path string) {
			write(t, path, []byte("PK\x03\x04 a zip file, not a checkpoint, and quite a bit longer"))
		}, "zip"},
		"weights alone": {func(t *testing.T, path string) {
			if err := safetensors.Save(path, map[string]*tensor.Tensor{"fc.weight": tensor.Ones(tensor.Float32, 1, 2)}, nil); err != nil {
				t.Fatal(err)
			}
		}, "isn't a checkpoint of Gradus"},
		"a future version": {func(t *testing.T, path string) {
			edit(t, path, func(_ map[string]*tensor.Tensor, h string) string {
				return strings.Replace(h, `"version":1`, `"version":2`, 1)
			})
		}, "checkpoint version 2, this program reads 1"},
		"NaN weights": {func(t *testing.T, path string) {
			edit(t, path, func(all map[string]*tensor.Tensor, h string) string {
				w := all["model/fc.weight"]
				old := crcOf(w)
				w.Fill(1)
				w.SetAt(nan, 0, 1)
				return strings.Replace(h, fmt.Sprint(old), fmt.Sprint(crcOf(w)), 1)
			})
		}, "tensor model/fc.weight has values that aren't finite"},
		"a missing tensor": {func(t *testing.T, path string) {
			edit(t, path, func(all map[string]*tensor.Tensor, h string) string { delete(all, "model/fc.bias"); return h })
		}, "tensor model/fc.bias is listed but missing"},
		"a folder": {func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o777)); err != nil {
				t.Fatal(err)
			}
		}, "director"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := saved(t)
			c.damage(t, filepath.Join(dir, second))
			model, warnings, err := resume(dir, nil)
			if name == "a folder" { // can't be replaced by the run when it comes there again
				wantError(t, err, second)
			} else if err != nil {
				t.Fatal(err)
			} else {
				sameWeights(t, name, weights(model), want)
			}
			for _, part := range []string{filepath.Join(dir, second), c.says, "trying the one before", "continuing from checkpoint " + filepath.Join(dir, first) + ": 1 epochs and 0 batches done, step 5"} {
				if !strings.Contains(warnings, part) {
					t.Errorf("warnings %q lack %q", warnings, part)
				}
			}
		})
	}
}

// Every flipped bit is noticed, or changes nothing.
func TestFlippedBitsAreNoticed(t *testing.T) {
	path := filepath.Join(saved(t), second)
	good := read(t, path)
	want, err := train.ReadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	step := 13
	if os.Getenv("GRADUS_KILLS") != "" {
		step = 1
	}
	noticed := 0
	for bit := 0; bit < 8*len(good); bit += step {
		good[bit/8] ^= 1 << (bit % 8)
		write(t, path, good)
		good[bit/8] ^= 1 << (bit % 8)
		switch got, err := train.ReadCheckpoint(path); {
		case err != nil:
			noticed++
			wantError(t, err, path)
		case got != want:
			t.Fatalf("bit %d of byte %d: the file reads as\n%s", bit%8, bit/8, got)
		}
	}
	if noticed*step < 8*len(good)*9/10 {
		t.Errorf("%d flipped bits of %d were noticed", noticed*step, 8*len(good))
	}
}

// Whatever a header says, it is refused or obeyed, without a panic.
func FuzzCheckpointHeader(f *testing.F) {
	dir := f.TempDir()
	cfg := toy()
	cfg.Epochs, cfg.Checkpoints = 2, &train.Checkpoints{Dir: dir}
	if _, err := train.Fit(context.Background(), cfg); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, second)
	file, err := safetensors.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	head := file.Metadata()["gradus.checkpoint"]
	file.Close()
	f.Add(head)
	f.Add(head[:len(head)/2])
	f.Add("null")
	f.Add("[]")
	for _, c := range [][2]string{
		{`"epoch":2`, `"epoch":-1`}, {`"epoch":2`, `"epoch":9223372036854775807`}, {`"epoch":2`, `"epoch":1.5`},
		{`"batch":0`, `"batch":-1`}, {`"batch":0`, `"batch":9223372036854775807`}, {`"batch":0`, `"batch":3`},
		{`"step":10`, `"step":-10`}, {`"Total":0`, `"Total":1e999`}, {`"Weight":0`, `"Weight":-1`},
		{`"Batches":0`, `"Batches":-1`}, {`"Batches":0`, `"Batches":7`}, {`"First":0`, `"First":-3`},
		{`"history":[`, `"figures":{"loss":"x"},"history":[`}, {`"history":[`, `"figures":{"loss":"NaN"},"history":[{},`},
		{`"parts":null`, `"parts":["schedule","schedule",""]`}, {`"crc":{`, `"crc":{"x":1,`}, {`"seed":0`, `"seed":-1`}, {`"batches":5`, `"batches":6`},
	} {
		if !strings.Contains(head, c[0]) {
			f.Fatalf("the header %s lacks %s", head, c[0])
		}
		f.Add(strings.Replace(head, c[0], c[1], 1))
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, head string) {
		dir := t.TempDir()
		path := filepath.Join(dir, second)
		write(t, path, good)
		if !utf8.ValidString(head) {
			return
		}
		edit(t, path, func(map[string]*tensor.Tensor, string) string { return head })
		_, _, err := resume(dir, func(cfg *train.Config) {
			cfg.Callbacks = []train.Callback{callback{epoch: func(s *train.State) error { s.Stop("one epoch is enough"); return nil }}}
		})
		if err != nil && !strings.Contains(err.Error(), dir) && !errors.Is(err, train.ErrNotFinite) {
			t.Errorf("the error names no file: %v", err)
		}
	})
}

func TestAllCheckpointsDamaged(t *testing.T) {
	dir := saved(t)
	write(t, filepath.Join(dir, first), []byte("junk"))
	write(t, filepath.Join(dir, second), nil)
	_, _, err := resume(dir, nil)
	wantError(t, err, "no checkpoint in "+dir+" can be used; remove the folder to start anew", first, second)
}

func TestNoCheckpointsStartAnew(t *testing.T) {
	whole := toy()
	fit(t, whole)
	for name, dir := range map[string]string{"empty folder": t.TempDir(), "no folder": filepath.Join(t.TempDir(), "a", "b")} {
		model, warnings, err := resume(dir, nil)
		if err != nil || warnings != "" {
			t.Errorf("%s: %v %q", name, err, warnings)
		}
		sameWeights(t, name, weights(model), weights(whole.Model))
	}
}

func TestCheckpointOfAnotherModelOrRunIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*train.Config)
		says   []string
	}{
		"another model": {func(cfg *train.Config) {
			net := nn.NewNamed().Add("fc", nn.NewLinear(2, 2)).Add("out", nn.LinearConfig{In: 2, Out: 1, NoBias: true}.New())
			nn.Init(net, 1)
			cfg.Model, cfg.Optimizer = net, optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.1, Momentum: 0.5})
		}, []string{"missing: out.weight", "fc.weight: model (2, 2), file (1, 2)", "fc.bias: model (2), file (1)"}},
		"fewer layers": {func(cfg *train.Config) {
			net := nn.NewNamed().Add("fc", nn.LinearConfig{In: 2, Out: 1, NoBias: true}.New())
			nn.Init(net, 1)
			cfg.Model, cfg.Optimizer = net, optim.NewSGD(nn.Params(net), optim.SGDConfig{LR: 0.1, Momentum: 0.5})
		}, []string{"unexpected: fc.bias"}},
		"another optimiser": {func(cfg *train.Config) {
			cfg.Optimizer = optim.NewAdam(nn.Params(cfg.Model), optim.AdamConfig{})
		}, []string{"the state doesn't fit this optimiser (another algorithm, or another model?): mean.fc.bias is missing; mean.fc.weight is missing; momentum.fc.bias is unexpected; momentum.fc.weight is unexpected; square.fc.bias is missing"}},
		"another seed": {func(cfg *train.Config) { cfg.Seed, cfg.Accumulate = 9, 2 },
			[]string{"another run wrote it: Seed is 0 in the checkpoint, 9 now, Accumulate is 1 in the checkpoint, 2 now; resume with the same data and settings, or start anew in another folder"}},
		"not resumed": {func(cfg *train.Config) { cfg.Resume = false }, []string{"holds checkpoints of another run; set Resume to continue it, or choose another folder"}},
	} {
		dir := saved(t)
		_, warnings, err := resume(dir, c.change)
		if name != "not resumed" {
			c.says = append(c.says, filepath.Join(dir, second))
		}
		wantError(t, err, c.says...)
		if warnings != "" {
			t.Errorf("%s: warnings %q", name, warnings)
		}
	}
}

func TestStateWithoutTakerIsReported(t *testing.T) {
	stop := func(cfg *train.Config) { cfg.Callbacks = []train.Callback{&train.EarlyStopping{Monitor: "loss"}} }
	_, warnings, err := resume(saved(t), stop)
	if want := "the checkpoint has no state of callback train.EarlyStopping, which begins anew\n"; err != nil || warnings != want {
		t.Errorf("%v, warnings %q, expected %q", err, warnings, want)
	}
	dir := t.TempDir()
	cfg := toy()
	stop(&cfg)
	cfg.Checkpoints = &train.Checkpoints{Dir: dir}
	fit(t, cfg)
	_, warnings, err = resume(dir, nil)
	if want := "the checkpoint has state of callback train.EarlyStopping, which this run lacks\n"; err != nil || warnings != want {
		t.Errorf("%v, warnings %q, expected %q", err, warnings, want)
	}
}

// A damaged checkpoint that is further on than the run must not push out the good ones.
func TestDamagedCheckpointDoesNotCount(t *testing.T) {
	dir := saved(t)
	write(t, filepath.Join(dir, second), []byte("junk"))
	_, _, err := resume(dir, func(cfg *train.Config) {
		cfg.Checkpoints.EverySteps, cfg.Checkpoints.Keep = 2, 1
		steps := 0
		cfg.Callbacks = []train.Callback{callback{step: func(*train.State) error {
			if steps++; steps == 4 {
				return errors.New("enough")
			}
			return nil
		}}}
	})
	wantError(t, err, "enough")
	// Step 5 was the end of epoch 1, so steps 6 and 8 were saved.
	if got, want := names(t, dir), "epoch-00001-batch-00000003.safetensors "+second; got != want {
		t.Errorf("the folder holds %s", got)
	}
	if _, warnings, err := resume(dir, nil); err != nil || !strings.Contains(warnings, "continuing from checkpoint") {
		t.Errorf("%v %q", err, warnings)
	}
}

func TestOldCheckpointsAreRemoved(t *testing.T) {
	for keep, want := range map[int]string{
		0: "epoch-00004-batch-00000000.safetensors epoch-00005-batch-00000000.safetensors",
		1: "epoch-00005-batch-00000000.safetensors",
	} {
		dir := t.TempDir()
		cfg := toy()
		cfg.Epochs, cfg.Checkpoints = 5, &train.Checkpoints{Dir: dir, Keep: keep, EverySteps: 3}
		fit(t, cfg)
		want := want
		if keep == 0 {
			want = "epoch-00004-batch-00000004.safetensors epoch-00005-batch-00000000.safetensors" // step 24
		}
		if got := names(t, dir); got != want {
			t.Errorf("keep %d: %s, expected %s", keep, got, want)
		}
	}
	dir := t.TempDir()
	cfg := toy()
	cfg.Epochs, cfg.Checkpoints = 5, &train.Checkpoints{Dir: dir, Keep: 9, EveryEpochs: 2}
	fit(t, cfg)
	if got, want := names(t, dir), "epoch-00002-batch-00000000.safetensors epoch-00004-batch-00000000.safetensors epoch-00005-batch-00000000.safetensors"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
}

func TestStaleFilesAreRemoved(t *testing.T) {
	dir := saved(t)
	write(t, filepath.Join(dir, "."+second+".0123abcd.tmp"), []byte("part of a file"))
	write(t, filepath.Join(dir, "notes.txt"), []byte("the user's"))
	if _, _, err := resume(dir, nil); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != second+" epoch-00003-batch-00000000.safetensors notes.txt" {
		t.Errorf("the folder holds %s", got)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// names lists a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}
