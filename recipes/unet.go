package recipes

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// Segmentation: which kind of blood cell, or none, each pixel shows, by a small U-Net. The data set knows boxes only, so the masks to learn
// from are made of them: an ellipse in each box, which suits round cells and is wrong at the edges of others. How well the net does
// is measured against masks made in the same way.
var uNet = Recipe{
	Name:    "unet",
	Summary: "U-Net that gives each pixel a kind of blood cell; its masks are ellipses in the annotated boxes",
	Source:  "Ronneberger et al. 2015; D2L 14.9–14.11",
	Data:    []string{"bccd"},
	Options: Options{Epochs: 20, Batch: 8, LR: 0.002},
	Augment: []string{"flip", "none"},
	Input:   []int{3, cellsHigh, cellsWide},
	Metric:  "mean_iou",
	Model: func(set *sets.Set) nn.Layer {
		return models.UNetConfig{Classes: 1 + len(set.Classes), Width: 16, Depth: 3}.New()
	},
	Train:    segment,
	Evaluate: measureMasks,
	Predict:  predictMask,
}

// The pictures, 480×640, are reduced to a quarter of their sides.
const cellsHigh, cellsWide = 120, 160

// segment trains by the sum of cross entropy, which is steady, and the Dice loss, to which the few pixels of platelets count as much as
// the many of the background.
func segment(ctx context.Context, r *Run) (map[string]float64, error) {
	model := r.Recipe.Model(r.Set)
	nn.Init(model, r.Options.Seed)
	r.summary(model)
	examples, err := cells(r.Set.TrainScenes)
	if err != nil {
		return nil, err
	}
	test, err := cells(r.Set.TestScenes)
	if err != nil {
		return nil, err
	}
	if r.Options.Augment == "flip" { // cells have no up and no left
		examples = transforms.Dataset(examples, transforms.Compose(transforms.RandomHorizontalFlip{}, transforms.RandomVerticalFlip{}))
	}
	loader := r.loader(examples)
	opt := optim.NewAdamW(nn.Params(model), optim.AdamConfig{LR: r.Options.LR, WeightDecay: 1e-4})
	steps := r.Options.Epochs * loader.Batches()
	valid := data.NewLoader(test, data.LoaderConfig{Batch: 16})
	err = r.Fit(ctx, train.Config{
		Model: model, Optimizer: opt, Loss: maskLoss, Train: loader, Valid: valid,
		Metrics:  []metrics.Metric{metrics.NewMeanIoU(1 + len(r.Set.Classes))},
		Schedule: optim.Cosine(opt, steps, steps/20, 0.01),
	})
	if err != nil {
		return nil, err
	}
	if err := r.drawMasks(model, test); err != nil {
		return nil, err
	}
	return r.judgeMasks(ctx, model, valid)
}

func maskLoss(logits, masks *tensor.Tensor) *tensor.Tensor {
	return nn.CrossEntropy(logits, masks).Add(nn.DiceLoss(logits, masks))
}

// cells returns the pictures of scenes, reduced, and their masks, all in memory.
func cells(scenes []scene.Scene) (data.Dataset, error) {
	pictures, err := data.All(scene.Dataset(scenes, cellsHigh, cellsWide))
	if err != nil {
		return nil, err
	}
	masks := make([]int64, 0, len(scenes)*cellsHigh*cellsWide)
	for _, s := range scenes {
		masks = append(masks, ellipses(s, cellsHigh, cellsWide)...)
	}
	return data.Tensors(pictures.X, tensor.FromSlice(masks, len(scenes), cellsHigh, cellsWide)), nil
}

// ellipses returns the mask of a scene, h×w: 0 for the background, else 1 + the class of the box in whose ellipse the pixel lies; in several,
// that whose middle is nearest, measured by its size.
func ellipses(s scene.Scene, h, w int) []int64 {
	mask := make([]int64, h*w)
	nearest := make([]float64, h*w)
	for i := range nearest {
		nearest[i] = 1
	}
	for _, o := range s.Objects {
		b := o.Box.Scale(float64(w)/float64(s.Width), float64(h)/float64(s.Height))
		cx, cy, rx, ry := (b.X1+b.X2)/2, (b.Y1+b.Y2)/2, (b.X2-b.X1)/2, (b.Y2-b.Y1)/2
		for y := max(0, int(b.Y1)); y < min(h, int(math.Ceil(b.Y2))); y++ {
			for x := max(0, int(b.X1)); x < min(w, int(math.Ceil(b.X2))); x++ {
				dx, dy := (float64(x)+0.5-cx)/rx, (float64(y)+0.5-cy)/ry
				if d := dx*dx + dy*dy; d < nearest[y*w+x] {
					nearest[y*w+x], mask[y*w+x] = d, int64(1+o.Class)
				}
			}
		}
	}
	return mask
}

