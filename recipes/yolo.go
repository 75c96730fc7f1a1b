package recipes

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/detection"
	"github.com/gradus-ml/gradus/vision/transforms"
)

// A detector that looks once (Redmon et al., "You only look once", 2016, and "YOLO9000", 2017): one pass of a convolutional network over
// the image gives, for each cell of a grid of 15×20 and each of 5 anchors, whether there is an object, where exactly, and what it is.
// It starts from random weights.
var yolo = Recipe{
	Name:     "yolo",
	Summary:  "one-stage object detector, from scratch",
	Source:   "Redmon et al. 2016, 2017, 2018; Ng, Convolutional networks, week 3",
	Data:     []string{"bccd"},
	Options:  Options{Epochs: 30, Batch: 8, LR: 3e-3},
	Augment:  []string{"flip", "scale", "none"},
	Input:    []int{3, yoloHeight, yoloWidth},
	Metric:   "mAP50",
	Model:    yoloModel,
	Train:    trainYOLO,
	Evaluate: evaluateYOLO,
	Predict:  predictYOLO,
}

// The input of the network, in pixels, how many of them make a cell, and how many anchors a cell has.
const yoloHeight, yoloWidth, yoloStride, yoloAnchors = 240, 320, 16, 5

// yoloModel halves the image four times and has residual blocks in between, like a Darknet-53 (Redmon and Farhadi, 2018) that has
// shrunk in the wash.
func yoloModel(set *sets.Set) nn.Layer {
	conv := func(in, out, kernel, stride int) nn.Layer {
		return nn.Seq(nn.Conv2DConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, NoBias: true, Init: he}.New(), nn.NewBatchNorm(out), nn.ReLU())
	}
	block := func(channels int) nn.Layer {
		return nn.NewResidual(nn.Seq(conv(channels, channels/2, 1, 1), conv(channels/2, channels, 3, 1)))
	}
	return nn.NewNamed().
		Add("down1", conv(3, 16, 3, 2)).  // 120×160
		Add("down2", conv(16, 32, 3, 2)). // 60×80
		Add("block2", block(32)).
		Add("down3", conv(32, 64, 3, 2)). // 30×40
		Add("block3", nn.Seq(block(64), block(64))).
		Add("down4", conv(64, 128, 3, 2)). // 15×20
		Add("block4", nn.Seq(block(128), block(128), block(128))).
		Add("head", detection.HeadConfig{In: 128, Anchors: yoloAnchors, Classes: len(set.Classes), Stride: yoloStride}.New())
}

// cellsVaried are the ways to vary images of cells, which look alike from all sides: mirrored; or also larger or smaller, moved, and in other
// colours.
var cellsVaried = map[string]transforms.Transform{
	"flip": transforms.Compose(transforms.RandomHorizontalFlip{}, transforms.RandomVerticalFlip{}),
	"scale": transforms.Compose(transforms.RandomHorizontalFlip{}, transforms.RandomVerticalFlip{},
		transforms.RandomAffine{Scale: [2]float64{0.75, 1.35}, Translate: [2]float64{0.1, 0.1}, Padding: transforms.Padding{Fill: []float64{0.45}}, MinVisible: 0.3},
		transforms.ColorJitter{Brightness: 0.2, Contrast: 0.2, Saturation: 0.2, Hue: 0.02}),
	"none": transforms.Compose(),
}

func trainYOLO(ctx context.Context, r *Run) (map[string]float64, error) {
	model := yoloModel(r.Set)
	nn.Init(model, r.Options.Seed)
	head := detection.HeadOf(model)
	sizes := detection.Sizes(r.Set.TrainScenes, yoloHeight, yoloWidth)
	anchors := box.KMeansAnchors(sizes, yoloAnchors, r.Options.Seed)
	head.SetAnchors(anchors)
	r.summary(model)
	if err := r.drawAnchors(sizes, anchors); err != nil {
		return nil, err
	}

	plain := detection.NewDataset(r.Set.TrainScenes, yoloHeight, yoloWidth)
	varied := transforms.Dataset(plain, cellsVaried[r.Options.Augment])
	loader := r.loader(varied)
	test := data.NewLoader(detection.NewDataset(r.Set.TestScenes, yoloHeight, yoloWidth), data.LoaderConfig{Batch: r.Options.Batch})

	loss := detection.YOLO{Head: head}.New()
	opt := optim.NewAdamW(nn.Params(model), optim.AdamConfig{LR: r.Options.LR, WeightDecay: 0.01})
	average := optim.NewEMA(model, 0.99)
	average.BiasCorrection = true
	steps := r.Options.Epochs * loader.Batches()
	err := r.Fit(ctx, train.Config{
		Model: model, Optimizer: opt, Loss: loss.Loss,
		Train: loader, Valid: test,
		Metrics:  append(loss.Metrics(), detection.NewMeanAP(head, r.Set.Classes)),
		Schedule: optim.Cosine(opt, steps, min(steps/10, 3*loader.Batches()), 0.01),
		ClipNorm: 10, Average: average,
	})
	if err != nil {
		return nil, err
	}
	return evaluateYOLO(ctx, r, model)
}

// evaluateYOLO measures the model on the test images.
func evaluateYOLO(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	return r.judgeDetector(ctx, looksOnce(model, yoloHeight, yoloWidth))
}

// predictYOLO finds the objects in a picture.
func predictYOLO(_ context.Context, r *Run, model nn.Layer, file, dir string) (Finding, error) {
	return r.detectIn(looksOnce(model, yoloHeight, yoloWidth), file, dir)
}

// drawAnchors draws the sizes of the training boxes and the anchors among them.
func (r *Run) drawAnchors(sizes, anchors [][2]float64) error {
	points := func(name string, of [][2]float64) plot.Series {
		s := plot.Series{Name: name, Style: plot.Points}
		for _, size := range of {
			s.X, s.Y = append(s.X, size[0]), append(s.Y, size[1])
		}
		return s
	}
	title := fmt.Sprintf("Boxes and anchors: mean overlap %.2f", box.MeanIoU(sizes, anchors))
	boxes := points("training boxes", sizes)
	boxes.Colour = plot.Sky
	chosen := points("anchors", anchors)
	chosen.Colour = plot.Vermillion
	lines := plot.Lines{Title: title, Panels: []plot.Panel{{X: "width (pixels of the input)", Y: "height", Series: []plot.Series{boxes, chosen}}}}
	return plot.SavePNG(filepath.Join(r.Dir, "anchors.png"), lines.Draw())
}
