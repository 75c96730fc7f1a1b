package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/gradus-ml/gradus/train"
)

// newProgress returns what shows people how training goes: a bar for each epoch on a terminal, else a line.
func newProgress(w io.Writer) train.Callback {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &bars{out: w}
	}
	return lines{train.Log(w)}
}

// lines prints a line for each epoch, or for about twenty of them if there are many.
type lines struct{ train.Callback }

// EpochEnd prints the epoch's figures.
func (l lines) EpochEnd(s *train.State) error {
	n := s.History[len(s.History)-1].Number
	if every := (s.Epochs + 19) / 20; (n+1)%every != 0 && n+1 != s.Epochs && n > 0 {
		return nil
	}
	return l.Callback.EpochEnd(s)
}

func digits(n int) int { return len(fmt.Sprint(n)) }

// barStyle is how all bars look.
func barStyle() mpb.BarStyleComposer {
	return mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound("")
}

// bars draws a bar for the running epoch and leaves a line for each that is done.
type bars struct {
	train.Quiet
	out      io.Writer
	progress *mpb.Progress
	bar      *mpb.Bar
	loss     float64       // running mean, for the eye
	shown    atomic.Uint64 // the bits of loss, for the goroutine that draws
	last     time.Time
}

// StepEnd moves the bar.
func (b *bars) StepEnd(s *train.State) error {
	if b.bar == nil {
		b.start(s)
	}
	b.loss += (s.Loss - b.loss) / math.Min(float64(s.Batch), 50)
	b.shown.Store(math.Float64bits(b.loss))
	if now := time.Now(); now.Sub(b.last) > 50*time.Millisecond || s.Batch == s.Batches {
		b.bar.SetCurrent(int64(s.Batch))
		b.last = now
	}
	return nil
}

func (b *bars) start(s *train.State) {
	b.progress = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	b.loss = s.Loss
	b.shown.Store(math.Float64bits(b.loss))
	b.bar = b.progress.New(int64(max(s.Batches, 0)),
		barStyle(),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("epoch %*d/%d ", digits(s.Epochs), s.Epoch+1, s.Epochs))),
		mpb.AppendDecorators(
			decor.CountersNoUnit(" %d/%d"),
			decor.Any(func(decor.Statistics) string {
				return fmt.Sprintf("  loss %.4g  ", math.Float64frombits(b.shown.Load()))
			}),
			decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace), ""),
		))
}

// EpochEnd replaces the bar by the epoch's line.
func (b *bars) EpochEnd(s *train.State) error {
	if b.bar != nil {
		b.bar.Abort(true)
		b.progress.Wait()
		b.bar = nil
	}
	return lines{train.Log(b.out)}.EpochEnd(s)
}
