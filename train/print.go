package train

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Log returns a callback that writes a line to w for each epoch, with all figures but the learning rate:
//
//	epoch  3/10  loss 0.1234  accuracy 97.12 %  val_loss 0.1402  val_accuracy 96.80 %  1.2 s
//
// An error in writing ends training.
func Log(w io.Writer) Callback { return &logger{w: w} }

type logger struct {
	Quiet
	w io.Writer
}

// EpochEnd writes the line.
func (l *logger) EpochEnd(s *State) error {
	e := s.History[len(s.History)-1]
	line := fmt.Sprintf("epoch %*d/%d", len(fmt.Sprint(s.Epochs)), e.Number+1, s.Epochs)
	for _, name := range FigureNames(e.Values, "loss") {
		if name != "lr" {
			line += "  " + name + " " + FormatFigure(name, e.Values[name])
		}
	}
	if _, err := fmt.Fprintf(l.w, "%s  %.1f s\n", line, e.Seconds); err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

// FigureNames returns the names of figures in the order in which people read them: those of training before those of the validation set
// ("val_…"), and among each first in front, the others by name.
func FigureNames(values map[string]float64, first string) []string {
	var names []string
	for n := range values {
		names = append(names, n)
	}
	key := func(name string) string {
		rest, val := strings.CutPrefix(name, "val_")
		key := "a"
		if val {
			key = "b"
		}
		if rest == first {
			return key
		}
		return key + " " + rest
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return names
}

// FormatFigure writes one figure: accuracies in percent, the rest with four digits.
func FormatFigure(name string, v float64) string {
	if strings.Contains(name, "accuracy") {
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	return fmt.Sprintf("%.4g", v)
}
