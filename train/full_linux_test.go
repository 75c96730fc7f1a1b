package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/train"
)

// The limit on file sizes stands in for a full disk: the kernel refuses the write in the same way. It holds for a
// whole process, so a child takes it.
func TestFullDiskLeavesTheOldCheckpoint(t *testing.T) {
	const limit = 1000 // bytes; the checkpoint has more
	if dir := os.Getenv("GRADUS_TRAIN_TEST_FULL"); dir != "" {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			t.Fatal(err)
		}
		_, _, err := resume(dir, nil)
		var e *atomicfile.Error
		if !errors.As(err, &e) || !errors.Is(err, syscall.EFBIG) || e.Bytes != limit {
			t.Errorf("got %#v", err)
		}
		wantError(t, err, "train: checkpoint: write "+filepath.Join(dir, "epoch-00003-batch-00000000.safetensors")+": file too large (after 1000 bytes)")
		return
	}
	dir := saved(t)
	before := [][]byte{read(t, filepath.Join(dir, first)), read(t, filepath.Join(dir, second))}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), "GRADUS_TRAIN_TEST_FULL="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := names(t, dir); got != first+" "+second {
		t.Errorf("the folder holds %s", got)
	}
	for i, name := range []string{first, second} {
		if !bytes.Equal(read(t, filepath.Join(dir, name)), before[i]) {
			t.Errorf("%s has changed", name)
		}
	}
	model, _, err := resume(dir, nil) // there is room again
	if err != nil {
		t.Fatal(err)
	}
	whole := toy()
	if _, err := train.Fit(context.Background(), whole); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(weights(model)) != fmt.Sprint(weights(whole.Model)) {
		t.Error("other weights")
	}
}
