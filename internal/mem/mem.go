// Package mem hands out the memory that tensors live in.
//
// Blocks are 64-byte aligned, come from size classes, and lie outside the Go
// heap where the system allows it: fresh pages cost more than any kernel (a
// training step that allocates 24 activations of 8 MB spends 25 ms on page
// faults, under 1 ms when the blocks are reused), and the collector has
// nothing to scan or copy. The package knows nothing of lifetimes: whoever
// calls [Alloc] calls [Block.Free], once.
package mem

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Align is the alignment in bytes of every block.
const Align = 64

// minClass is the smallest block, 4 KiB: smaller data belong on the Go heap.
const minClass = 12

// Block is a piece of memory. Its zero value holds none.
type Block struct {
	p     unsafe.Pointer
	class uint8 // index into classes
}

// class holds the free blocks of one size, most recently used last, so that
// the memory handed out next is likely still in cache.
type class struct {
	mu   sync.Mutex
	free []unsafe.Pointer
}

var (
	classes [4 * (64 - minClass)]class
	inUse   atomic.Int64
	cached  atomic.Int64
	peak    atomic.Int64
)

// classOf returns the class for n bytes: four sizes to each power of two, so
// that at most a fifth of a block is wasted.
func classOf(n int) uint8 {
	if n <= 1<<minClass {
		return 0
	}
	e := bits.Len(uint(n-1)) - 1         // 2^e <= n-1 < 2^(e+1)
	quarter := (n - 1 - 1<<e) >> (e - 2) // 0..3
	return uint8((e-minClass)*4 + quarter + 1)
}

// sizeOf returns the bytes in a block of class c.
func sizeOf(c uint8) int {
	if c == 0 {
		return 1 << minClass
	}
	e, quarter := int(c-1)/4+minClass, int(c-1)%4
	return 1<<e + (quarter+1)<<(e-2)
}

// Alloc returns a block of at least n bytes whose content is undefined.
func Alloc(n int) Block {
	c := classOf(n)
	size := int64(sizeOf(c))
	p := take(c)
	if p == nil {
		p = sysAlloc(int(size)) // may panic: count after it
	}
	now := inUse.Add(size)
	for {
		old := peak.Load()
		if now <= old || peak.CompareAndSwap(old, now) {
			break
		}
	}
	return Block{p, c}
}

// take returns a free block of class c, or nil if there is none.
func take(c uint8) unsafe.Pointer {
	k := &classes[c]
	k.mu.Lock()
	defer k.mu.Unlock()
	last := len(k.free) - 1
	if last < 0 {
		return nil
	}
	p := k.free[last]
	k.free = k.free[:last]
	cached.Add(-int64(sizeOf(c)))
	return p
}

// Free gives the block back. Neither the block nor any slice of it may be
// used afterwards.
func (b Block) Free() {
	if b.p == nil {
		return
	}
	size := int64(sizeOf(b.class))
	inUse.Add(-size)
	cached.Add(size)
	k := &classes[b.class]
	k.mu.Lock()
	k.free = append(k.free, b.p)
	k.mu.Unlock()
}

// Size returns the usable bytes of b.
func (b Block) Size() int {
	if b.p == nil {
		return 0
	}
	return sizeOf(b.class)
}

// Slice views the first n elements of b as a slice of T. The slice does not
// keep the block alive.
func Slice[T any](b Block, n int) []T {
	if n == 0 {
		return nil
	}
	var t T
	if n < 0 || n > b.Size()/int(unsafe.Sizeof(t)) {
		panic("mem: slice larger than its block")
	}
	return unsafe.Slice((*T)(b.p), n)
}

// Scratch returns n elements of working memory with undefined content and the
// block to free when the work is done.
func Scratch[T any](n int) ([]T, Block) {
	var t T
	b := Alloc(n * int(unsafe.Sizeof(t)))
	return Slice[T](b, n), b
}

// Stats tells how many bytes are in use, how many wait to be used again, and
// the most that were ever in use at once.
type Stats struct{ InUse, Cached, Peak int64 }

// Read returns the current figures.
func Read() Stats {
	return Stats{InUse: inUse.Load(), Cached: cached.Load(), Peak: peak.Load()}
}

// ResetPeak makes the current use the new peak.
func ResetPeak() { peak.Store(inUse.Load()) }

// Trim returns all waiting blocks to the system.
func Trim() {
	for c := range classes {
		k := &classes[c]
		k.mu.Lock()
		free := k.free
		k.free = nil
		k.mu.Unlock()
		size := sizeOf(uint8(c))
		for _, p := range free {
			sysFree(p, size)
			cached.Add(-int64(size))
		}
	}
}
