package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
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
	return &lines{out: w}
}

// lines prints a line for each epoch, or for about twenty of them if there are many.
type lines struct {
	train.Quiet
	out io.Writer
}

// EpochEnd prints the epoch's figures.
func (l *lines) EpochEnd(s *train.State) error {
	e := s.History[len(s.History)-1]
	if every := (s.Epochs + 19) / 20; (e.Number+1)%every != 0 && e.Number+1 != s.Epochs && e.Number > 0 {
		return nil
	}
	_, err := fmt.Fprintf(l.out, "epoch %*d/%d  %s  %.1f s\n", digits(s.Epochs), e.Number+1, s.Epochs, figures(e.Values), e.Seconds)
	return err
}

func digits(n int) int { return len(fmt.Sprint(n)) }

// figures writes an epoch's figures in one line, training first.
func figures(values map[string]float64) string {
	var parts []string
	for _, name := range sortedNames(values, "loss") {
		if name != "lr" {
			parts = append(parts, name+" "+figure(name, values[name]))
		}
	}
	return strings.Join(parts, "  ")
}

// sortedNames puts first in front and figures of the validation set behind those of training.
func sortedNames(values map[string]float64, first string) []string {
	var names []string
	for n := range values {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		rank := func(n string) string {
			rest, val := strings.CutPrefix(n, "val_")
			key := "1" + rest
			if rest == first {
				key = "0"
			}
			if val {
				return "b" + key
			}
			return "a" + key
		}
		return strings.Compare(rank(a), rank(b))
	})
	return names
}

// figure writes one figure: shares in percent, the rest with four digits.
func figure(name string, v float64) string {
	if strings.HasSuffix(name, "accuracy") {
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	return fmt.Sprintf("%.4g", v)
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
		mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound(""),
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
	return (&lines{out: b.out}).EpochEnd(s)
}
