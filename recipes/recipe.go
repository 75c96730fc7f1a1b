// Package recipes holds named, runnable experiments: each a short file to be
// read as a tutorial, with defaults that reach the known result.
//
//	gradus train lenet --data fashion-mnist --epochs 10
//
// A recipe says which data it takes, how its model is built and how it is
// trained. What all of them share (the run folder, checkpoints, resuming,
// pictures) is in [Run].
package recipes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
)

// Options are what a user can set for a training run.
type Options struct {
	Data   string  `yaml:"data" json:"data"`
	Epochs int     `yaml:"epochs" json:"epochs"`
	Batch  int     `yaml:"batch" json:"batch"`
	LR     float64 `yaml:"lr" json:"lr"`
	Seed   uint64  `yaml:"seed" json:"seed"`
	Limit  int     `yaml:"limit,omitempty" json:"limit,omitempty"` // use this many training examples; 0: all
	// Augment names one of the recipe's ways to vary training examples, or "none".
	Augment string `yaml:"augment,omitempty" json:"augment,omitempty"`
}

// Recipe is a named experiment.
type Recipe struct {
	Name    string
	Summary string   // one line
	Source  string   // chapter or paper
	Data    []string // names of the data sets it takes, the default first
	Options Options  // defaults; Data and Seed are filled in
	Augment []string // names of the ways to vary training examples that it knows, the default first; nil: none
	Input   []int    // shape of one input of the model; nil: of one example of the data set
	Metric  string   // the figure to look at, such as "accuracy"

	// Generate makes the data of recipes that need no data set; Data then names them for people.
	Generate   func(seed uint64) *sets.Set
	DataConfig sets.Config         // how the data set is opened
	Prepare    func(set *sets.Set) // what is done to it before anything else; its Train and Test are nil if only its shape is asked for
	// Model builds the network for a data set, without values.
	Model func(set *sets.Set) nn.Layer
	// Train runs the experiment and returns the figures of the test set.
	Train func(ctx context.Context, r *Run) (map[string]float64, error)

	// Evaluate measures the model of a finished run on the test set again; nil: loss, and accuracy where there are classes.
	Evaluate func(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error)
	// Predict says what the model of a finished run finds in the picture in file, and leaves pictures and files of it in dir; nil: the class.
	Predict func(ctx context.Context, r *Run, model nn.Layer, file, dir string) (Finding, error)
	// Compare says whether the pictures in two files show the same, for models that verify; it takes the place of Predict.
	Compare func(ctx context.Context, r *Run, model nn.Layer, file, other string) (Finding, error)
}

// Finding is what a model says of a file: text for people, and fields for JSON.
type Finding interface{ String() string }

// all lists the recipes in the order of the courses.
var all = []*Recipe{
	&linearRegression,
	&softmaxRegression,
	&mlp,
	&mlpDropout,
	&polynomial,
	&weightDecay,
	&housePrices,
	&leNet,
	&leNetBN,
	&spatialTransformer,
	&resNet20,
	&plain20,
	&vggSmall,
	&resNet56,
	&plain56,
	&degradation,
	&uNet,
	&fineTune,
	&localize,
	&yolo,
	&rCNN,
	&fastRCNN,
	&autoencoder,
	&vae,
	&dcgan,
	&siamese,
	&triplet,
}

// List returns all recipes.
func List() []*Recipe { return slices.Clone(all) }

// Find returns the recipe called name; the error suggests one if there is a similar name.
func Find(name string) (*Recipe, error) {
	best, distance := "", 3
	for _, r := range all {
		if r.Name == name {
			return r, nil
		}
		if d := editDistance(name, r.Name); d < distance {
			best, distance = r.Name, d
		}
	}
	if best != "" {
		return nil, fmt.Errorf("there is no recipe %q; did you mean %s? (gradus list recipes shows all)", name, best)
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return nil, fmt.Errorf("there is no recipe %q; choose from %s", name, strings.Join(names, ", "))
}

// editDistance returns how many letters must be changed, added or left out to get from a to b (Levenshtein, 1966).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
