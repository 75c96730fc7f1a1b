package train

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/gradus-ml/gradus/internal/atomicfile"
)

// CSVLogger returns a callback that keeps the figures of all epochs in a CSV file: epoch (from 1), seconds, and a column for each figure.
// The file is replaced whole after each epoch, so that a resumed run leaves no line twice.
func CSVLogger(path string) Callback { return &csvLogger{path: path} }

type csvLogger struct {
	Quiet
	path string
}

// EpochEnd writes the file.
func (l *csvLogger) EpochEnd(s *State) error {
	names := map[string]bool{}
	for _, e := range s.History {
		for n := range e.Values {
			names[n] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	err := atomicfile.Write(l.path, func(w io.Writer) error {
		c := csv.NewWriter(w)
		_ = c.Write(append([]string{"epoch", "seconds"}, columns...)) // Error below tells
		for _, e := range s.History {
			row := []string{strconv.Itoa(e.Number + 1), strconv.FormatFloat(e.Seconds, 'f', 3, 64)}
			for _, n := range columns {
				cell := ""
				if v, ok := e.Values[n]; ok {
					cell = strconv.FormatFloat(v, 'g', 8, 64)
				}
				row = append(row, cell)
			}
			_ = c.Write(row)
		}
		c.Flush()
		return c.Error()
	})
	if err != nil {
		return fmt.Errorf("train: metrics: %w", err)
	}
	return nil
}
