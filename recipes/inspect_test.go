package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/plot"
)

// Pictures of the same name in different folders don't overwrite each other's boxes.
func TestPredictionsOfOneNameAreAllKept(t *testing.T) {
	r, _ := trained(t, "autoencoder", Options{Data: "digits", Limit: 64, Epochs: 1})
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"a.png", "sub/a.png", "b.png"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := plot.SavePNG(file, plot.Gray(make([]float32, 64), 8, 8, 0, 1)); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	found, err := Predict(t.Context(), r.Dir, append(files, filepath.Join(dir, "nowhere.png"), files[0]), "")
	if err == nil || !strings.Contains(err.Error(), "nowhere.png") || len(found) != 4 {
		t.Fatalf("got %v, %v; want four findings and an error about nowhere.png", found, err)
	}
	pictures := map[string]bool{}
	for _, f := range found {
		pictures[f.(Reconstruction).Picture] = true
	}
	if len(pictures) != 4 {
		t.Errorf("pictures are %v", pictures)
	}
}
