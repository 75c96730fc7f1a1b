package tensor_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/internal/mem"
	. "github.com/gradus-ml/gradus/tensor"
)

const looseSize = 1 << 18

// inUse returns how much memory is in use, after everything that can't be reached was collected.
func inUse(want int64) int64 {
	for range 100 {
		runtime.GC()
		if mem.Read().InUse <= want {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return mem.Read().InUse
}

func TestLooseScopeGivesBackOnRelease(t *testing.T) {
	x := Ones(Float32, looseSize)
	before := mem.Read().InUse
	s := NewLooseScope()
	y := x.In(s).AddScalar(1).MulScalar(2)
	if y.At(3) != 4 {
		t.Error(y.At(3))
	}
	s.Release()
	if now := mem.Read().InUse; now > before {
		t.Errorf("%d bytes in use after Release, %d before", now, before)
	}
	released(t, y)
	z := x.In(s).AddScalar(1) // the scope can be used again
	if z.At(0) != 2 {
		t.Error(z.At(0))
	}
	s.Release()
}

func TestEmptyInAScope(t *testing.T) {
	s := NewScope()
	x := s.Empty(Float32, 512, 512)
	x.Fill(3)
	y := x.AddScalar(1)
	if y.At(511, 511) != 4 {
		t.Error(y.At(511, 511))
	}
	s.Release()
	released(t, x)
	released(t, y)
	if z := (*Scope)(nil).Empty(Int64, 2, 3); z.NumEl() != 6 || z.DType() != Int64 {
		t.Error(z)
	}
}

func TestLooseScopeIsCollected(t *testing.T) {
	x := Ones(Float32, looseSize)
	before := mem.Read().InUse
	for range 8 {
		func() { x.In(NewLooseScope()).AddScalar(1).MulScalar(2) }()
	}
	if now := inUse(before); now > before {
		t.Errorf("%d bytes in use though nothing refers to them, %d before", now, before)
	}
	runtime.KeepAlive(x)
}

func TestOtherScopesLieWithinALooseOne(t *testing.T) {
	loose, step := NewLooseScope(), NewScope()
	x := Ones(Float32, looseSize).In(loose).AddScalar(1)
	y := x.In(step).AddScalar(1)
	step.Release()
	if x.At(0) != 2 {
		t.Error(x.At(0))
	}
	released(t, y)
	loose.Release()
}

// released checks that the use of x says what happened to it.
func released(t *testing.T, x *Tensor) {
	t.Helper()
	if err := Try(func() error { x.Sum(); return nil }); err == nil || !strings.Contains(err.Error(), "released with its scope") {
		t.Errorf("use of a released tensor: %v", err)
	}
}

func TestNewEmptyBelongsToTheScopeOfItsModel(t *testing.T) {
	s := NewScope()
	x := Ones(Float32, 2).In(s).NewEmpty(64, 64)
	x.Fill(3)
	if x.At(63, 63) != 3 || x.DType() != Float32 {
		t.Error(x)
	}
	s.Release()
	released(t, x)
}
