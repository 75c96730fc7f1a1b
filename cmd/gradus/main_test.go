package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests run the program as users do, in a process of its own: the test binary, told to be gradus.
func TestMain(m *testing.M) {
	if os.Getenv("BE_GRADUS") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// gradus returns a command that runs the program in dir.
func gradus(dir string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "BE_GRADUS=1")
	return c
}

// run returns what the program prints and how it ends.
func run(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := gradus(dir, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// mustRun is run for what must succeed.
func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, errs, code := run(t, dir, args...)
	if code != 0 {
		t.Fatalf("gradus %s ended with %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// lastEvent returns the last of the JSON lines, after checking that each is one.
func lastEvent(t *testing.T, out string) map[string]any {
	t.Helper()
	var event map[string]any
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		event = nil
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q is not a JSON object: %v", line, err)
		}
	}
	return event
}

func TestTrainLeavesARunFolderThatCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	done := lastEvent(t, mustRun(t, dir, "train", "lenet", "--limit", "3000", "--epochs", "3", "--json", "--out", "run"))
	if done["event"] != "done" || done["recipe"] != "lenet" || done["epochs"] != 3.0 || done["out"] != "run" {
		t.Errorf("the last event is %v", done)
	}
	if accuracy := done["metrics"].(map[string]any)["accuracy"].(float64); accuracy < 0.9 {
		t.Errorf("accuracy after 3 epochs on 3,000 digits is %.3f, want 0.9 or more", accuracy)
	}
	for _, name := range []string{"curves.png", "confusion.png", "wrong.png", "filters.png"} {
		f, err := os.Open(filepath.Join(dir, "run", name))
		if err != nil {
			t.Fatal(err)
		}
		if im, err := png.Decode(f); err != nil || im.Bounds().Dx() < 200 {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
	if text, err := os.ReadFile(filepath.Join(dir, "run", "metrics.csv")); err != nil || strings.Count(string(text), "\n") != 4 {
		t.Errorf("metrics.csv isn't a header and three epochs: %q, %v", text, err)
	}

	t.Run("eval measures the same", func(t *testing.T) {
		again := lastEvent(t, mustRun(t, dir, "eval", "run", "--json"))
		if fmt.Sprint(again["metrics"]) != fmt.Sprint(done["metrics"]) {
			t.Errorf("eval says %v, train said %v", again["metrics"], done["metrics"])
		}
	})
	t.Run("predict reads a picture", func(t *testing.T) {
		// The wrong predictions are a picture too, if not of a digit.
		p := lastEvent(t, mustRun(t, dir, "predict", "run", "run/wrong.png", "--json"))
		if p["file"] != "run/wrong.png" || len(p["classes"].(map[string]any)) != 10 {
			t.Errorf("prediction is %v", p)
		}
	})
	t.Run("predict reads what it can", func(t *testing.T) {
		out, errs, code := run(t, dir, "predict", "run", "run/wrong.png", "nowhere.png", "run/config.yaml", "run/curves.png")
		if code != 1 || strings.Count(out, "\n") != 2 || !strings.Contains(errs, "nowhere.png") || !strings.Contains(errs, "config.yaml") {
			t.Errorf("ended with %d, said %q and %q; want 1, two predictions, and two complaints", code, out, errs)
		}
	})
	t.Run("summary", func(t *testing.T) {
		if out := mustRun(t, dir, "summary", "run"); !strings.Contains(out, "parameters 61,706") {
			t.Errorf("summary says %s", out)
		}
		if out := mustRun(t, dir, "summary", "squeezenet1_1"); !strings.Contains(out, "(1, 1000)") {
			t.Errorf("summary of a network says %s", out)
		}
		if out := mustRun(t, dir, "summary", "run/model.safetensors"); !strings.Contains(out, "conv1.weight") || !strings.Contains(out, "61706") {
			t.Errorf("summary of the file says %s", out)
		}
	})
	t.Run("a folder is not used twice", func(t *testing.T) {
		if _, errs, code := run(t, dir, "train", "lenet", "--out", "run"); code != 1 || !strings.Contains(errs, "--resume run") {
			t.Errorf("ended with %d: %s", code, errs)
		}
	})
}

func TestKilledAndResumedGivesTheSameBits(t *testing.T) {
	if testing.Short() {
		t.Skip("trains four times; not with -short")
	}
	dir := t.TempDir()
	args := []string{"train", "lenet-bn", "--limit", "4000", "--epochs", "4", "--json"}
	mustRun(t, dir, append(args, "--out", "whole")...)
	want, err := os.ReadFile(filepath.Join(dir, "whole", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, threads := range []string{"1", "2", "4"} {
		c := gradus(dir, append(args, "--out", "killed"+threads)...)
		c.Env = append(c.Env, "GOMAXPROCS="+threads)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		// In the middle of an epoch, after the first checkpoint.
		waitFor(t, filepath.Join(dir, "killed"+threads, "checkpoint", "*.safetensors"))
		time.Sleep(30 * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		mustRun(t, dir, "train", "--resume", "killed"+threads, "--json")
		got, err := os.ReadFile(filepath.Join(dir, "killed"+threads, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("killed with %s threads and resumed: the weights differ from an uninterrupted run's", threads)
		}
	}
}

func TestInterruptLeavesACheckpoint(t *testing.T) {
	dir := t.TempDir()
	c := gradus(dir, "train", "lenet", "--epochs", "1000", "--json", "--out", "run")
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(dir, "run", "checkpoint", "*.safetensors"))
	start := time.Now()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v to leave, want 10 s at most", took)
	}
	if c.ProcessState.ExitCode() != 130 || !strings.Contains(errs.String(), "--resume run") {
		t.Errorf("ended with %d, saying %q", c.ProcessState.ExitCode(), errs.String())
	}
}

func waitFor(t *testing.T, pattern string) {
	t.Helper()
	for range 6000 {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s didn't appear", pattern)
}

func TestMistakesGetASentence(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ args, want string }{
		{"train lenett", "did you mean lenet?"},
		{"train", "which recipe?"},
		{"train lenet --data foo", "it takes digits, mnist"},
		{"train lenet --epochs -1", "must be positive"},
		{"train lenet --lr -0.5", "must be positive"},
		{"train lenet --resume nowhere", "is it a run folder?"},
		{"train mlp --bogus", "unknown flag: --bogus"},
		{"eval nowhere", "is it a run folder?"},
		{"predict nowhere x.png", "is it a run folder?"},
		{"predict nowhere", "predict DIR FILE"},
		{"explain nowhere", "explain DIR FILE"},
		{"eval", "eval DIR"},
		{"summary", "summary RECIPE"},
		{"demo", "gradus list demos"},
		{"summary nothing", "there is no recipe"},
		{"summary weight-decay", "no single model"},
		{"summary x.safetensors", "no such file"},
		{"bench bogus", "choose from"},
		{"data bogus", "bogus"},
		{"data", "gradus list data"},
		{"list bogus", "invalid argument"},
		{"trian lenet", "unknown command"},
	} {
		out, errs, code := run(t, dir, strings.Fields(c.args)...)
		if code != 1 || !strings.Contains(errs, c.want) || strings.Contains(errs, "goroutine") || strings.Count(errs, "\n") > 6 {
			t.Errorf("gradus %s: ended with %d, stdout %q, stderr %q; want 1 and %q", c.args, code, out, errs, c.want)
		}
	}
}

func TestBenchPrintsOneLineForEachWorkload(t *testing.T) {
	r := lastEvent(t, mustRun(t, t.TempDir(), "bench", "gemm_64", "xor_tiny", "--json", "--rounds", "1", "--length", "10ms"))
	if r["name"] != "xor_tiny" || r["unit"] != "steps/s" || r["value"].(float64) <= 0 || r["median"].(float64) <= 0 {
		t.Errorf("the result is %v", r)
	}
}

func TestDoctorTellsWhatItFound(t *testing.T) {
	out := mustRun(t, t.TempDir(), "doctor")
	for _, want := range []string{"kernels", "threads", "GFLOP/s"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor doesn't tell %s: %s", want, out)
		}
	}
}
