package coco

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/internal/malformed"
)

func readErr(data []byte) error {
	d, err := decode(bytes.NewReader(data))
	if err == nil {
		_, err = d.set("x.json", "dir", Config{})
	}
	return err
}

func resultsErr(data []byte) error {
	_, err := decodeResults(bytes.NewReader(data))
	return err
}

// with returns instances with a piece replaced.
func with(old, now string) []byte {
	if !strings.Contains(instances, old) {
		panic(old)
	}
	return []byte(strings.Replace(instances, old, now, 1))
}

func malformedInstances() []malformed.Case {
	c := func(name string, data []byte, want ...string) malformed.Case {
		return malformed.Case{Name: name, Data: data, Want: append(want, "read COCO: ")}
	}
	return []malformed.Case{
		c("empty", nil, "byte 0: expected annotations in JSON, got an empty file"),
		c("text", []byte("hello"), "expected JSON, got invalid character 'h'"),
		c("BOM", []byte("\xff\xfe{\x00"), "expected JSON, got invalid character"),
		c("a list", []byte("[]"), `byte 0: expected "{", got [`),
		c("results", []byte(`{}`), "expected images, got none; is this an instances file?"),
		c("no annotations", []byte(`{"images":[], "categories":[]}`), "expected annotations, got none"),
		c("no categories", []byte(`{"images":[], "annotations":[]}`), "expected categories, got none"),
		c("images twice", []byte(`{"images":[], "images":[]}`), "expected one images, got a second one"),
		c("images an object", []byte(`{"images":{}}`), `expected "[", got {`),
		c("junk behind", []byte(instances+" x"), "expected JSON, got invalid character 'x'"),
		c("value behind", []byte(instances+"[]"), "expected the end of the file, got ["),
		c("deep", []byte(`{"info":`+strings.Repeat("[", 100_000)), "expected at most 64 levels, got more"),
		c("deep annotation", []byte(`{"annotations":[{"id":`+strings.Repeat("[", 100_000)), "exceeded max depth"),
		c("no image id", with(`"id": 7, `, ""), `entry "images[0]"`, "an image needs id, width, height and file_name"),
		c("image id in words", with(`"id": 7`, `"id": "seven"`), `images[0]`, "expected id that fits int64, got string"),
		c("image id with a fraction", with(`"id": 7`, `"id": 7.5`), `images[0]`, "expected id that fits int64, got number 7.5"),
		c("image id too large", with(`"id": 7`, `"id": 9223372036854775808`), `images[0]`, "expected id that fits int64, got number 9223372036854775808"),
		c("image id twice", with(`"id": 3, "width"`, `"id": 7, "width"`), `entry "images[1]": expected each image id once, got a second 7`),
		c("file twice", with(`sub/b.png`, `a.png`), `entry "images[1]": expected each file_name once, got a second "a.png"`),
		c("zero width", with(`"width": 20`, `"width": 0`), `images[0]`, "width and height must lie between 1 and 16777216, not 0 × 10"),
		c("giant", with(`"width": 20`, `"width": 99999999999`), `images[0]`, "not 99999999999 × 10"),
		c("parent folder", with(`sub/b.png`, `../b.png`), `images[1]`, `the name "../b.png" doesn't stay in the folder of the pictures`),
		c("hidden parent folder", with(`sub/b.png`, `sub/../../b.png`), `images[1]`, "doesn't stay in the folder"),
		c("absolute", with(`sub/b.png`, `/etc/passwd`), `images[1]`, "doesn't stay in the folder"),
		c("backslash", with(`sub/b.png`, `..\\b.png`), `images[1]`, "doesn't stay in the folder"),
		c("no name", with(`sub/b.png`, ``), `images[1]`, "doesn't stay in the folder"),
		c("unknown image", with(`"image_id": 3`, `"image_id": 4`), `entry "annotations[4]": expected the id of an image, got image_id 4, which images doesn't list`),
		c("no image", with(`"image_id": 3, `, ``), `annotations[4]`, "an annotation needs id, image_id, category_id and bbox"),
		c("unknown category", with(`"category_id": 90`, `"category_id": 91`), `entry "annotations[0]": expected the id of a category, got category_id 91`),
		c("annotation id twice", with(`"id": 2, `, `"id": 1, `), `entry "annotations": expected each id once, got a second 1`),
		c("no box", with(`"bbox": [1.5, 2, 10, 4], `, ``), `annotations[0]`, "an annotation needs"),
		c("three numbers", with(`[1.5, 2, 10, 4]`, `[1, 2, 3]`), `annotations[0]`, "bbox needs x, y, width and height, not 3 numbers"),
		c("NaN", with(`[1.5, 2, 10, 4]`, `[NaN, 2, 3, 4]`), "invalid character 'N'"),
		c("1e999", with(`[1.5, 2, 10, 4]`, `[1, 2, 1e999, 4]`), `annotations[0]`, "fits float64, got number 1e999"),
		c("overflow", with(`[1.5, 2, 10, 4]`, `[1e308, 2, 1e308, 4]`), `annotations[0]`, "is too large"),
		c("words", with(`[1.5, 2, 10, 4]`, `["1", 2, 3, 4]`), `annotations[0]`, "fits float64, got string"),
		c("crowd", with(`"iscrowd": 1`, `"iscrowd": 2`), `annotations[1]`, "iscrowd must be 0 or 1, not 2"),
		c("category id twice", with(`"id": 4, "name"`, `"id": 90, "name"`), `entry "categories": expected each id once, got a second 90`),
		c("category twice", with(`"name": "cat"`, `"name": "dog"`), `entry "categories": expected each name once, got a second "dog"`),
		c("nameless category", with(`"name": "cat"`, `"name": ""`), `categories[1]`, "a category needs id and name"),
		c("missing comma", with(`"area": 3,`, `"area": 3`), "expected JSON, got invalid character"),
	}
}

