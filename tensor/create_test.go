package tensor_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// Values are numpy.arange's, numpy.linspace's and numpy.eye's.
func TestCreation(t *testing.T) {
	for _, c := range []struct {
		got   *Tensor
		shape []int
		want  string
	}{
		{Arange(Int64, 0, 5, 2), []int{3}, "[0 2 4]"},
		{Arange(Float64, 1, 0, -0.25), []int{4}, "[1 0.75 0.5 0.25]"},
		{Arange(Float32, 0, 1, 0.4), []int{3}, "[0 0.4 0.8]"},
		{Arange(Int32, 3, 3, 1), []int{0}, "[]"},
		{Arange(Int32, 3, 0, 1), []int{0}, "[]"},
		{Linspace(Float64, -1, 1, 5), []int{5}, "[-1 -0.5 0 0.5 1]"},
		{Linspace(Float32, 2, 8, 1), []int{1}, "[2]"},
		{Linspace(Float64, 2, 8, 0), []int{0}, "[]"},
		{Linspace(Int64, 0, 10, 3), []int{3}, "[0 5 10]"},
		{Eye(Float32, 2), []int{2, 2}, "[1 0 0 1]"},
		{Eye(Int64, 0), []int{0, 0}, "[]"},
		{Full(Uint8, 7, 2), []int{2}, "[7 7]"},
		{Scalar(Float64, 1.5), []int{}, "[1.5]"},
	} {
		if got := fmt.Sprintf("%.7v", ToSlice[float64](c.got)); got != c.want || fmt.Sprint(c.got.Shape()) != fmt.Sprint(c.shape) {
			t.Errorf("got %s of shape %v, want %s of %v", got, c.got.Shape(), c.want, c.shape)
		}
	}
	// The last number is stop itself, whatever the rounding of the steps: (1/49)·49 < 1 in float64.
	if x := Linspace(Float64, 0, 1, 50); x.At(49) != 1 {
		t.Errorf("the last of 50 numbers from 0 to 1 is 1 − %g", 1-x.At(49))
	}
}

func TestCreationRefuses(t *testing.T) {
	for want, f := range map[string]func(){
		"step must not be 0":                 func() { Arange(Float32, 0, 1, 0) },
		"too many numbers":                   func() { Arange(Float32, 0, 1e30, 1) },
		"in steps of 1 there are too many":   func() { Arange(Float32, math.NaN(), 1, 1) },
		"must not be negative, got shape (-": func() { Linspace(Float32, 0, 1, -1) },
		"too many elements":                  func() { Zeros(Float32, math.MaxInt, 2) },
	} {
		if err := Try(func() error { f(); return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
