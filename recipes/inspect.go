package recipes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
)

// Evaluate measures the finished run in dir on its test set again.
func Evaluate(ctx context.Context, dir string) (map[string]float64, error) {
	r, model, err := Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	evaluate := r.Recipe.Evaluate
	if evaluate == nil {
		evaluate = evaluateLoss
	}
	figures, err := evaluate(ctx, r, model)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return figures, nil
}

// evaluateLoss measures the loss on the test set, and the accuracy where there are classes.
func evaluateLoss(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	cfg := train.EvalConfig{Model: model, Data: data.NewLoader(r.Set.Test, data.LoaderConfig{Batch: 500}), Loss: nn.MSE}
	if len(r.Set.Classes) > 0 {
		cfg.Loss, cfg.Metrics = nn.CrossEntropy, []metrics.Metric{metrics.NewAccuracy()}
	}
	return train.Evaluate(ctx, cfg)
}

// Prediction is what a classifier says of one picture.
type Prediction struct {
	File        string             `json:"file"`
	Class       string             `json:"class"`
	Probability float64            `json:"probability"`
	Classes     map[string]float64 `json:"classes"` // all probabilities
}

// String writes the prediction with its runners-up.
func (p Prediction) String() string {
	s := fmt.Sprintf("%s: %s (%.1f %%)", p.File, p.Class, 100*p.Probability)
	rest := 0
	for _, name := range sortedByValue(p.Classes) {
		if v := p.Classes[name]; name != p.Class && v >= 0.01 && rest < 3 {
			s += fmt.Sprintf(", %s %.1f %%", name, 100*v)
			rest++
		}
	}
	return s
}

// Predict says what the finished run in dir finds in pictures. Pictures and files that it draws of that go to the folder out, by default
// "predictions" in dir; those of a further picture of the same name go to a folder with a number there. A model that compares pictures compares the
// first with each of the others. A file that can't be read doesn't keep the others from being looked at: the findings come with its error.
func Predict(ctx context.Context, dir string, files []string, out string) ([]Finding, error) {
	r, model, err := openWithoutData(ctx, dir)
	if err != nil {
		return nil, err
	}
	if out == "" {
		out = filepath.Join(dir, "predictions")
	}
	predict := r.Recipe.Predict
	if compare := r.Recipe.Compare; compare != nil {
		if len(files) < 2 {
			return nil, fmt.Errorf("%s is a run of %s, which compares pictures: give it two or more, the first is compared with each of the others", dir, r.Recipe.Name)
		}
		first := files[0]
		predict = func(ctx context.Context, r *Run, model nn.Layer, file, _ string) (Finding, error) {
			return compare(ctx, r, model, first, file)
		}
		files = files[1:]
	} else if predict == nil {
		if !r.classifiesPictures() {
			return nil, fmt.Errorf("%s is a run of %s, which says nothing about pictures", dir, r.Recipe.Name)
		}
		predict = classifyPicture
	} else if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, err
	}
	var found []Finding
	var failed []error
	names := map[string]int{}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		dir := out
		if names[stem(file)]++; names[stem(file)] > 1 && r.Recipe.Predict != nil {
			dir = filepath.Join(out, fmt.Sprint(names[stem(file)]))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return found, err
			}
		}
		f, err := predict(ctx, r, model, file, dir)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, f)
	}
	return found, errors.Join(failed...)
}

// classifiesPictures reports whether the model gives the logits of classes for pictures of one size.
func (r *Run) classifiesPictures() bool {
	return r.Recipe.Predict == nil && r.Recipe.Metric == "accuracy" && len(r.Set.Classes) > 0 && len(r.Set.Shape) == 3
}

