package par

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// How long a helper looks for work before it ends.
const (
	patience     = 200 * time.Microsecond
	heldPatience = 2 * time.Millisecond
)

var (
	helpers atomic.Int64 // goroutines in help
	held    atomic.Int64 // calls of Hold not yet released
	started = time.Now() // origin of now
)

// now returns the time since the program's start.
func now() time.Duration { return time.Since(started) }

// Hold tells helpers that work keeps coming, in a training step for instance:
// until release is called they stay awake for some milliseconds of idleness
// instead of a fifth of one, at the cost of the processor time spent looking.
// Calls may nest and overlap. Calling release again does nothing.
func Hold() (release func()) {
	held.Add(1)
	var released atomic.Bool
	return func() {
		if released.CompareAndSwap(false, true) {
			held.Add(-1)
		}
	}
}

// summon sees to it that up to want helpers are awake, and no more than fit
// beside the caller. Starting one takes a fraction of a microsecond of the
// caller's time (and a tenth of a millisecond until it is there).
func summon(want int) {
	want = min(want, Threads()-1)
	for {
		have := helpers.Load()
		if int(have) >= want {
			return
		}
		if helpers.CompareAndSwap(have, have+1) {
			go help()
		}
	}
}

// help works on jobs as they come, until none has come for a while.
func help() {
	last, awake := now(), 0
	for spins := 1; ; spins++ {
		if assistOne() {
			last, spins = now(), 0
			awake++
			if awake%64 == 0 && int(helpers.Load()) >= Threads() {
				break // GOMAXPROCS went down
			}
			continue
		}
		if spins%32 == 0 {
			idle := now() - last
			if idle > heldPatience || idle > patience && held.Load() == 0 {
				break
			}
		}
		relax(spins)
	}
	helpers.Add(-1)
	// A caller may have counted on this helper just before it left.
	if mask := ready.Load(); mask != 0 {
		summon(1)
	}
}

// assistOne looks for a job that needs help and works on it until nothing of
// it is left to claim.
func assistOne() bool {
	for mask := ready.Load(); mask != 0; mask &= mask - 1 {
		j := &jobs[bits.TrailingZeros64(mask)]
		if !j.enter() {
			continue
		}
		if j.next.Load() < j.n {
			j.assist()
			return true
		}
		j.state.Add(-1)
	}
	return false
}
