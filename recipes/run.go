package recipes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/train"
)

// Run is one training of a recipe: its options, its folder, and who wants to hear of it.
type Run struct {
	Recipe    *Recipe
	Options   Options
	Dir       string                  // the run folder
	Resume    bool                    // continue from the newest checkpoint in Dir
	Callbacks []train.Callback        // progress bars and the like
	Out       io.Writer               // text for people: summaries, results
	Warn      func(string)            // warnings
	Fetching  func(done, total int64) // is told how a download goes, if one is needed; may be nil

	Part   string    // which of several models is being trained, "" for the only one
	Set    *sets.Set // the data, after Start
	Result *train.Result
}

// configFile is config.yaml: all that is needed to build the model again.
type configFile struct {
	Recipe  string  `yaml:"recipe"`
	Options Options `yaml:",inline"`
}

// Start completes the options from the recipe's defaults, opens the data and prepares the run folder. It refuses a folder that
// holds another run already.
func (r *Run) Start(ctx context.Context) error {
	if err := r.complete(); err != nil {
		return err
	}
	if r.Warn == nil {
		r.Warn = func(string) {}
	}
	if r.Out == nil {
		r.Out = io.Discard
	}
	if err := r.mayUse(r.Dir); err != nil {
		return err
	}
	if err := r.openData(ctx); err != nil {
		return err
	}
	for _, w := range r.Set.Warnings {
		r.Warn(w)
	}
	return r.folder()
}

// complete fills in the options that weren't given and checks all of them.
func (r *Run) complete() error {
	d, o := r.Recipe.Options, &r.Options
	if o.Data == "" {
		o.Data = r.Recipe.Data[0]
	}
	if o.Epochs == 0 {
		o.Epochs = d.Epochs
	}
	if o.Batch == 0 {
		o.Batch = d.Batch
	}
	if o.LR == 0 {
		o.LR = d.LR
	}
	if o.Augment == "" && len(r.Recipe.Augment) > 0 {
		o.Augment = r.Recipe.Augment[0]
	}
	switch {
	case !slices.Contains(r.Recipe.Data, o.Data):
		return fmt.Errorf("recipe %s doesn't take the data set %q; it takes %s", r.Recipe.Name, o.Data, strings.Join(r.Recipe.Data, ", "))
	case o.Augment != "" && len(r.Recipe.Augment) == 0:
		return fmt.Errorf("recipe %s doesn't augment its examples; leave --augment out", r.Recipe.Name)
	case o.Augment != "" && !slices.Contains(r.Recipe.Augment, o.Augment):
		return fmt.Errorf("recipe %s doesn't know the augmentation %q; it knows %s", r.Recipe.Name, o.Augment, strings.Join(r.Recipe.Augment, ", "))
	case o.Epochs < 0:
		return fmt.Errorf("the number of epochs must be positive, got %d", o.Epochs)
	case o.Batch < 0:
		return fmt.Errorf("the batch size must be positive, got %d", o.Batch)
	case !(o.LR > 0):
		return fmt.Errorf("the learning rate must be positive, got %g", o.LR)
	case o.Limit < 0:
		return fmt.Errorf("the limit on training examples must be positive, got %d", o.Limit)
	}
	return nil
}

// openData opens the data set, which is fetched if it isn't there, or lets the recipe generate it.
func (r *Run) openData(ctx context.Context) (err error) {
	if r.Recipe.Generate != nil {
		r.Set = r.Recipe.Generate(r.Options.Seed)
		return nil
	}
	if err := sets.Fetch(ctx, r.Options.Data, r.Fetching); err != nil {
		return err
	}
	if r.Set, err = sets.Open(r.Options.Data, r.Recipe.DataConfig); err == nil && r.Recipe.Prepare != nil {
		r.Recipe.Prepare(r.Set)
	}
	return err
}

