package recipes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/npy"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/detection"
	"github.com/gradus-ml/gradus/vision/proposals"
)

// Detection in two steps: selective search proposes some two thousand regions of a picture, and a network says of each what it shows and
// where exactly that is. R-CNN looks at each region by itself, cut out and warped to 32×32 pixels. Fast R-CNN runs its convolutions once
// over the whole picture and pools each region from their result: the same answer for far less work. Both start from random weights.
var (
	fastRCNN = Recipe{
		Name:     "fast-rcnn",
		Summary:  "object detector that looks at regions proposed by selective search, pooled from one pass of convolutions",
		Source:   "Girshick, Fast R-CNN, 2015; D2L 14.8; Ng, Convolutional networks, week 3",
		Data:     []string{"bccd"},
		Options:  Options{Epochs: 16, Batch: 4, LR: 2e-3},
		Augment:  []string{"flip", "none"},
		Input:    []int{3, regionsHigh, regionsWide},
		Metric:   "mAP50",
		Model:    fastRCNNModel,
		Train:    trainRegions,
		Evaluate: evaluateRegions,
		Predict:  predictRegions,
	}
	rCNN = Recipe{
		Name:     "rcnn",
		Summary:  "object detector that classifies warped regions proposed by selective search, each by itself",
		Source:   "Girshick et al. 2014; D2L 14.8; Ng, Convolutional networks, week 3",
		Data:     []string{"bccd"},
		Options:  Options{Epochs: 8, Batch: 4, LR: 2e-3},
		Augment:  []string{"flip", "none"},
		Input:    []int{3, regionsHigh, regionsWide},
		Metric:   "mAP50",
		Model:    rCNNModel,
		Train:    trainRegions,
		Evaluate: evaluateRegions,
		Predict:  predictRegions,
	}
)

// The pictures of 480×640 pixels are halved for the network, and halved again for selective search: the longer side has 160 there, whatever
// the picture's form.
const regionsHigh, regionsWide, searchLong = 240, 320, 160

func convNormReLU(in, out, stride int) nn.Layer {
	return nn.Seq(nn.Conv2DConfig{In: in, Out: out, Kernel: 3, Stride: stride, Pad: 1, NoBias: true, Init: he}.New(), nn.NewBatchNorm(out), nn.ReLU())
}

func fastRCNNModel(set *sets.Set) nn.Layer {
	return detection.RegionNetConfig{
		Backbone: nn.Seq(
			convNormReLU(3, 16, 2),                                           // 120×160
			convNormReLU(16, 32, 2),                                          // 60×80
			nn.NewResidual(convNormReLU(32, 32, 1)),                          // a unit sees 27×27 pixels
			convNormReLU(32, 64, 2),                                          // 30×40
			nn.NewResidual(convNormReLU(64, 64, 1)),                          //
			nn.NewResidual(convNormReLU(64, 64, 1)), convNormReLU(64, 64, 1), // 83×83 pixels
		),
		Stride: 8, Pool: [2]int{6, 6},
		Head:     nn.Seq(nn.Flatten(), nn.NewLinear(64*6*6, 128), nn.ReLU(), nn.NewDropout(0.3)),
		Features: 128, Classes: len(set.Classes),
	}.New()
}

func rCNNModel(set *sets.Set) nn.Layer {
	return detection.RegionNetConfig{
		Pool: [2]int{32, 32}, Warp: true,
		Head: nn.Seq(convNormReLU(3, 16, 2), convNormReLU(16, 32, 2), convNormReLU(32, 64, 2), // 4×4
			nn.Flatten(), nn.NewLinear(64*4*4, 128), nn.ReLU(), nn.NewDropout(0.3)),
		Features: 128, Classes: len(set.Classes),
	}.New()
}

// propose returns the regions of a picture (3, H, W) that selective search proposes, in its pixels.
func propose(x *tensor.Tensor) []box.Box {
	h, w := x.Size(1), x.Size(2)
	long := max(h, w)
	high, wide := max(1, (h*searchLong+long/2)/long), max(1, (w*searchLong+long/2)/long)
	found := proposals.SelectiveSearch(imagefolder.Resize(x, high, wide), proposals.Config{Scales: []float64{10, 40}, MinSize: 6, MinSide: 6, Max: 2000})
	for i := range found {
		found[i] = found[i].Scale(float64(w)/float64(wide), float64(h)/float64(high))
	}
	return found
}

