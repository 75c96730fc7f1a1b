package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/plot"
)

// Pictures of the same name in different folders don't overwrite each other's boxes.
func TestPredictionsOfOneNameAreRefused(t *testing.T) {
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
	if _, err := Predict(t.Context(), r.Dir, files[:2], ""); err == nil || !strings.Contains(err.Error(), files[1]+" would have one name") {
		t.Errorf("got %v", err)
	}
	if found, err := Predict(t.Context(), r.Dir, []string{files[0], files[2], files[0]}, ""); err != nil || len(found) != 3 {
		t.Errorf("got %v, %v", found, err)
	}
}