// mayUse returns an error if dir holds something that this run must not touch, or, when resuming, not what it needs.
func (r *Run) mayUse(dir string) error {
	if dir == "" {
		return nil
	}
	old, err := readConfig(filepath.Join(dir, "config.yaml"))
	switch {
	case errors.Is(err, os.ErrNotExist) && r.Resume:
		return fmt.Errorf("can't resume %s: it has no config.yaml; is it a run folder?", dir)
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !r.Resume && holdsResults(dir):
		return fmt.Errorf("%s holds a run already; continue it with --resume %s, choose another folder with --out, or remove it", dir, dir)
	case !r.Resume:
		return nil // a run that ended before its first checkpoint
	}
	var differ []string
	compare := func(name string, now, was any) {
		if now != was {
			differ = append(differ, fmt.Sprintf("%s is %v, the run's is %v", name, now, was))
		}
	}
	compare("the recipe", r.Recipe.Name, old.Recipe)
	compare("data", r.Options.Data, old.Options.Data)
	compare("batch", r.Options.Batch, old.Options.Batch)
	compare("lr", r.Options.LR, old.Options.LR)
	compare("seed", r.Options.Seed, old.Options.Seed)
	compare("limit", r.Options.Limit, old.Options.Limit)
	compare("augment", r.Options.Augment, old.Options.Augment)
	if len(differ) > 0 {
		return fmt.Errorf("can't resume %s: %s; only epochs may change", dir, strings.Join(differ, ", "))
	}
	return nil
}

// holdsResults reports whether a run got as far as a checkpoint or a model, in the folder or in a part of it.
func holdsResults(dir string) bool {
	for _, pattern := range []string{"model.safetensors", "checkpoint/*", "*/model.safetensors", "*/checkpoint/*"} {
		if found, _ := fs.Glob(os.DirFS(dir), pattern); len(found) > 0 {
			return true
		}
	}
	return false
}

// folder makes the run folder, one of its own if none was named, and writes config.yaml.
func (r *Run) folder() error {
	if r.Dir == "" {
		if err := os.MkdirAll("runs", 0o777); err != nil {
			return err
		}
		name := filepath.Join("runs", fmt.Sprintf("%s-%s-%s", r.Recipe.Name, r.Options.Data, time.Now().Format("20060102-150405")))
		r.Dir = name
		for i := 2; ; i++ { // several runs may start in the same second
			err := os.Mkdir(r.Dir, 0o777)
			if err == nil {
				break
			}
			if !errors.Is(err, os.ErrExist) {
				return err
			}
			r.Dir = fmt.Sprintf("%s-%d", name, i)
		}
	} else if err := os.MkdirAll(r.Dir, 0o777); err != nil {
		return err
	}
	return r.write("config.yaml", func(w io.Writer) error {
		return yaml.NewEncoder(w).Encode(configFile{r.Recipe.Name, r.Options})
	})
}