// proposed returns the regions for the training scenes. They are kept in the run folder: the search takes about as long as an epoch.
func (r *Run) proposed(ctx context.Context, scenes []scene.Scene) ([][]box.Box, error) {
	path := filepath.Join(r.Dir, "proposals.npz")
	kept := map[string]*tensor.Tensor{}
	if _, err := os.Stat(path); err == nil {
		if kept, err = npy.LoadArchive(path); err != nil {
			return nil, err
		}
	}
	all, fresh := make([][]box.Box, len(scenes)), false
	for i, s := range scenes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := kept[s.Name]
		if t == nil || t.NDim() != 2 || t.Size(1) != 4 {
			im, err := s.Open()
			if err != nil {
				return nil, err
			}
			rows := []float32{}
			for _, b := range propose(im.Tensor()) {
				rows = append(rows, float32(b.X1), float32(b.Y1), float32(b.X2), float32(b.Y2))
			}
			t, fresh = tensor.FromSlice(rows, len(rows)/4, 4), true
			kept[s.Name] = t
		}
		v := tensor.ToSlice[float64](t)
		for k := 0; k < len(v); k += 4 {
			all[i] = append(all[i], box.Box{X1: v[k], Y1: v[k+1], X2: v[k+2], Y2: v[k+3]})
		}
	}
	if !fresh {
		return all, nil
	}
	return all, npy.SaveCompressed(path, kept)
}

func trainRegions(ctx context.Context, r *Run) (map[string]float64, error) {
	model := r.Recipe.Model(r.Set).(*detection.RegionNet)
	nn.Init(model, r.Options.Seed)
	r.summary(model)
	scenes := r.Set.TrainScenes
	if r.Options.Limit > 0 {
		scenes = scenes[:min(len(scenes), r.Options.Limit)]
	}
	fmt.Fprintln(r.Out, "searching for regions …")
	proposed, err := r.proposed(ctx, scenes)
	if err != nil {
		return nil, err
	}
	if err := r.drawProposals(scenes, proposed); err != nil {
		return nil, err
	}
	loader := r.loader(detection.NewRegionDataset(scenes, proposed, regionsHigh, regionsWide, detection.RegionConfig{Flip: r.Options.Augment == "flip"}))
	opt := optim.NewAdamW(nn.Params(model), optim.AdamConfig{LR: r.Options.LR, WeightDecay: 0.01})
	average := optim.NewEMA(model, 0.99)
	average.BiasCorrection = true
	steps := r.Options.Epochs * loader.Batches()
	err = r.Fit(ctx, train.Config{
		Model: model, Optimizer: opt, Train: loader, Metrics: []metrics.Metric{metrics.NewAccuracy()},
		Step: func(c *nn.Ctx, m nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
			return m.(*detection.RegionNet).Step(c, b.X, b.Y)
		},
		Schedule: optim.Cosine(opt, steps, steps/20, 0.01), ClipNorm: 10, Average: average,
	})
	if err != nil {
		return nil, err
	}
	return evaluateRegions(ctx, r, model)
}

// looksTwice is a detector that proposes regions and then looks at each.
func looksTwice(model nn.Layer) detector {
	return func(x *tensor.Tensor, score float64) []box.Object {
		fit := detection.NewLetterbox(x.Size(1), x.Size(2), regionsHigh, regionsWide)
		var regions []box.Object
		for _, b := range propose(x) {
			regions = append(regions, box.Object{Box: b})
		}
		var boxes []box.Box
		for _, o := range fit.To(regions) {
			boxes = append(boxes, o.Box)
		}
		found := fit.From(model.(*detection.RegionNet).Detect(fit.Image(x), boxes, detection.DetectConfig{Score: score}))
		for i := range found {
			found[i].Box = found[i].Box.Clip(float64(x.Size(2)), float64(x.Size(1)))
		}
		return found
	}
}

func evaluateRegions(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	return r.judgeDetector(ctx, looksTwice(model))
}

func predictRegions(_ context.Context, r *Run, model nn.Layer, file, dir string) (Finding, error) {
	return r.detectIn(looksTwice(model), file, dir)
}

// drawProposals draws some training pictures with the proposed regions that fit the things in them best.
func (r *Run) drawProposals(scenes []scene.Scene, proposed [][]box.Box) error {
	var cells []plot.Cell
	for i, s := range scenes[:min(4, len(scenes))] {
		im, err := s.Open()
		if err != nil {
			return err
		}
		var best []box.Object
		hit := 0
		for _, o := range s.Objects {
			fit := box.Object{Class: o.Class}
			for _, b := range proposed[i] {
				if v := box.IoU(b, o.Box); v > fit.Score {
					fit.Box, fit.Score = b, min(v, 0.999)
				}
			}
			if fit.Score >= 0.5 {
				hit++
			}
			best = append(best, fit)
		}
		cells = append(cells, plot.Cell{Image: r.boxed(im, best, 0.75), Caption: fmt.Sprintf("%s: %d regions\n%d of %d things with IoU ≥ 0.5", s.Name, len(proposed[i]), hit, len(s.Objects))})
	}
	grid := plot.Grid{Title: "Selective search: the best region for each thing, and their IoU", Cells: cells, Columns: 2, Size: 240}
	return plot.SavePNG(filepath.Join(r.Dir, "proposals.png"), grid.Draw())
}
