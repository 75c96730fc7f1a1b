package cpu

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// testdata/gen_conv.py wrote what PyTorch computes.
type convReference struct {
	Convolutions []struct {
		Shape                            ConvShape
		Out                              []int
		X, W, Bias, Y, Dy, Dx, Dw, Dbias []float64
	}
	Pools []struct {
		Shape        PoolShape
		X, Y, Dy, Dx []float64
		Index        []int32
		Averages     []struct {
			CountPad bool
			Divisor  int
			Y, Dx    []float64
		}
	}
}

func TestConvAndPoolAgainstPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/conv.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref convReference
	if err := json.Unmarshal(data, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Convolutions) == 0 || len(ref.Pools) == 0 {
		t.Fatal("testdata/conv.json holds no cases")
	}
	forISAs(t, func(t *testing.T) {
		testAgainstPyTorch[float32](t, &ref)
		testAgainstPyTorch[float64](t, &ref)
	})
}

func testAgainstPyTorch[T Float](t *testing.T, ref *convReference) {
	t.Helper()
	as := func(v []float64) []T {
		r := make([]T, len(v))
		for i, e := range v {
			r[i] = T(e)
		}
		return r
	}
	same := func(what string, i int, got []T, want []float64) {
		t.Helper()
		for j := range want {
			if math.Abs(float64(got[j])-want[j]) > 1e-6 {
				t.Fatalf("%s of case %d: element %d is %v, want %v", what, i, j, got[j], want[j])
			}
		}
	}
	for i, c := range ref.Convolutions {
		if h, w := c.Shape.OutH(), c.Shape.OutW(); h != c.Out[2] || w != c.Out[3] {
			t.Fatalf("case %d: output of %d×%d, want %v", i, h, w, c.Out)
		}
		y, dx, dw, db := make([]T, len(c.Y)), make([]T, len(c.X)), make([]T, len(c.W)), make([]T, len(c.Bias))
		ConvForward(c.Shape, y, as(c.X), as(c.W), as(c.Bias), NoAct)
		same("output", i, y, c.Y)
		ConvGradInput(c.Shape, dx, as(c.Dy), as(c.W))
		same("input's gradient", i, dx, c.Dx)
		ConvGradWeight(c.Shape, dw, as(c.X), as(c.Dy))
		same("weight's gradient", i, dw, c.Dw)
		ConvGradBias(c.Shape, db, as(c.Dy))
		same("bias's gradient", i, db, c.Dbias)
	}
	for i, c := range ref.Pools {
		y, dx, index := make([]T, len(c.Y)), make([]T, len(c.X)), make([]int32, len(c.Y))
		MaxPool(c.Shape, y, index, as(c.X))
		same("maximum", i, y, c.Y)
		for o, at := range c.Index {
			if index[o] != at {
				t.Fatalf("pooling %d: maximum %d found at %d, want %d", i, o, index[o], at)
			}
		}
		MaxPoolGrad(c.Shape, dx, as(c.Dy), index)
		same("maximum's gradient", i, dx, c.Dx)
		for _, a := range c.Averages {
			AvgPool(c.Shape, y, as(c.X), a.CountPad, a.Divisor)
			same("mean", i, y, a.Y)
			AvgPoolGrad(c.Shape, dx, as(c.Dy), a.CountPad, a.Divisor)
			same("mean's gradient", i, dx, a.Dx)
		}
	}
}