func readConfig(path string) (configFile, error) {
	var c configFile
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ResumeRun returns the run in dir, to be continued.
func ResumeRun(dir string) (*Run, error) {
	c, err := readConfig(filepath.Join(dir, "config.yaml"))
	if err != nil {
		return nil, fmt.Errorf("can't open %s: %w; is it a run folder?", dir, err)
	}
	recipe, err := Find(c.Recipe)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Run{Recipe: recipe, Options: c.Options, Dir: dir, Resume: true, Out: io.Discard, Warn: func(string) {}}, nil
}

// Open loads the finished run in dir: its data set and its model with the trained weights.
func Open(ctx context.Context, dir string) (*Run, nn.Layer, error) {
	return open(dir, func(r *Run, _ map[string]string) error { return r.openData(ctx) })
}

// openWithoutData is Open for what looks at pictures of others: the data set needn't be on this machine. Its classes and sizes are known, and the
// scale that its pixels had lies beside the weights; runs that lack it need the data.
func openWithoutData(ctx context.Context, dir string) (*Run, nn.Layer, error) {
	return open(dir, func(r *Run, metadata map[string]string) error {
		if err := r.describeData(); err != nil || !r.Recipe.DataConfig.Standardize {
			return err
		}
		r.Set.Mean, r.Set.Std = numbers(metadata["mean"]), numbers(metadata["std"])
		if len(r.Set.Shape) == 3 && len(r.Set.Mean) == r.Set.Shape[0] && len(r.Set.Std) == r.Set.Shape[0] {
			return nil
		}
		return r.openData(ctx)
	})
}

// numbers reads what fmt.Sprint writes of a slice. It returns nil if there is anything else.
func numbers(text string) []float64 {
	var out []float64
	for _, field := range strings.Fields(strings.Trim(text, "[]")) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// open opens the finished run in dir. What describes its data set is given the metadata of the weights.
func open(dir string, describe func(r *Run, metadata map[string]string) error) (*Run, nn.Layer, error) {
	r, err := ResumeRun(dir)
	if err != nil {
		return nil, nil, err
	}
	if r.Recipe.Model == nil {
		return nil, nil, fmt.Errorf("%s: recipe %s has no single model to load", dir, r.Recipe.Name)
	}
	if err := r.complete(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, "config.yaml"), err)
	}
	path := filepath.Join(dir, "model.safetensors")
	file, err := safetensors.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s has no model.safetensors: the run isn't finished; continue it with gradus train --resume %s", dir, dir)
	}
	if err != nil {
		return nil, nil, err
	}
	metadata := file.Metadata()
	if err := file.Close(); err != nil {
		return nil, nil, err
	}
	if err := describe(r, metadata); err != nil {
		return nil, nil, err
	}
	state, err := safetensors.Load(path)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if t := state[name]; t.DType().IsFloat() && t.IsFinite().AllAxes(false).Item() != 1 {
			return nil, nil, fmt.Errorf("%s: %s holds numbers that aren't finite; train again, at a lower rate if the loss has grown", path, name)
		}
	}
	model := r.Recipe.Model(r.Set)
	if err := nn.LoadState(model, state, nn.LoadConfig{}); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, model, nil
}

// Fit trains with the run's callbacks and checkpoints, logs metrics.csv, saves the weights, and draws the curves.
func (r *Run) Fit(ctx context.Context, cfg train.Config) error {
	result, err := r.FitPart(ctx, "", cfg)
	r.Result = result
	if err != nil {
		return err
	}
	return r.curves()
}

// FitPart is Fit for a recipe that trains several models: each part has a folder of its own within the run's.
func (r *Run) FitPart(ctx context.Context, part string, cfg train.Config) (*train.Result, error) {
	if r.Part = part; part != "" {
		fmt.Fprintf(r.Out, "\n%s\n", part)
	}
	dir := filepath.Join(r.Dir, part)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	cfg.Callbacks = append([]train.Callback{
		train.CSVLogger(filepath.Join(dir, "metrics.csv")),
		train.TensorBoard(filepath.Join(dir, "tensorboard")),
	}, append(cfg.Callbacks, r.Callbacks...)...)
	cfg.Checkpoints = &train.Checkpoints{Dir: filepath.Join(dir, "checkpoint"), Warn: r.Warn}
	cfg.Resume = r.Resume
	cfg.Seed = r.Options.Seed
	if cfg.Epochs == 0 {
		cfg.Epochs = r.Options.Epochs
	}
	result, err := train.Fit(ctx, cfg)
	if err != nil {
		return result, err
	}
	return result, safetensors.Save(filepath.Join(dir, "model.safetensors"), nn.State(cfg.Model), r.metadata())
}

// metadata is what somebody needs to use the weights alone: the input's shape and scale, and the names of the classes.
func (r *Run) metadata() map[string]string {
	m := map[string]string{"format": "pt", "recipe": r.Recipe.Name, "data": r.Options.Data, "input": fmt.Sprint(r.input())}
	if len(r.Set.Classes) > 0 {
		m["classes"] = strings.Join(r.Set.Classes, ",")
	}
	if r.Recipe.DataConfig.Standardize {
		m["mean"], m["std"] = fmt.Sprint(r.Set.Mean), fmt.Sprint(r.Set.Std)
	}
	return m
}

// write replaces a file of the run folder.
func (r *Run) write(name string, f func(io.Writer) error) error {
	return atomicfile.Write(filepath.Join(r.Dir, name), f)
}

// Epochs returns how many epochs were trained.
func (r *Run) Epochs() int {
	if r.Result == nil {
		return 0
	}
	return len(r.Result.History)
}
