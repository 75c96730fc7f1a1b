// Package par shares the work of a kernel among the processor's cores.
//
// Kernels last tens of microseconds, and waking a parked goroutine takes more
// than a hundred, so work is never handed to anyone in particular. The caller
// of [Run] publishes its job and begins with it; helpers that are awake claim
// pieces of it from an atomic counter; a helper that comes too late finds
// nothing left and delays nobody. Helpers look for work for a while after
// their last piece (see [Hold]), and then end: no goroutine outlives its work
// by more than some milliseconds, so there is nothing to shut down, and tests
// that look for leaked goroutines find none.
//
// Jobs of several goroutines run at the same time, and a body may call Run
// again: it helps with its own job until that is done, and never waits for
// anything but pieces that somebody is working on.
package par

import "runtime"

// Threads returns how many threads work at once, the caller's included. It is
// GOMAXPROCS at the time of the call.
func Threads() int { return runtime.GOMAXPROCS(0) }

// Run calls body(i) once for every i in [0, n), several at a time, and returns
// when all calls have returned. Which thread runs which i is not defined, so
// results stay independent of the number of threads if each i writes only what
// belongs to i.
//
// When a call panics, those not yet begun are dropped, and Run panics with the
// same value after those under way have ended.
func Run(n int, body func(i int)) {
	if n <= 1 || Threads() == 1 {
		for i := range n {
			body(i)
		}
		return
	}
	j := take()
	if j == nil {
		for i := range n {
			body(i)
		}
		return
	}
	j.each, j.n = body, int64(n)
	j.run()
}

// For splits [0, n) into pieces of grain (the last one shorter), a split that
// depends on nothing else, and calls body on each, several at a time, as [Run]
// does.
func For(n, grain int, body func(lo, hi int)) {
	if n <= 0 {
		return
	}
	if grain <= 0 || n <= grain {
		body(0, n)
		return
	}
	var j *job
	if Threads() > 1 {
		j = take()
	}
	if j == nil {
		for lo := 0; lo < n; lo += grain {
			body(lo, min(lo+grain, n))
		}
		return
	}
	j.span, j.length, j.grain, j.n = body, n, grain, int64((n+grain-1)/grain)
	j.run()
}
