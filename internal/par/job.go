package par

import (
	"errors"
	"math/bits"
	"runtime"
	"sync/atomic"
)

// maxJobs bounds the jobs under way at once; callers beyond it work alone.
const maxJobs = 64

// isOpen is the bit of job.state that lets helpers in.
const isOpen = 1 << 32

// A job is one call of Run or For. Jobs are never freed: a helper may look at
// one at any time, and state tells it whether it may touch the other fields.
type job struct {
	state atomic.Int64 // isOpen while helpers may enter, plus the number inside
	_     [56]byte
	next  atomic.Int64 // the first piece not yet claimed
	_     [56]byte

	bit    uint64              // in taken and ready
	n      int64               // pieces
	each   func(i int)         // the body, of Run
	span   func(lo, hi int)    // or of For
	length int                 // For: elements
	grain  int                 // For: elements in a piece
	failed atomic.Pointer[any] // what the first panic said
	_      [64]byte
}

var (
	jobs  [maxJobs]job
	taken atomic.Uint64 // bit i: jobs[i] belongs to a caller
	ready atomic.Uint64 // bit i: jobs[i] is worth a helper's look
)

// errGoexit is what the caller panics with when a body ends a helper.
var errGoexit = errors.New("par: the body called runtime.Goexit")

// take reserves a job, or returns nil if all are in use.
func take() *job {
	for {
		old := taken.Load()
		i := bits.TrailingZeros64(^old)
		if i == maxJobs {
			return nil
		}
		if taken.CompareAndSwap(old, old|1<<i) {
			j := &jobs[i]
			j.bit = 1 << i
			return j
		}
	}
}

// run works on j together with whoever comes, waits for their last pieces, and
// gives the job back.
func (j *job) run() {
	j.next.Store(0)
	j.state.Store(isOpen)
	ready.Or(j.bit)
	summon(int(j.n) - 1)

	ended := false
	defer func() {
		if !ended { // the body called Goexit here: leave the rest undone
			j.next.Store(j.n)
		}
		ready.And(^j.bit)
		j.state.Add(-isOpen)
		for spins := 1; j.state.Load() != 0; spins++ {
			relax(spins)
		}
		failed := j.failed.Swap(nil)
		j.each, j.span = nil, nil
		taken.And(^j.bit)
		if ended && failed != nil {
			panic(*failed)
		}
	}()
	for j.work() {
	}
	ended = true
}

// work claims and does pieces until none is left, then returns false. It
// returns true when a piece panicked, which drops the pieces not yet claimed.
func (j *job) work() (again bool) {
	ended := false
	defer func() {
		if ended {
			return
		}
		v := recover()
		if v == nil {
			return // Goexit, which goes on ending this goroutine
		}
		j.fail(v)
		again = true
	}()
	for i := j.next.Add(1) - 1; i < j.n; i = j.next.Add(1) - 1 {
		if j.each != nil {
			j.each(int(i))
		} else {
			lo := int(i) * j.grain
			j.span(lo, min(lo+j.grain, j.length))
		}
	}
	ended = true
	return false
}

// fail records what a body panicked with and drops the pieces not claimed.
func (j *job) fail(v any) {
	j.failed.CompareAndSwap(nil, &v)
	j.next.Store(j.n)
}

// enter lets a helper in, unless the job is closed.
func (j *job) enter() bool {
	for {
		s := j.state.Load()
		if s < isOpen {
			return false
		}
		if j.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// assist works on j as a helper that has entered it.
func (j *job) assist() {
	ended := false
	defer func() {
		if !ended { // Goexit: this helper dies
			j.fail(errGoexit)
			helpers.Add(-1)
		}
		j.state.Add(-1)
	}()
	for j.work() {
	}
	ended = true
}

// relax waits a moment in a loop's spins-th turn. Every thousand turns it lets
// other goroutines run, the collector's too.
func relax(spins int) {
	if spins%1000 == 0 {
		runtime.Gosched()
		return
	}
	pause()
}
