package coco

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/internal/malformed"
	"github.com/gradus-ml/gradus/vision/box"
)

// instances has the parts in COCO's order, images before categories, and categories out of order.
const instances = `{"info": {"description": "x", "deep": [[{}]]}, "licenses": [], "images": [
 {"id": 7, "width": 20, "height": 10, "file_name": "a.png", "license": 1, "coco_url": "http://x"},
 {"id": 3, "width": 8, "height": 8, "file_name": "sub/b.png"}],
"annotations": [
 {"id": 1, "image_id": 7, "category_id": 90, "bbox": [1.5, 2, 10, 4], "area": 3, "iscrowd": 0, "segmentation": [[1, 2, 3, 4, 5, 6]]},
 {"id": 2, "image_id": 7, "category_id": 4, "bbox": [0, 0, 20.25, 10], "iscrowd": 1, "segmentation": {"counts": [1, 2], "size": [10, 20]}},
 {"id": 3, "image_id": 7, "category_id": 4, "bbox": [5, 5, 0, 3]},
 {"id": 4, "image_id": 7, "category_id": 4, "bbox": [5, 5, -2, 3]},
 {"id": 5, "image_id": 3, "category_id": 4, "bbox": [-5, 1, 7, 3], "iscrowd": null},
 {"id": 6, "image_id": 3, "category_id": 4, "bbox": [9, 1, 2, 3]}],
"categories": [{"id": 90, "name": "dog", "supercategory": "animal"}, {"id": 4, "name": "cat"}]}`

func write(t testing.TB, content string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "instances.json")
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.png", "sub/b.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path, dir
}

func TestOpen(t *testing.T) {
	path, dir := write(t, instances)
	set, err := Open(path, dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(set.Classes, []string{"cat", "dog"}) || !slices.Equal(set.CategoryIDs, []int64{4, 90}) || !slices.Equal(set.ImageIDs, []int64{7, 3}) {
		t.Error(set.Classes, set.CategoryIDs, set.ImageIDs)
	}
	a, b := set.Scenes[0], set.Scenes[1]
	if want := []box.Object{{Box: box.Box{X1: 1.5, Y1: 2, X2: 11.5, Y2: 6}, Class: 1, Score: 1}, {Box: box.Box{X1: 0, Y1: 0, X2: 20, Y2: 10}, Class: 0, Score: 1, Crowd: true}}; a.Name != "a.png" || a.Width != 20 || !slices.Equal(a.Objects, want) {
		t.Errorf("%+v", a)
	}
	if want := []box.Object{{Box: box.Box{X1: 0, Y1: 1, X2: 2, Y2: 4}, Score: 1}}; b.Name != "sub/b.png" || !slices.Equal(b.Objects, want) {
		t.Errorf("%+v", b)
	}
	if im, err := a.Open(); err != nil || im.Width != 20 {
		t.Error(im, err)
	}
	_, err = b.Open()
	malformed.Refused(t, err, filepath.Join(dir, "sub", "b.png")+": expected 8 × 8 pixels, as "+path+" says, got 20 × 10")
	if len(set.Warnings) != 4 {
		t.Fatalf("%q", set.Warnings)
	}
	for i, want := range []string{
		`annotations[2] (id 3, of "a.png"): cat (5, 5)–(5, 8) has no area in the picture; it was dropped`,
		`annotations[3] (id 4, of "a.png"): cat (5, 5)–(3, 8) has no area in the picture; it was dropped`,
		`annotations[4] (id 5, of "sub/b.png"): cat (-5, 1)–(2, 4) reaches over the border of the picture of 8 × 8 pixels; it was clipped`,
		`annotations[5] (id 6, of "sub/b.png"): cat (9, 1)–(11, 4) has no area in the picture; it was dropped`,
	} {
		if !strings.HasPrefix(set.Warnings[i], path) || !strings.Contains(set.Warnings[i], want) {
			t.Errorf("%q, want %q", set.Warnings[i], want)
		}
	}
}

// What was written is read again, and found by image.
func TestResults(t *testing.T) {
	found := []box.Object{{Box: box.Box{X1: 1, Y1: 2.5, X2: 4, Y2: 7.25}, Class: 1, Score: 0.75}, {Box: box.Box{X1: 0, Y1: 0, X2: 1, Y2: 1}, Score: 0.5}}
	results := append(Results(7, found, []int64{4, 90}), Results(3, found[1:], []int64{4, 90})...)
	path := filepath.Join(t.TempDir(), "r.json")
	if err := WriteResults(path, results); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if want := `[{"image_id":7,"category_id":90,"bbox":[1,2.5,3,4.75],"score":0.75},{"image_id":7,"category_id":4,"bbox":[0,0,1,1],"score":0.5},{"image_id":3,"category_id":4,"bbox":[0,0,1,1],"score":0.5}]` + "\n"; string(text) != want {
		t.Error(string(text))
	}
	back, err := ReadResults(path)
	if err != nil || !slices.Equal(back, results) {
		t.Error(back, err)
	}
	objects, err := Objects(back, []int64{4, 90})
	if err != nil || !slices.Equal(objects[7], found) || !slices.Equal(objects[3], found[1:]) || len(objects) != 2 {
		t.Error(objects, err)
	}
	if _, err := Objects(back, []int64{4}); err == nil || !strings.Contains(err.Error(), "result 0 has category_id 90") {
		t.Error(err)
	}
	if r := Results(1, found, nil); r[0].CategoryID != 2 || r[1].CategoryID != 1 {
		t.Error(r)
	}
	if objects, err := Objects(Results(1, found, nil), nil); err != nil || !slices.Equal(objects[1], found) {
		t.Error(objects, err)
	}
	if err := WriteResults(path, nil); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "[]\n" {
		t.Errorf("%q", text)
	}
	if back, err := ReadResults(path); err != nil || len(back) != 0 {
		t.Error(back, err)
	}
}

func TestRefusesPaths(t *testing.T) {
	malformed.Paths(t, func(path string) error { _, err := Open(path, ".", Config{}); return err })
	malformed.Paths(t, func(path string) error { _, err := ReadResults(path); return err })
}

func TestErrorsNameTheFile(t *testing.T) {
	path, dir := write(t, strings.Replace(instances, `"image_id": 3`, `"image_id": 33`, 1))
	_, err := Open(path, dir, Config{})
	malformed.Refused(t, err, "read COCO: "+path, `entry "annotations[4]"`, "expected the id of an image, got image_id 33, which images doesn't list")
}
