// Package sets opens well-known data sets: handwritten digits, fashion items and small photographs as images, and classic tables.
//
//	if err := sets.Fetch(ctx, "fashion-mnist", nil); err != nil { // does nothing if it is there
//		return err
//	}
//	set, err := sets.Open("fashion-mnist", sets.Config{})
//	if err != nil {
//		return err
//	}
//	loader := data.NewLoader(set.Train, data.LoaderConfig{Batch: 128, Shuffle: true})
//
// Sets lie in the folder that [Dir] names, in their original files. The set "digits" is generated and needs no files.
package sets

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/omniglot"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/data/table"
)

// Set is an opened data set.
type Set struct {
	Info
	// Train and Test hold the examples. Images are Float32 of shape (N, channels, height, width), from 0 to 1 unless
	// standardised; tables Float32 of shape (N, features). Targets are class indices, Int64 of shape (N), or, for
	// regression, Float32 of shape (N, 1). The test set of house-prices has no targets. For bccd targets are boxes, as
	// scene.Dataset gives them.
	Train, Test data.Dataset

	Mean, Std []float64 // of the training images' channels on the scale 0 to 1, whether standardised by them or not; nil for tables

	Features              []string       // names of the features of a table
	Encoder               *table.Encoder // how the features came from a table's columns, learnt from the training part
	TrainTable, TestTable *table.Table   // the rows behind Train and Test

	TrainScenes, TestScenes []scene.Scene // the pictures with boxes behind Train and Test, whose objects' classes count into Classes
	Warnings                []string      // what was left out while reading, each naming its file

	Trials []omniglot.Trial // one-shot trials of omniglot, on the scale of bytes; see Set.Pixels
}

// Config says how to open a set. The zero value suits most uses.
type Config struct {
	Standardize  bool    // images: subtract the training set's mean from each channel and divide it by the standard deviation; numbers in tables always are
	LogTarget    bool    // regression: natural logarithms as targets
	TestFraction float64 // tables and bccd, which come without a test set: the part to test on, drawn at random (tables: from each class alike); default 0.2
	Seed         uint64  // of that draw, and of generated sets
	Side         int     // omniglot: the width and height that drawings are reduced to, from 1 to 105; default 105
}

// Info describes a set.
type Info struct {
	Name      string
	What      string   // a line about it
	Licence   string   // terms as far as they are known
	Home      string   // where it comes from
	Shape     []int    // of one example's input; nil if they differ
	Classes   []string // names of the classes; nil for regression
	Unit      string   // of the target of a regression
	TrainSize int      // examples; of a table without a test set of its own, all of them
	TestSize  int
	Bytes     int64 // to download
}

// List describes all sets, by name.
func List() []Info {
	var out []Info
	for _, e := range catalogue() {
		out = append(out, e.info())
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// info completes the description of a set.
func (e *entry) info() Info {
	i := e.Info
	if e.archive != nil {
		i.Bytes = e.archive.size
		return i
	}
	for _, f := range e.files {
		i.Bytes += f.size
	}
	return i
}

// find returns the set of a name.
func find(name string) (*entry, error) {
	var names []string
	for _, e := range catalogue() {
		if e.Name == name {
			return &e, nil
		}
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("sets: there is no data set %q; there are %s", name, strings.Join(names, ", "))
}

// Open opens the set of the given name. If files are missing the error is a [*MissingError]; [Fetch] gets them.
func Open(name string, cfg Config) (*Set, error) {
	e, err := find(name)
	if err != nil {
		return nil, err
	}
	if cfg.TestFraction == 0 {
		cfg.TestFraction = 0.2
	}
	if !(cfg.TestFraction > 0 && cfg.TestFraction < 1) {
		return nil, fmt.Errorf("sets: %s: the part to test on must lie between 0 and 1, got %g", name, cfg.TestFraction)
	}
	if cfg.LogTarget && e.Classes != nil {
		return nil, fmt.Errorf("sets: %s has classes as targets, of which there are no logarithms; leave LogTarget out", name)
	}
	dir, err := e.dir()
	if err != nil {
		return nil, err
	}
	if missing := e.missing(dir); len(missing) > 0 {
		return nil, &MissingError{Set: name, Dir: dir, Files: missing, entry: e}
	}
	set := &Set{Info: e.info()}
	if err := e.open(e, set, dir, cfg); err != nil {
		return nil, fmt.Errorf("sets: %s: %w", name, err)
	}
	return set, nil
}

// logarithm returns the natural logarithm of a target, or an error that says which.
func logarithm(v float32, row int) (float32, error) {
	if !(v > 0) {
		return 0, fmt.Errorf("the target of row %d is %g, which has no logarithm", row, v)
	}
	return float32(math.Log(float64(v))), nil
}
