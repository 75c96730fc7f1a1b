package demos

import (
	"bytes"
	"errors"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/plot"
)

func TestEdgeFiltersOnAUsersPicture(t *testing.T) {
	dir := t.TempDir()
	waves := make([]float32, 60*80)
	for i := range waves {
		x, y := float64(i%80), float64(i/80)
		waves[i] = float32(0.5 + 0.3*math.Sin(x/5+y/9) + 0.1*math.Cos(x*y/50))
	}
	file := filepath.Join(dir, "mine.png")
	if err := plot.SavePNG(file, plot.Gray(waves, 60, 80, 0, 1)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := edgeFilters.Run(t.Context(), &Env{Dir: dir, Files: []string{file}, Out: &out}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine.png", "learnt.png", "learnt-loss.png"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		im, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[color.Color]bool{}
		for y := range im.Bounds().Dy() {
			for x := range im.Bounds().Dx() {
				seen[im.At(x, y)] = true
			}
		}
		if len(seen) < 20 {
			t.Errorf("%s has %d colours only", name, len(seen))
		}
	}
	if text := out.String(); !strings.Contains(text, " 2   0  -2") {
		t.Errorf("the text lacks the Sobel filter:\n%s", text)
	}
}

func TestEdgeFiltersRefuseWhatIsNoPicture(t *testing.T) {
	err := edgeFilters.Run(t.Context(), &Env{Dir: t.TempDir(), Files: []string{"no-such-file.png"}, Out: &bytes.Buffer{}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no-such-file.png") {
		t.Errorf("got %v", err)
	}
}

func TestFindNamesTheDemos(t *testing.T) {
	if _, err := Find("edges"); err == nil || !strings.Contains(err.Error(), "edge-filters") {
		t.Errorf("got %v", err)
	}
	if d, err := Find("edge-filters"); err != nil || d != &edgeFilters {
		t.Errorf("got %v, %v", d, err)
	}
}
