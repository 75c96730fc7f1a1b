package recipes

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/explain"
)

// Explanation lists what [Explain] drew.
type Explanation struct {
	Prediction
	Explained string   `json:"explained"` // the class that the maps speak of
	Pictures  []string `json:"pictures"`  // paths
}

// explainer draws into a folder and stops at the first error.
type explainer struct {
	dir   string
	made  []string
	err   error
	model nn.Layer
	x     *tensor.Tensor // (C, H, W)
}

func (e *explainer) save(name string, im image.Image) {
	if e.err != nil {
		return
	}
	path := filepath.Join(e.dir, name)
	if e.err = plot.SavePNG(path, im); e.err == nil {
		e.made = append(e.made, path)
	}
}

// Explain draws what the image classifier that was trained in dir sees in the picture in file: what its decision hangs on, its activations, its filters, what
// its layers keep of the picture, and what its classes look like to it. The maps speak of the given class, or, for "", of the one that is predicted. Pictures go to
// the folder out, by default one called after the file in dir/explanations.
func Explain(ctx context.Context, dir, file, class, out string) (*Explanation, error) {
	r, model, err := openWithoutData(ctx, dir)
	if err != nil {
		return nil, err
	}
	if !r.classifiesPictures() {
		return nil, fmt.Errorf("%s is a run of %s; explanations are for classifiers of pictures", dir, r.Recipe.Name)
	}
	found, err := classifyPicture(ctx, r, model, file, "")
	if err != nil {
		return nil, err
	}
	result := &Explanation{Prediction: found.(Prediction), Explained: class}
	if class == "" {
		result.Explained = result.Class
	}
	number := slices.Index(r.Set.Classes, result.Explained)
	if number < 0 {
		return nil, fmt.Errorf("there is no class %q; there are %s", class, strings.Join(r.Set.Classes, ", "))
	}
	if out == "" {
		out = filepath.Join(dir, "explanations", stem(file))
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, err
	}
	x, err := r.readPicture(file)
	if err != nil {
		return nil, err
	}
	e := &explainer{dir: out, model: model, x: x}
	e.reasons(result, number)
	e.layers()
	e.classes(ctx, r.Set.Classes)
	result.Pictures = e.made
	if e.err == nil {
		e.err = ctx.Err()
	}
	return result, e.err
}

// reasons draws which pixels the decision hangs on, by five methods.
func (e *explainer) reasons(result *Explanation, class int) {
	picture := explain.Picture(e.x)
	cells := []plot.Cell{{Image: picture, Caption: "the picture"}}
	add := func(caption string, heat *tensor.Tensor) {
		cells = append(cells, plot.Cell{Image: explain.Overlay(picture, heat), Caption: caption})
	}
	for _, a := range slices.Backward(explain.Activations(e.model, e.x)) {
		if a.IsPictures() { // the last such layer
			add("Grad-CAM\n"+a.Path, explain.GradCAM(e.model, e.x, class, a.Path))
			break
		}
	}
	add("occlusion", explain.Occlusion(e.model, e.x, class, explain.OcclusionConfig{}))
	add("saliency", explain.Saliency(e.model, e.x, class))
	add("SmoothGrad", explain.SmoothGrad(e.model, e.x, class, explain.SmoothGradConfig{}))
	integrated := explain.IntegratedGradients(e.model, e.x, nil, class, 64).SumAxes(false, 0)
	cells = append(cells, plot.Cell{Image: explain.Heat(integrated), Caption: "integrated gradients\norange for, blue against"})
	e.save("reasons.png", plot.Grid{
		Title:   fmt.Sprintf("What speaks for %s (predicted: %s, %.0f %%)", result.Explained, result.Class, 100*result.Probability),
		Cells:   cells,
		Columns: 3, Size: 160, Below: true}.Draw())
}

// layers draws the filters of the first convolution, the activations of some, and what can be seen of the picture after them.
func (e *explainer) layers() {
	var convs []explain.Activation
	for _, a := range explain.Activations(e.model, e.x) {
		if c, ok := a.Layer.(*nn.Conv2D); ok {
			if len(convs) == 0 {
				e.save("filters.png", explain.Filters(c))
			}
			// Those of 1×1 in the shortcuts of a residual network see a quarter of the pixels: they aren't what a layer makes of the picture.
			if c.Weight.Shape()[2]*c.Weight.Shape()[3] > 1 || len(convs) == 0 {
				convs = append(convs, a)
			}
		}
	}
	if len(convs) == 0 {
		return
	}
	some := []explain.Activation{convs[0]}
	for _, i := range []int{len(convs) / 3, 2 * len(convs) / 3, len(convs) - 1} {
		if some[len(some)-1].Path != convs[i].Path {
			some = append(some, convs[i])
		}
	}
	cells := []plot.Cell{{Image: explain.Picture(e.x), Caption: "the picture"}}
	for i, a := range some {
		e.save(fmt.Sprintf("activations-%d.png", i+1), explain.Channels(a, 32))
		inverse, distance := explain.Invert(e.model, e.x, a.Path, explain.InvertConfig{})
		cells = append(cells, plot.Cell{Image: explain.Picture(inverse), Caption: fmt.Sprintf("after %s\ndistance %.2g", a.Path, distance)})
	}
	e.save("inverted.png", plot.Grid{Title: "Pictures that look the same to a layer", Cells: cells, Columns: len(cells), Size: 128, Below: true}.Draw())
}

// classes draws, for each of at most 20 classes, an image that excites it the most.
func (e *explainer) classes(ctx context.Context, names []string) {
	all := explain.Activations(e.model, e.x)
	logits := all[len(all)-1].Path
	shape := [3]int(e.x.Shape())
	var cells []plot.Cell
	for i, name := range names[:min(20, len(names))] {
		if ctx.Err() != nil {
			return
		}
		best := explain.Maximise(e.model, logits, i, shape, explain.MaximiseConfig{Seed: uint64(i)})
		cells = append(cells, plot.Cell{Image: explain.Picture(best), Caption: name})
	}
	e.save("classes.png", plot.Grid{Title: "What excites each class the most", Cells: cells, Columns: 5, Size: 96, Below: true}.Draw())
}
