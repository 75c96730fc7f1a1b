//go:build linux

package cpu

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// fenced returns functions that lend n elements which begin or end exactly at
// memory that cannot be touched.
func fenced[T Float](t *testing.T, most int) (front, back func(n int) []T) {
	var e T
	page := syscall.Getpagesize()
	pages := (most*int(unsafe.Sizeof(e)) + page - 1) / page
	b, err := syscall.Mmap(-1, 0, (pages+2)*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip("no memory to fence: ", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(b) })
	last := (pages + 1) * page
	for _, fence := range [][]byte{b[:page], b[last:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Skip("cannot fence memory: ", err)
		}
	}
	front = func(n int) []T { return unsafe.Slice((*T)(unsafe.Pointer(&b[page])), n) }
	back = func(n int) []T {
		if n == 0 {
			return nil
		}
		return unsafe.Slice((*T)(unsafe.Pointer(&b[last-n*int(unsafe.Sizeof(e))])), n)
	}
	return front, back
}

// TestGemmStaysInside fails with a fault if a kernel reads or writes a single
// byte beyond its operands.
func TestGemmStaysInside(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		t.Run("float32", stayInside[float32])
		t.Run("float64", stayInside[float64])
	})
}

func stayInside[T Float](t *testing.T) {
	const most = 1 << 17
	var lend [4][2]func(int) []T
	for i := range lend {
		lend[i][0], lend[i][1] = fenced[T](t, most)
	}
	r := rand.New(rand.NewPCG(11, 12))
	for range slower(600) {
		size := func() int { return edges[r.IntN(len(edges))] }
		m, n, k, trans, side := size(), size(), size(), r.IntN(4), r.IntN(2)
		if r.IntN(4) == 0 {
			m = 1 + r.IntN(4)
		}
		if r.IntN(4) == 0 {
			n, k = min(n, 17), 512+r.IntN(300)
		}
		far := r.IntN(8) == 0 // rows of B one page apart, so that it is packed
		if far {
			m, n, k, trans = 65+r.IntN(40), 1+r.IntN(512), 1+r.IntN(60), r.IntN(2)
		}
		transA, transB := trans&1 != 0, trans&2 != 0
		lda, ldb := k, n
		if transA {
			lda = m
		}
		if transB {
			ldb = k
		}
		sizeB := k * n
		if far {
			ldb = 1024
			sizeB = (k-1)*ldb + n
		}
		a, b, c, bias := lend[0][side](m*k), lend[1][side](sizeB), lend[2][side](m*n), lend[3][side](n)
		what := fmt.Sprintf("%d×%d×%d, trans %v %v", m, n, k, transA, transB)
		for i := range a {
			a[i] = T(i%7) - 3
		}
		for i := range b {
			b[i] = T(i%5) - 2
		}
		Gemm(transA, transB, m, n, k, 1, a, lda, b, ldb, T(side), c, n, Epilogue[T]{Bias: bias})
		// One element, in whole numbers, so exact.
		i, j := m-1, n-1
		Gemm(transA, transB, m, n, k, 1, a, lda, b, ldb, 0, c, n, Epilogue[T]{})
		var want T
		for p := range k {
			x, y := i*lda+p, p*ldb+j
			if transA {
				x = p*lda + i
			}
			if transB {
				y = j*ldb + p
			}
			want += a[x] * b[y]
		}
		if got := c[i*n+j]; got != want {
			t.Fatalf("%s: the last element is %v, want %v", what, got, want)
		}
	}
}
