package sets

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/tensor"
)

// A fifth of the pictures is held out; every box is in one of the parts.
func TestRealDataBCCD(t *testing.T) {
	set := real(t, "bccd", Config{})
	if len(set.TrainScenes) != 291 || len(set.TestScenes) != 73 || set.TrainSize != 291 || set.TestSize != 73 || len(set.Warnings) != 2 {
		t.Error(len(set.TrainScenes), len(set.TestScenes), set.Warnings)
	}
	counts := (&scene.Set{Classes: set.Classes, Scenes: slices.Concat(set.TrainScenes, set.TestScenes)}).Counts()
	if !slices.Equal(counts, []int{4153, 372, 361}) { // the annotations' 4,155 less two without an area
		t.Error(counts)
	}
	names := map[string]bool{}
	for _, s := range set.TrainScenes {
		names[s.Name] = true
	}
	for _, s := range set.TestScenes {
		if names[s.Name] {
			t.Error(s.Name, "is in both parts")
		}
	}
	again := real(t, "bccd", Config{})
	other := real(t, "bccd", Config{Seed: 1})
	if again.TestScenes[7].Name != set.TestScenes[7].Name || other.TestScenes[7].Name == set.TestScenes[7].Name && other.TestScenes[8].Name == set.TestScenes[8].Name {
		t.Error("the split doesn't follow the seed")
	}
	b, err := set.Test.Batch(data.Draw{Index: []int{3, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.X.Shape(), []int{2, 3, 480, 640}) || b.Y.Size(0) != 2 || b.Y.Size(2) != 5 {
		t.Fatal(b.X.Shape(), b.Y.Shape())
	}
	o := set.TestScenes[3].Objects
	row := tensor.Data[float32](b.Y)
	if row[0] != float32(o[0].Class) || row[1] != float32(o[0].Box.X1) || row[4] != float32(o[0].Box.Y2) || row[5*len(o)] != -1 {
		t.Error(row[:10], o)
	}
}

// GitHub's own archive of BCCD has other bytes than the one that the catalogue knows; what counts is that it can be read.
func TestAnotherArchiveOfBCCDServes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GRADUS_DATA", dir)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 10 {
		for name, content := range map[string]string{
			"JPEGImages/%d.jpg":    "",
			"Annotations/%d.xml":   "<annotation><size><width>9</width><height>9</height></size><object><name>WBC</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></object></annotation>",
			"../scripts/code%d.py": "x",
		} {
			f, err := w.Create(path.Join("BCCD_Dataset-master/BCCD", fmt.Sprintf(name, i)))
			if err == nil {
				_, err = f.Write([]byte(content))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if w.Close() != nil || os.Mkdir(filepath.Join(dir, "bccd"), 0o777) != nil {
		t.Fatal("no archive")
	}
	file := filepath.Join(dir, "bccd", "BCCD_Dataset-master.zip")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), "bccd"); err != nil {
		t.Error(err)
	}
	set, err := Open("bccd", Config{})
	if err != nil || len(set.TrainScenes) != 8 || len(set.TestScenes) != 2 {
		t.Error(set, err)
	}
	if err := os.WriteFile(file, b.Bytes()[:b.Len()-5], 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), "bccd"); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
}
