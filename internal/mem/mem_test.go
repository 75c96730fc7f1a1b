package mem

import (
	"sync"
	"testing"
	"unsafe"
)

func TestClassesHoldWhatIsAskedFor(t *testing.T) {
	for n := 1; n < 1<<40; n += 1 + n/97 {
		c := classOf(n)
		size := sizeOf(c)
		if size < n {
			t.Fatalf("%d bytes get a block of %d", n, size)
		}
		if n > 1<<minClass && 5*(size-n) > size {
			t.Fatalf("%d bytes get a block of %d: more than a fifth is wasted", n, size)
		}
		if size%Align != 0 || classOf(size) != c || c > 0 && sizeOf(c-1) >= n {
			t.Fatalf("%d bytes: class %d of %d bytes isn't the smallest that holds them", n, c, size)
		}
	}
}

func TestBlocksAreAlignedAndDoNotOverlap(t *testing.T) {
	const count = 64
	var blocks [count]Block
	for i := range blocks {
		blocks[i] = Alloc(1 + i*1000)
		if at := uintptr(blocks[i].p); at%Align != 0 {
			t.Errorf("block %d lies at %#x", i, at)
		}
		for j := range Slice[byte](blocks[i], blocks[i].Size()) {
			Slice[byte](blocks[i], blocks[i].Size())[j] = byte(i)
		}
	}
	for i, b := range blocks {
		for _, v := range Slice[byte](b, b.Size()) {
			if v != byte(i) {
				t.Fatalf("block %d holds %d", i, v)
			}
		}
		b.Free()
	}
}

func TestTheLastFreedIsTheFirstUsed(t *testing.T) {
	a, b := Alloc(10_000), Alloc(10_000)
	pa, pb := a.p, b.p
	a.Free()
	b.Free()
	c, d := Alloc(9_900), Alloc(10_100) // the same class
	if c.p != pb || d.p != pa {
		t.Error("free blocks aren't handed out last in, first out")
	}
	c.Free()
	d.Free()
}

func TestStatsCountBytes(t *testing.T) {
	Trim()
	ResetPeak()
	before := Read()
	if before.Cached != 0 {
		t.Errorf("%d bytes wait after Trim", before.Cached)
	}
	b := Alloc(1 << 20)
	b.Free()
	after := Read()
	if after.InUse != before.InUse || after.Cached != 1<<20 || after.Peak != before.InUse+1<<20 {
		t.Errorf("before %+v, after a megabyte was used and freed %+v", before, after)
	}
	Trim()
	if s := Read(); s.Cached != 0 {
		t.Errorf("%d bytes wait after Trim", s.Cached)
	}
}

func TestSliceStaysInItsBlock(t *testing.T) {
	b := Alloc(4096)
	defer b.Free()
	if n := len(Slice[float64](b, 512)); n != 512 {
		t.Errorf("got %d elements", n)
	}
	for _, n := range []int{-1, 513} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a slice of %d float64 of a block of 4096 bytes", n)
				}
			}()
			Slice[float64](b, n)
		}()
	}
	var none Block
	none.Free()
	if none.Size() != 0 || Slice[int](none, 0) != nil {
		t.Error("the zero block holds something")
	}
}

func TestGoroutinesDoNotShareBlocks(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				v, b := Scratch[uint32](1 + (i*37)%3000)
				for j := range v {
					v[j] = uint32(g)
				}
				for _, x := range v {
					if x != uint32(g) {
						t.Errorf("goroutine %d finds %d at %v", g, x, unsafe.Pointer(&v[0]))
						break
					}
				}
				b.Free()
			}
		})
	}
	wg.Wait()
}
