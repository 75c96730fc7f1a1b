package coco

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/vision/box"
)

// Result is one thing that a detector found, as COCO's tools take it.
type Result struct {
	ImageID    int64      `json:"image_id"`
	CategoryID int64      `json:"category_id"`
	BBox       [4]float64 `json:"bbox"` // x and y of the upper left corner, width, height, in pixels
	Score      float64    `json:"score"`
}

// Results returns what was found in the image with this id. categoryIDs give the category id of each class; nil means that class c has the
// id c+1.
func Results(imageID int64, found []box.Object, categoryIDs []int64) []Result {
	var out []Result
	for _, o := range found {
		id := int64(o.Class) + 1
		if categoryIDs != nil {
			id = categoryIDs[o.Class]
		}
		out = append(out, Result{imageID, id, [4]float64{o.Box.X1, o.Box.Y1, o.Box.Width(), o.Box.Height()}, o.Score})
	}
	return out
}

// Objects returns what was found, by image id, in the order of results: the inverse of [Results]. A category that categoryIDs doesn't hold is
// an error.
func Objects(results []Result, categoryIDs []int64) (map[int64][]box.Object, error) {
	classes := map[int64]int{}
	for c, id := range categoryIDs {
		classes[id] = c
	}
	out := map[int64][]box.Object{}
	for i, r := range results {
		class, ok := classes[r.CategoryID]
		if categoryIDs == nil && r.CategoryID > 0 {
			class, ok = int(r.CategoryID)-1, true
		}
		if !ok {
			return nil, fmt.Errorf("coco: result %d has category_id %d, which isn't one of the set's", i, r.CategoryID)
		}
		b := box.FromXYWH(r.BBox[0], r.BBox[1], r.BBox[2], r.BBox[3])
		out[r.ImageID] = append(out[r.ImageID], box.Object{Box: b, Class: class, Score: r.Score})
	}
	return out, nil
}

// WriteResults writes results to a JSON file, replacing one that is there: what pycocotools' loadRes reads.
func WriteResults(path string, results []Result) error {
	if results == nil {
		results = []Result{} // a list without entries, not null
	}
	text, err := json.Marshal(results)
	if err != nil {
		return fmt.Errorf("coco: write %s: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// ReadResults reads the results in the JSON file at path. Errors name the file and the entry: numbers that are missing or not finite,
// negative sizes.
func ReadResults(path string) ([]Result, error) {
	f, _, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	results, err := decodeResults(f)
	var e *format.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = path
	}
	return results, err
}

func decodeResults(r io.Reader) ([]Result, error) {
	s := newStream(r)
	var out []Result
	err := s.list("", func(string) error {
		var v struct {
			Image    *int64    `json:"image_id"`
			Category *int64    `json:"category_id"`
			Box      []float64 `json:"bbox"`
			Score    *float64  `json:"score"`
		}
		if err := s.Decode(&v); err != nil {
			return err
		}
		if v.Image == nil || v.Category == nil || v.Box == nil || v.Score == nil {
			return errors.New("a result needs image_id, category_id, bbox and score")
		}
		one := Result{ImageID: *v.Image, CategoryID: *v.Category, Score: *v.Score}
		if err := corners(v.Box, &one.BBox); err != nil {
			return err
		}
		if one.BBox[2] < 0 || one.BBox[3] < 0 {
			return fmt.Errorf("bbox %g has a negative size", one.BBox)
		}
		out = append(out, one)
		return nil
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		if s.in.n == 0 && s.in.err == nil {
			return nil, &format.Error{Op: readOp, Offset: 0, Want: "results in JSON", Got: "an empty file"}
		}
		return nil, err
	}
	return out, nil
}
