package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

func randomPoolShape(r *rand.Rand) PoolShape {
	n := func(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
	s := PoolShape{N: n(0, 5), H: n(1, 20), W: n(1, 40), KH: n(1, 4), KW: n(1, 4),
		StrideH: n(1, 3), StrideW: n(1, 3), DilH: n(1, 2), DilW: n(1, 2)}
	switch r.IntN(4) {
	case 2: // the whole plane
		s.KH, s.KW, s.DilH, s.DilW = s.H, s.W, 1, 1
	case 0:
		s.KH, s.KW, s.StrideH, s.StrideW, s.DilH, s.DilW = 2, 2, 2, 2, 1, 1
	case 1:
		s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = n(0, s.KH/2), n(0, s.KH/2), n(0, s.KW/2), n(0, s.KW/2)
	}
	ceil := r.IntN(2) == 0
	out := func(in, before, after, k, stride, dil int) int {
		rest := in + before + after - (k-1)*dil - 1
		if rest < 0 {
			return 0
		}
		o := rest/stride + 1
		if ceil && rest%stride != 0 && o*stride < in+before {
			o++
		}
		return o
	}
	s.OutH = out(s.H, s.PadTop, s.PadBottom, s.KH, s.StrideH, s.DilH)
	s.OutW = out(s.W, s.PadLeft, s.PadRight, s.KW, s.StrideW, s.DilW)
	return s
}

func TestMaxPoolAgainstDefinition(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 300 {
			s := randomPoolShape(r)
			testMaxPool[float32](t, s, r)
			testMaxPool[float64](t, s, r)
		}
	})
}

func testMaxPool[T Float](t *testing.T, s PoolShape, r *rand.Rand) {
	t.Helper()
	x := make([]T, s.N*s.H*s.W)
	for i := range x {
		x[i] = T(r.IntN(7)) // many ties
		switch r.IntN(60) {
		case 0:
			x[i] = T(math.NaN())
		case 1:
			x[i] = T(math.Inf(-1))
		}
	}
	n := s.N * s.OutH * s.OutW
	y, checkY := convGuarded[T](t, n)
	index := make([]int32, n+2)
	index[n], index[n+1] = 77, 78
	MaxPool(s, y, index[:n:n], x)
	checkY()
	if index[n] != 77 || index[n+1] != 78 {
		t.Fatalf("%+v: index overrun", s)
	}
	for o := range n {
		p, oy, ox := o/(s.OutH*s.OutW), o/s.OutW%s.OutH, o%s.OutW
		best, at := math.Inf(-1), -1
		for ky := range s.KH {
			for kx := range s.KW {
				i, j := oy*s.StrideH-s.PadTop+ky*s.DilH, ox*s.StrideW-s.PadLeft+kx*s.DilW
				if i < 0 || i >= s.H || j < 0 || j >= s.W || math.IsNaN(best) {
					continue
				}
				v := float64(x[p*s.H*s.W+i*s.W+j])
				if at < 0 || v > best || math.IsNaN(v) {
					best, at = v, i*s.W+j
				}
			}
		}
		if int(index[o]) != at || !(float64(y[o]) == best || math.IsNaN(best) && y[o] != y[o]) {
			t.Fatalf("%+v: output %d is %v from %d, want %v from %d", s, o, y[o], index[o], best, at)
		}
	}
	z, checkZ := convGuarded[T](t, n)
	MaxPool(s, z, nil, x)
	checkZ()
	for o := range z {
		if z[o] != y[o] && (z[o] == z[o] || y[o] == y[o]) {
			t.Fatalf("%+v: output %d is %v without index, %v with", s, o, z[o], y[o])
		}
	}

	dy := convRandom[T](r, n)
	want := make([]float64, len(x))
	gathered, check := convGuarded[T](t, n)
	MaxPoolGather(s, gathered, x, index[:n])
	check()
	for o, v := range dy {
		if at := index[o]; at >= 0 {
			i := o/(s.OutH*s.OutW)*s.H*s.W + int(at)
			want[i] += float64(v)
			if gathered[o] != x[i] && x[i] == x[i] {
				t.Fatalf("%+v: gathered %v at %d, want %v", s, gathered[o], o, x[i])
			}
		}
	}
	dx, check := convGuarded[T](t, len(x))
	MaxPoolGrad(s, dx, dy, index[:n])
	check()
	for i := range want {
		if math.Abs(float64(dx[i])-want[i]) > 1e-5 {
			t.Fatalf("%+v: gradient %d is %v, want %v", s, i, dx[i], want[i])
		}
	}
}

// The mean is linear, so its gradient is the transpose of its matrix: checked
// by the products of each with a random vector.
func TestAvgPoolAgainstDefinition(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for i := range 300 {
			s := randomPoolShape(r)
			testAvgPool[float32](t, s, r, i%2 == 0, max(0, i%7-4))
			testAvgPool[float64](t, s, r, i%2 == 0, max(0, i%7-4))
		}
	})
}

func testAvgPool[T Float](t *testing.T, s PoolShape, r *rand.Rand, countPad bool, divisor int) {
	t.Helper()
	x := convRandom[T](r, s.N*s.H*s.W)
	n := s.N * s.OutH * s.OutW
	dy := convRandom[T](r, n)
	y, checkY := convGuarded[T](t, n)
	dx, checkX := convGuarded[T](t, len(x))
	AvgPool(s, y, x, countPad, divisor)
	checkY()
	AvgPoolGrad(s, dx, dy, countPad, divisor)
	checkX()
	want := make([]float64, len(x))
	for o := range n {
		p, oy, ox := o/(s.OutH*s.OutW), o/s.OutW%s.OutH, o%s.OutW
		var sum float64
		var inside []int
		padded := 0
		for ky := range s.KH {
			for kx := range s.KW {
				i, j := oy*s.StrideH-s.PadTop+ky*s.DilH, ox*s.StrideW-s.PadLeft+kx*s.DilW
				if i < s.H+s.PadBottom && j < s.W+s.PadRight {
					padded++
				}
				if i >= 0 && i < s.H && j >= 0 && j < s.W {
					inside = append(inside, p*s.H*s.W+i*s.W+j)
					sum += float64(x[p*s.H*s.W+i*s.W+j])
				}
			}
		}
		count := max(1, len(inside))
		if countPad {
			count = padded
		}
		if divisor != 0 {
			count = divisor
		}
		if math.Abs(float64(y[o])-sum/float64(count)) > 1e-5 {
			t.Fatalf("%+v countPad %v divisor %d: output %d is %v, want %v", s, countPad, divisor, o, y[o], sum/float64(count))
		}
		for _, i := range inside {
			want[i] += float64(dy[o]) / float64(count)
		}
	}
	for i := range want {
		if math.Abs(float64(dx[i])-want[i]) > 1e-5 {
			t.Fatalf("%+v countPad %v divisor %d: gradient %d is %v, want %v", s, countPad, divisor, i, dx[i], want[i])
		}
	}
}
