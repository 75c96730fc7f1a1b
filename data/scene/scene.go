// Package scene holds pictures with the boxes of the things in them: what data/voc and data/coco read, and detectors learn from.
//
//	set, err := voc.Open("BCCD_Dataset-master.zip", voc.Config{})
//	train, test := scene.Split(set.Scenes, 0.8, 0)
//	im, err := train[0].Open()            // the picture, decoded now
//	set.Classes[train[0].Objects[0].Class] // "RBC"
package scene

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// Scene is a picture and what is known to be in it.
type Scene struct {
	Name          string       // of the picture, as its data set calls it, unique in a set
	Width, Height int          // in pixels
	Objects       []box.Object // inside the picture, none empty; Class counts into Set.Classes
	// Open reads and decodes the picture, which has Width × Height pixels. It may be called by several goroutines at once. Errors are
	// *format.Error and name the file.
	Open func() (*imagefolder.Image, error)
}

// Set is a data set of scenes.
type Set struct {
	Classes  []string
	Scenes   []Scene  // in the order of the files
	Warnings []string // what was mended or left out while reading, each naming its file
}

// String says how many scenes there are, with how many things.
func (s *Set) String() string {
	things := 0
	for _, c := range s.Counts() {
		things += c
	}
	return fmt.Sprintf("%d pictures with %d boxes of %d classes (%s)", len(s.Scenes), things, len(s.Classes), strings.Join(s.Classes, ", "))
}

// Counts returns how many boxes of each class there are.
func (s *Set) Counts() []int {
	counts := make([]int, len(s.Classes))
	for _, c := range s.Scenes {
		for _, o := range c.Objects {
			counts[o.Class]++
		}
	}
	return counts
}

// Split divides scenes at random, by seed, into a part with the given fraction of them and the rest, each in the order of scenes. It
// panics unless 0 ≤ fraction ≤ 1.
func Split(scenes []Scene, fraction float64, seed uint64) (first, rest []Scene) {
	if !(fraction >= 0 && fraction <= 1) {
		tensor.Fail("scene.Split", "", "the fraction must lie between 0 and 1, got %g", fraction)
	}
	order := tensor.NewRNG(seed).Split("split").Perm(len(scenes))
	k := int(fraction*float64(len(scenes)) + 0.5)
	chosen := order[:k]
	slices.Sort(chosen)
	for i, s := range scenes {
		if _, ok := slices.BinarySearch(chosen, i); ok {
			first = append(first, s)
		} else {
			rest = append(rest, s)
		}
	}
	return first, rest
}