// stem returns the name of a file without folder and extension.
func stem(file string) string {
	name := filepath.Base(file)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// classifyPicture names the class of a picture, which is brought to the size and the channels that the model was trained on.
func classifyPicture(_ context.Context, r *Run, model nn.Layer, file, _ string) (Finding, error) {
	x, err := r.readPicture(file)
	if err != nil {
		return nil, err
	}
	p := tensor.ToSlice[float64](model.Forward(nn.Eval(), x.Unsqueeze(0)).Softmax(1))
	pred := Prediction{File: file, Classes: map[string]float64{}}
	for i, name := range r.Set.Classes {
		pred.Classes[name] = p[i]
		if p[i] > pred.Probability {
			pred.Class, pred.Probability = name, p[i]
		}
	}
	return pred, nil
}

// describeData fills in what is known of the data set without reading it.
func (r *Run) describeData() error {
	if r.Recipe.Generate != nil {
		r.Set = r.Recipe.Generate(r.Options.Seed)
		return nil
	}
	for _, info := range sets.List() {
		if info.Name == r.Options.Data {
			if side := r.Recipe.DataConfig.Side; side > 0 {
				info.Shape = []int{info.Shape[0], side, side}
			}
			if r.Set = (&sets.Set{Info: info}); r.Recipe.Prepare != nil {
				r.Recipe.Prepare(r.Set)
			}
			return nil
		}
	}
	return fmt.Errorf("there is no data set %q (gradus list data shows all)", r.Options.Data)
}

// Summarize returns the table of layers of a recipe's model on a data set ("" for the recipe's first), of the run in a folder, or of one of
// torchvision's networks for ImageNet, by its name there: "resnet18".
func Summarize(name, dataset string) (*nn.SummaryTable, error) {
	var r *Run
	if _, err := os.Stat(filepath.Join(name, "config.yaml")); err == nil {
		if r, err = ResumeRun(name); err != nil {
			return nil, err
		}
	} else {
		recipe, err := Find(name)
		if err != nil {
			if net, no := models.New(name, 1000); no == nil && dataset == "" {
				return nn.Summary(net, 1, 3, 224, 224), nil
			}
			return nil, fmt.Errorf("%w; nor is it a run folder", err)
		}
		r = &Run{Recipe: recipe, Options: recipe.Options}
		r.Options.Data = recipe.Data[0]
	}
	if dataset != "" {
		r.Options.Data = dataset
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	if r.Recipe.Model == nil {
		return nil, errors.New("recipe " + r.Recipe.Name + " has no single model: it compares several")
	}
	if err := r.describeData(); err != nil {
		return nil, err
	}
	var table *nn.SummaryTable
	err := tensor.Try(func() error {
		table = nn.Summary(r.Recipe.Model(r.Set), append([]int{r.summaryBatch()}, r.input()...)...)
		return nil
	})
	return table, err
}

// readPicture reads an image file as an input of the run's model.
func (r *Run) readPicture(path string) (*tensor.Tensor, error) {
	mode := imagefolder.RGB
	if r.Set.Shape[0] == 1 {
		mode = imagefolder.Gray
	}
	im, err := readImage(path, mode)
	if err != nil {
		return nil, err
	}
	x := imagefolder.Resize(im.Tensor(), r.Set.Shape[1], r.Set.Shape[2])
	if r.Recipe.DataConfig.Standardize {
		mean, std := tensor.FromSlice(r.Set.Mean, len(r.Set.Mean), 1, 1), tensor.FromSlice(r.Set.Std, len(r.Set.Std), 1, 1)
		x = x.Sub(mean.To(x.DType())).Div(std.To(x.DType()))
	}
	return x, nil
}

// readImage reads a picture that somebody named, as viewers show it: upright, and on white where it is transparent. It may have as many pixels as a
// telephone's camera gives, 2^26.
func readImage(path string, mode imagefolder.Mode) (*imagefolder.Image, error) {
	return imagefolder.ReadImage(path, imagefolder.Config{Mode: mode, Background: color.White, Upright: true, MaxPixels: 1 << 26})
}

// sortedByValue returns the names, the largest value first.
func sortedByValue(m map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
}
