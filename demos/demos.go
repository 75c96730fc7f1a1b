// Package demos holds small programs that show something rather than train a model: gradus demo NAME.
package demos

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Demo shows something in pictures and a few lines of text.
type Demo struct {
	Name    string
	Summary string // one line
	Source  string // chapter or paper
	Files   string // what it does with files that the user names; "" if it takes none
	Run     func(ctx context.Context, e *Env) error
}

// Env is what a demo has to work with.
type Env struct {
	Dir   string    // folder for pictures; it exists
	Files []string  // that the user named
	Out   io.Writer // text for people
	Seed  uint64
	// Fetching returns what is told how a download of a data set goes, if one is needed; may be nil.
	Fetching func(set string) func(done, total int64)
}

var all = []*Demo{&edgeFilters}

// List returns all demos.
func List() []*Demo { return slices.Clone(all) }

// Find returns the demo of a name.
func Find(name string) (*Demo, error) {
	var names []string
	for _, d := range all {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return nil, fmt.Errorf("there is no demo %q; choose from %s", name, strings.Join(names, ", "))
}