// judgeMasks measures the model on masks, and prints how well each class is met.
func (r *Run) judgeMasks(ctx context.Context, model nn.Layer, test data.Source) (map[string]float64, error) {
	overlap := metrics.NewMeanIoU(1 + len(r.Set.Classes))
	figures, err := train.Evaluate(ctx, train.EvalConfig{Model: model, Data: test, Loss: maskLoss,
		Metrics: []metrics.Metric{overlap, metrics.NewMeanDice(1 + len(r.Set.Classes)), metrics.NewPixelAccuracy()}})
	if err != nil {
		return nil, err
	}
	fmt.Fprint(r.Out, "IoU of masks made from boxes:")
	for i, iou := range overlap.IoU() {
		fmt.Fprintf(r.Out, "  %s %.3f", r.maskName(i), iou)
	}
	fmt.Fprintln(r.Out)
	return figures, nil
}

// measureMasks measures a finished run on the test pictures again.
func measureMasks(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	test, err := cells(r.Set.TestScenes)
	if err != nil {
		return nil, err
	}
	return r.judgeMasks(ctx, model, data.NewLoader(test, data.LoaderConfig{Batch: 16}))
}

// maskName is what a number in a mask stands for.
func (r *Run) maskName(i int) string {
	if i == 0 {
		return "background"
	}
	return r.Set.Classes[i-1]
}

// maskColours are those of the background, which stays clear, and of the classes.
var maskColours = []color.RGBA{{}, plot.Vermillion, plot.Blue, plot.Green}

// maskLegend says which colour is what.
func (r *Run) maskLegend() string {
	return r.maskName(1) + " orange, " + r.maskName(2) + " blue, " + r.maskName(3) + " green"
}

// drawMasks draws some test pictures, and what truth and prediction lay over them.
func (r *Run) drawMasks(model nn.Layer, test data.Dataset) error {
	draw := data.Draw{}
	for i := range min(5, test.Len()) {
		draw.Index = append(draw.Index, i)
	}
	b, err := test.Batch(draw)
	if err != nil {
		return err
	}
	predicted := model.Forward(nn.Eval(), b.X).ArgMax(1)
	var row []plot.Cell
	for i := range draw.Index {
		x := b.X.Select(0, i)
		row = append(row,
			plot.Cell{Image: r.photo(x), Caption: r.Set.TestScenes[i].Name},
			plot.Cell{Image: underMask(x, b.Y.Select(0, i)), Caption: "ellipses in the boxes"},
			plot.Cell{Image: underMask(x, predicted.Select(0, i)), Caption: "prediction"})
	}
	grid := plot.Grid{Title: "Test pictures: " + r.maskLegend(), Cells: row, Columns: 3, Size: cellsWide}
	return plot.SavePNG(filepath.Join(r.Dir, "masks.png"), grid.Draw())
}

// underMask draws a picture (3, H, W) of colours from 0 to 1 with the colours of a mask (H, W) mixed in.
func underMask(x, mask *tensor.Tensor) image.Image {
	im := plot.RGB(tensor.ToSlice[float32](x), x.Size(1), x.Size(2), 0, 1)
	out := image.NewRGBA(im.Bounds())
	for i, class := range tensor.ToSlice[int64](mask) {
		at := image.Pt(i%x.Size(2), i/x.Size(2))
		c := color.RGBAModel.Convert(im.At(at.X, at.Y)).(color.RGBA)
		if class > 0 {
			m := maskColours[class]
			mix := func(a, b uint8) uint8 { return uint8((int(a) + int(b)) / 2) }
			c = color.RGBA{mix(c.R, m.R), mix(c.G, m.G), mix(c.B, m.B), 255}
		}
		out.SetRGBA(at.X, at.Y, c)
	}
	return out
}

// Areas is how much of a picture shows what.
type Areas struct {
	File    string             `json:"file"`
	Areas   map[string]float64 `json:"areas"`   // parts of the picture, adding up to 1
	Picture string             `json:"picture"` // path of the picture with the mask over it
}

// String writes the areas in percent, the largest first.
func (a Areas) String() string {
	var parts []string
	for _, name := range sortedByValue(a.Areas) {
		parts = append(parts, fmt.Sprintf("%s %.1f %%", name, 100*a.Areas[name]))
	}
	return fmt.Sprintf("%s: %s; %s", a.File, strings.Join(parts, ", "), a.Picture)
}

// predictMask lays the mask that the model sees over a picture.
func predictMask(_ context.Context, r *Run, model nn.Layer, file, dir string) (Finding, error) {
	im, err := readImage(file, imagefolder.RGB)
	if err != nil {
		return nil, err
	}
	x := imagefolder.Resize(im.Tensor(), cellsHigh, cellsWide)
	mask := model.Forward(nn.Eval(), x.Unsqueeze(0)).ArgMax(1).Select(0, 0)
	found := Areas{File: file, Areas: map[string]float64{}}
	pixels := make([]int, 1+len(r.Set.Classes))
	for _, class := range tensor.ToSlice[int64](mask) {
		pixels[class]++
	}
	for i, n := range pixels {
		found.Areas[r.maskName(i)] = float64(n) / (cellsHigh * cellsWide)
	}
	name := stem(file) + ".mask.png"
	found.Picture = filepath.Join(dir, name)
	grid := plot.Grid{Title: r.maskLegend(), Cells: []plot.Cell{{Image: r.photo(x), Caption: "picture"}, {Image: underMask(x, mask), Caption: "prediction"}}, Columns: 2, Size: 2 * cellsWide}
	return found, plot.SavePNG(found.Picture, grid.Draw())
}
