package tensor

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gradus-ml/gradus/internal/mem"
)

// buffer is the memory under one or more tensors. Small ones live on the Go
// heap, where the collector is quick; large ones in blocks of package mem,
// which go back in one of two ways: with the [Scope] that owns them, or, when
// none does, after the collector has found the buffer unreachable.
type buffer struct {
	p       unsafe.Pointer
	n       int // bytes
	block   mem.Block
	scope   *Scope
	cleanup runtime.Cleanup
	version uint32 // counts writes in place, so that backward can tell that a saved value changed
	refs    int32  // gradients in flight that use it; see engine
	watched bool   // cleanup is set
	freed   bool
	filters atomic.Pointer[filters] // see keeper
}

// tinyBuffer is a buffer together with its memory: one allocation for scalars, labels and small nets.
type tinyBuffer struct {
	buffer
	words [tinyLimit / 8]uint64
}

// tinyLimit is the size up to which memory lies in the buffer itself.
const tinyLimit = 64

// heapLimit is the size up to which a buffer is ordinary Go memory.
const heapLimit = 4096

// newBuffer returns n bytes of undefined content (zero if small), owned by scope if that isn't nil.
func newBuffer(n int, scope *Scope) *buffer {
	if n <= tinyLimit {
		b := &tinyBuffer{}
		b.n, b.p = n, unsafe.Pointer(&b.words)
		return &b.buffer
	}
	if n <= heapLimit {
		words := make([]uint64, (n+7)/8)
		return &buffer{p: unsafe.Pointer(unsafe.SliceData(words)), n: n}
	}
	b := &buffer{n: n, scope: scope}
	watched := scope == nil || scope.loose
	if watched {
		loose.before(n)
	}
	b.block = mem.Alloc(n)
	b.p = unsafe.Pointer(unsafe.SliceData(mem.Slice[byte](b.block, n)))
	if scope != nil {
		scope.add(b)
	}
	if watched {
		b.watch()
	}
	return b
}

// watch hands the block back once nothing refers to b.
func (b *buffer) watch() {
	loose.bytes.Add(int64(b.n))
	b.watched = true
	b.cleanup = runtime.AddCleanup(b, func(f freeing) { f.run() }, freeing{b.block, int64(b.n)})
}

type freeing struct {
	block mem.Block
	n     int64
}

func (f freeing) run() {
	f.block.Free()
	loose.bytes.Add(-f.n)
}

// free gives the memory of a scoped buffer back now. Tensors that still refer to it say so when used.
func (b *buffer) free() {
	if b.freed {
		return
	}
	b.freed = true
	b.p = nil
	if b.watched {
		b.cleanup.Stop() // b is reachable, so it has not run
		loose.bytes.Add(-int64(b.n))
	}
	b.block.Free()
}

// disown takes b out of its scope: from now on the collector decides.
func (b *buffer) disown() {
	if b.scope != nil {
		b.scope.remove(b)
		b.scope = nil
		if !b.watched {
			b.watch()
		}
	}
}

// loose accounts for blocks that only the collector can free. The collector
// doesn't see their size, so it is asked to run when they have grown enough.
var loose looseMemory

type looseMemory struct {
	bytes atomic.Int64 // outstanding
	floor atomic.Int64 // outstanding after the last collection asked for, or the least since
}

// looseBudget is how many bytes may become unreachable between collections.
const looseBudget = 256 << 20

func (l *looseMemory) before(n int) {
	floor, now := l.floor.Load(), l.bytes.Load()
	if now < floor { // much was released or collected since: what counts is the growth from here
		l.floor.CompareAndSwap(floor, now)
		floor = now
	}
	if now+int64(n) < floor+max(looseBudget, floor/2) {
		return
	}
	if !l.floor.CompareAndSwap(floor, l.bytes.Load()) {
		return // another goroutine is at it
	}
	runtime.GC()
	// Cleanups run on a goroutine of their own, soon after.
	for range 20 {
		was := l.bytes.Load()
		time.Sleep(50 * time.Microsecond)
		if l.bytes.Load() == was && was < floor+looseBudget {
			break
		}
	}
	l.floor.Store(l.bytes.Load())
}
