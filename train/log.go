package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gradus-ml/gradus/internal/atomicfile"
)

// CSVLogger returns a callback that keeps the figures of all epochs in a CSV file: epoch (from 1), seconds, and a column for each figure.
// A resumed run writes the lines of the epochs before anew, so that none is there twice.
func CSVLogger(path string) Callback { return &csvLogger{path: path} }

type csvLogger struct {
	Quiet
	path    string
	columns []string // of the file
}

// TrainBegin makes the file.
func (l *csvLogger) TrainBegin(s *State) error {
	l.columns = nil
	if len(s.History) == 0 {
		return nil
	}
	return l.rewrite(s.History)
}

// EpochEnd appends a line, or writes the file anew if there are new figures.
func (l *csvLogger) EpochEnd(s *State) error {
	e := s.History[len(s.History)-1]
	if !slices.Equal(l.columns, slices.Sorted(maps.Keys(e.Values))) {
		return l.rewrite(s.History)
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	err = l.write(f, []Epoch{e})
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

// rewrite replaces the file.
func (l *csvLogger) rewrite(history []Epoch) error {
	names := map[string]bool{}
	for _, e := range history {
		for n := range e.Values {
			names[n] = true
		}
	}
	l.columns = slices.Sorted(maps.Keys(names))
	err := atomicfile.Write(l.path, func(w io.Writer) error {
		if _, err := fmt.Fprintln(w, strings.Join(append([]string{"epoch", "seconds"}, l.columns...), ",")); err != nil {
			return err
		}
		return l.write(w, history)
	})
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}

// write puts out lines; a figure that an epoch lacks is left empty.
func (l *csvLogger) write(w io.Writer, history []Epoch) error {
	c := csv.NewWriter(w)
	for _, e := range history {
		row := []string{strconv.Itoa(e.Number + 1), strconv.FormatFloat(e.Seconds, 'f', 3, 64)}
		for _, n := range l.columns {
			cell := ""
			if v, ok := e.Values[n]; ok {
				cell = strconv.FormatFloat(v, 'g', 8, 64)
			}
			row = append(row, cell)
		}
		_ = c.Write(row) // Error below tells
	}
	c.Flush()
	return c.Error()
}
