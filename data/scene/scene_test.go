package scene

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
)

// blank is a scene whose picture has the value v everywhere.
func blank(name string, width, height int, v uint8, objects ...box.Object) Scene {
	return Scene{name, width, height, objects, func() (*imagefolder.Image, error) {
		return &imagefolder.Image{Channels: 3, Height: height, Width: width, Pix: slices.Repeat([]uint8{v}, 3*width*height)}, nil
	}}
}

func TestDataset(t *testing.T) {
	scenes := []Scene{
		blank("a", 20, 10, 255, box.Object{Box: box.Box{X1: 2, Y1: 1, X2: 10, Y2: 5}, Class: 2}, box.Object{Crowd: true, Box: box.Box{X1: 0, Y1: 0, X2: 1, Y2: 1}}, box.Object{Box: box.Box{X1: 0, Y1: 0, X2: 20, Y2: 10}}),
		blank("b", 5, 4, 51),
	}
	b, err := Dataset(scenes, 4, 5).Batch(data.Draw{Index: []int{1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.X.Shape(), []int{2, 3, 4, 5}) || float32(b.X.At(0, 2, 3, 4)) != 0.2 || math.Abs(b.X.At(1, 0, 0, 0)-1) > 1e-6 {
		t.Error(b.X)
	}
	empty := []float32{-1, 0, 0, 0, 0}
	if want := slices.Concat(empty, empty, empty, []float32{2, 0.5, 0.4, 2.5, 2, 0, 0, 0, 5, 4}, empty); !slices.Equal(tensor.Data[float32](b.Y), want) {
		t.Errorf("%v, want %v", b.Y, want)
	}
	scenes[1].Open = func() (*imagefolder.Image, error) { return nil, errors.New("gone") }
	if _, err := Dataset(scenes, 4, 5).Batch(data.Draw{Index: []int{0, 1}}); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
	if tensor.Try(func() error { Rows(scenes[0].Objects, 2); return nil }) == nil || tensor.Try(func() error { Dataset(scenes, 0, 5); return nil }) == nil {
		t.Error("no panic")
	}
}

func TestSplit(t *testing.T) {
	var scenes []Scene
	for i := range 10 {
		scenes = append(scenes, blank(fmt.Sprint(i), 1, 1, 0))
	}
	names := func(s []Scene) (out string) {
		for _, s := range s {
			out += s.Name
		}
		return out
	}
	first, rest := Split(scenes, 0.3, 5)
	again, _ := Split(scenes, 0.3, 5)
	other, _ := Split(scenes, 0.3, 6)
	both := []byte(names(first) + names(rest))
	slices.Sort(both)
	if len(first) != 3 || string(both) != "0123456789" || names(first) != names(again) || names(first) == names(other) || !slices.IsSorted([]byte(names(rest))) {
		t.Error(names(first), names(rest), names(again), names(other))
	}
	if tensor.Try(func() error { Split(scenes, 1.1, 0); return nil }) == nil {
		t.Error("no panic")
	}
}

func TestFigures(t *testing.T) {
	s := Set{Classes: []string{"cat", "dog"}, Scenes: []Scene{
		blank("a", 20, 10, 0, box.Object{Box: box.Box{X1: 2, Y1: 1, X2: 10, Y2: 5}, Class: 1}, box.Object{Crowd: true, Class: 1}),
		blank("b", 5, 4, 0, box.Object{Box: box.Box{X1: 0, Y1: 0, X2: 1, Y2: 2}}),
	}}
	if s.String() != "2 pictures with 3 boxes of 2 classes (cat, dog)" || !slices.Equal(s.Counts(), []int{1, 2}) {
		t.Error(s.String(), s.Counts())
	}
}
