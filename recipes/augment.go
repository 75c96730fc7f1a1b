package recipes

import (
	"image"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// augmentNames are the ways to vary small photographs: shifted by up to 4 pixels and mirrored; with a square cut out as well; with a part of another
// photograph in them; blended with another; or not at all.
var augmentNames = []string{"crop-flip", "cutout", "cutmix", "mixup", "none"}

// augmented returns the examples varied as the options ask, and draws some of them before and after.
func (r *Run) augmented(ds data.Dataset) (data.Dataset, error) {
	name := r.Options.Augment
	if name == "" || name == "none" {
		return ds, nil
	}
	_, side, classes := imageShape(r.Set)
	ways := []transforms.Transform{transforms.RandomCrop{Height: side, Width: side, Pad: 4}, transforms.RandomHorizontalFlip{}}
	if name == "cutout" {
		ways = append(ways, transforms.Cutout{Size: side / 2})
	}
	varied := transforms.Dataset(ds, transforms.Compose(ways...))
	switch name {
	case "cutmix":
		varied = data.Map(varied, data.CutMix(classes, 1))
	case "mixup":
		varied = data.Map(varied, data.MixUp(classes, 0.4))
	}
	return varied, r.drawAugmented(ds, varied)
}

// drawAugmented draws the first examples and what becomes of them in the first epochs.
func (r *Run) drawAugmented(before, after data.Dataset) error {
	const examples, epochs = 8, 4
	var cells []plot.Cell
	add := func(ds data.Dataset, epoch int, caption string) error {
		draw := data.Draw{Index: first(examples, ds.Len()), Seed: r.Options.Seed, Epoch: epoch}
		b, err := ds.Batch(draw)
		if err != nil {
			return err
		}
		for i := range draw.Index {
			cells = append(cells, plot.Cell{Image: r.photo(b.X.Select(0, i)), Caption: caption})
		}
		return nil
	}
	if err := add(before, 0, "before"); err != nil {
		return err
	}
	for epoch := range epochs {
		if err := add(after, epoch, "epoch "+string(rune('1'+epoch))); err != nil {
			return err
		}
	}
	grid := plot.Grid{Title: "Training examples before and after augmentation: " + r.Options.Augment, Cells: cells, Columns: min(examples, before.Len()), Size: 72}
	return plot.SavePNG(filepath.Join(r.Dir, "augmentation.png"), grid.Draw())
}

// photo draws an input of the model in the colours that it had before it was standardised.
func (r *Run) photo(x *tensor.Tensor) image.Image {
	v, h, w := tensor.ToSlice[float32](x), x.Size(1), x.Size(2)
	if r.Recipe.DataConfig.Standardize {
		for i := range v {
			c := i / (h * w)
			v[i] = v[i]*float32(r.Set.Std[c]) + float32(r.Set.Mean[c])
		}
	}
	if x.Size(0) == 3 {
		return plot.RGB(v, h, w, 0, 1)
	}
	return plot.Gray(v[:h*w], h, w, 0, 1)
}
