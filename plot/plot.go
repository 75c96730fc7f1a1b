// Package plot draws the pictures that training leaves behind: loss and
// accuracy curves, scatter plots with a fitted curve, histograms, confusion
// matrices, grids of captioned images, pictures with labelled boxes.
//
// Each kind of picture is a plain struct whose Draw method returns an
// image.Image; SavePNG writes it.
//
//	img := plot.Lines{Title: "LeNet", Panels: []plot.Panel{
//		{X: "epoch", Y: "loss", Series: []plot.Series{{Name: "train", Y: loss}}},
//	}}.Draw()
//	err := plot.SavePNG("run/curves.png", img)
//
// Sizes are given in points. A picture has two pixels to the point, so that
// text stays crisp on dense screens. Text is set in the Go fonts, which hold
// Latin, Greek and Cyrillic; other letters show as boxes.
//
// The package builds on the standard library and golang.org/x/image only:
// gonum/plot draws more, but adds over 15 s to a first build, which is more
// than half of the time that a newcomer should wait for a first training step.
package plot

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
)

// SavePNG writes img to path as PNG, replacing a file that is there. The picture
// is written aside and renamed, so that whoever looks at path while training
// goes on sees the old picture or the new one, never a part. The folder must
// exist. Errors name the path.
func SavePNG(path string, img image.Image) error {
	if img == nil || img.Bounds().Empty() {
		return fmt.Errorf("plot.SavePNG: %s: the image has no pixels", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("plot.SavePNG: %s: %w", path, err)
	}
	err = png.Encode(f, img)
	if e := f.Chmod(0o644); err == nil { // CreateTemp makes files for the owner only
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("plot.SavePNG: %s: %w", path, err)
	}
	return nil
}