func malformedResults() []malformed.Case {
	c := func(name, data string, want ...string) malformed.Case {
		return malformed.Case{Name: name, Data: []byte(data), Want: append(want, "read COCO: ")}
	}
	const good = `{"image_id":1,"category_id":2,"bbox":[1,2,3,4],"score":0.5}`
	return []malformed.Case{
		c("empty", "", "expected results in JSON, got an empty file"),
		c("instances", instances, `byte 0: expected "[", got {`),
		c("cut", "["+good, "the file ends early: unexpected EOF"),
		c("junk", "["+good+"]]", "invalid character ']'"),
		c("no score", `[`+good+`,{"image_id":1,"category_id":2,"bbox":[1,2,3,4]}]`, `entry "[1]"`, "a result needs image_id, category_id, bbox and score"),
		c("negative", strings.Replace("["+good+"]", "3,4", "3,-4", 1), `entry "[0]"`, "bbox [1 2 3 -4] has a negative size"),
		c("infinite score", strings.Replace("["+good+"]", "0.5", "1e999", 1), "expected score that fits float64, got number 1e999"),
		c("not objects", "[1]", "entry \"[0]\""),
	}
}

func TestRefusesMalformedFiles(t *testing.T) {
	malformed.Run(t, readErr, malformedInstances())
	malformed.Run(t, resultsErr, malformedResults())
}

func TestCutsAndFlips(t *testing.T) {
	malformed.Prefixes(t, []byte(instances), readErr)
	malformed.Flips(t, []byte(instances), 256, readErr)
	malformed.Prefixes(t, []byte(`[{"image_id":1,"category_id":2,"bbox":[1,2,3,4],"score":0.5}]`), resultsErr)
}

func TestPassesOnIOErrors(t *testing.T) {
	for n := 0; n < len(instances); n += 11 {
		_, err := decode(malformed.FailingReader([]byte(instances[:n])))
		malformed.Refused(t, err)
		if !errors.Is(err, malformed.ErrDisk) {
			t.Errorf("disk error at byte %d became %v", n, err)
		}
	}
}

func FuzzInstances(f *testing.F) {
	for _, c := range malformedInstances() {
		if len(c.Data) < 4096 {
			f.Add(c.Data)
		}
	}
	f.Add([]byte(instances))
	f.Fuzz(func(t *testing.T, data []byte) {
		begin := time.Now()
		d, err := decode(bytes.NewReader(data))
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		set, err := d.set("x.json", "dir", Config{})
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		for _, s := range set.Scenes {
			for _, o := range s.Objects {
				if o.Box.Empty() || o.Box.Clip(float64(s.Width), float64(s.Height)) != o.Box || o.Class < 0 || o.Class >= len(set.Classes) {
					t.Fatalf("%+v in %d × %d", o, s.Width, s.Height)
				}
			}
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Fatal(took)
		}
	})
}

func FuzzResults(f *testing.F) {
	for _, c := range malformedResults() {
		f.Add(c.Data)
	}
	f.Add([]byte(`[{"image_id":1,"category_id":2,"bbox":[1,2,3,4],"score":0.5}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := decodeResults(bytes.NewReader(data))
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		if _, err := Objects(results, nil); err == nil {
			for _, r := range results {
				if r.BBox[2] < 0 || r.BBox[3] < 0 {
					t.Fatal(r)
				}
			}
		}
	})
}
