package par

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// withThreads runs the test under several values of GOMAXPROCS.
func withThreads(t *testing.T, test func(t *testing.T)) {
	for _, n := range []int{1, 2, 4, 7} {
		t.Run(string(rune('0'+n)), func(t *testing.T) {
			old := runtime.GOMAXPROCS(n)
			defer runtime.GOMAXPROCS(old)
			test(t)
		})
	}
}

func TestRunCallsEachIndexOnce(t *testing.T) {
	withThreads(t, func(t *testing.T) {
		for _, n := range []int{-1, 0, 1, 2, 3, 17, 1000} {
			for range 50 {
				count := make([]int32, max(n, 0))
				Run(n, func(i int) { atomic.AddInt32(&count[i], 1) })
				for i, c := range count {
					if c != 1 {
						t.Fatalf("n = %d: body(%d) ran %d times", n, i, c)
					}
				}
			}
		}
	})
}

func TestForCoversTheRangeOnce(t *testing.T) {
	withThreads(t, func(t *testing.T) {
		for _, n := range []int{-3, 0, 1, 5, 64, 1001} {
			for _, grain := range []int{-1, 0, 1, 3, 64, 5000} {
				// Plain writes: the race detector sees overlaps, and whether
				// Run's return happens after them.
				count := make([]int, max(n, 0))
				For(n, grain, func(lo, hi int) {
					if grain > 0 && n > grain && (lo%grain != 0 || hi != min(lo+grain, n)) {
						t.Errorf("For(%d, %d) made the piece [%d, %d)", n, grain, lo, hi)
					}
					for i := lo; i < hi; i++ {
						count[i]++
					}
				})
				for i, c := range count {
					if c != 1 {
						t.Fatalf("For(%d, %d) covered %d %d times", n, grain, i, c)
					}
				}
			}
		}
	})
}

func TestNestedAndConcurrentCalls(t *testing.T) {
	withThreads(t, func(t *testing.T) {
		var total atomic.Int64
		var wg sync.WaitGroup
		const callers = 100 // more than maxJobs
		for range callers {
			wg.Go(func() {
				Run(5, func(int) {
					Run(4, func(int) {
						For(6, 2, func(lo, hi int) { total.Add(int64(hi - lo)) })
					})
				})
			})
		}
		wg.Wait()
		if got, want := total.Load(), int64(callers*5*4*6); got != want {
			t.Errorf("%d pieces ran, want %d", got, want)
		}
		if m := taken.Load(); m != 0 {
			t.Errorf("jobs %b were not given back", m)
		}
	})
}

func TestPanicReachesTheCaller(t *testing.T) {
	withThreads(t, func(t *testing.T) {
		boom := errors.New("boom")
		for at := range 20 {
			var running atomic.Int32
			func() {
				defer func() {
					if v := recover(); v != any(boom) {
						t.Errorf("recovered %v, want %v", v, boom)
					}
					if r := running.Load(); r != 0 {
						t.Errorf("%d pieces were running after the panic", r)
					}
				}()
				Run(20, func(i int) {
					running.Add(1)
					defer running.Add(-1)
					if i == at {
						panic(boom)
					}
					spin(10 * time.Microsecond)
				})
			}()
		}
		// And the pool still works.
		var n atomic.Int32
		Run(10, func(int) { n.Add(1) })
		if n.Load() != 10 {
			t.Errorf("%d pieces ran after a panic, want 10", n.Load())
		}
	})
}

func TestGoexitEndsNothingElse(t *testing.T) {
	old := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(old)
	for range 20 {
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			Run(8, func(i int) {
				if i == 3 {
					runtime.Goexit()
				}
				spin(20 * time.Microsecond)
			})
		}()
		if v := <-done; v != nil && v != any(errGoexit) {
			t.Fatalf("recovered %v", v)
		}
	}
	var n atomic.Int32
	Run(10, func(int) { n.Add(1) })
	if n.Load() != 10 {
		t.Errorf("%d pieces ran afterwards, want 10", n.Load())
	}
}

// spin keeps a processor busy.
func spin(d time.Duration) {
	for end := now() + d; now() < end; {
	}
}

func TestHelpersEndWhenIdle(t *testing.T) {
	old := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(old)
	for _, hold := range []bool{false, true} {
		release := func() {}
		if hold {
			release = Hold()
		}
		Run(100, func(int) { spin(5 * time.Microsecond) })
		for end := now() + 5*time.Second; helpers.Load() != 0; {
			if now() > end {
				t.Fatalf("%d helpers still awake (held: %v)", helpers.Load(), hold)
			}
			time.Sleep(time.Millisecond)
		}
		release()
		release()
	}
	if h := held.Load(); h != 0 {
		t.Errorf("%d holds left", h)
	}
}

func TestSeveralThreadsWork(t *testing.T) {
	old := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(old)
	// Each of two pieces waits for the other: only two threads get through.
	var here atomic.Int32
	Run(2, func(int) {
		here.Add(1)
		for end := now() + 10*time.Second; here.Load() < 2; {
			if now() > end {
				t.Error("nobody came to help")
				return
			}
			runtime.Gosched()
		}
	})
}

func TestRunDoesNotAllocate(t *testing.T) {
	old := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(old)
	release := Hold()
	defer release()
	each, span := func(int) {}, func(lo, hi int) {}
	// AllocsPerRun sets GOMAXPROCS to 1, so count by hand.
	work := func() {
		for range 1000 {
			Run(2, each)
			For(4, 2, span)
		}
	}
	work()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > 200 {
		t.Errorf("2000 calls allocated %d times", n)
	}
}

// BenchmarkHandOver measures what sharing an empty job costs its caller while
// helpers are awake.
func BenchmarkHandOver(b *testing.B) {
	release := Hold()
	defer release()
	for b.Loop() {
		Run(2, func(int) {})
	}
}

// BenchmarkTwoPieces measures two pieces of 5 µs: 5 µs and the cost of sharing.
func BenchmarkTwoPieces(b *testing.B) {
	release := Hold()
	defer release()
	for b.Loop() {
		Run(2, func(int) { spin(5 * time.Microsecond) })
	}
}
