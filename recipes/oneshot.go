package recipes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/optim"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
)

// What the recipes siamese and triplet share: both learn from the background alphabets of Omniglot a distance between drawings that is small for
// two drawings of one character. It is then measured on alphabets that it has never seen.

var omniglots = []string{"omniglot", "omniglot-small1", "omniglot-small2"}

// drawingSide is the width and height that drawings are reduced to. At 28 pixels, where four poolings leave one, neighbouring strokes of the
// more intricate alphabets run together.
const drawingSide = 28

const (
	ways = 20 // classes in a one-shot task
	each = 4  // drawings of each character in a training batch
)

// embedderWidths are the channels of the embedder's convolutions: fewer in the first, which costs most.
var embedderWidths = []int{32, 64, 64, 64}

// embedder is four times convolution, batch normalisation, ReLU and pooling (Vinyals et al., "Matching networks for one shot learning", 2016).
// The last pooling is left out: where a stroke lies tells characters apart.
func embedder(set *sets.Set) *nn.Named {
	net, in := nn.NewNamed(), set.Shape[0]
	for i, width := range embedderWidths {
		n := fmt.Sprint(i + 1)
		net.Add("conv"+n, nn.Conv2DConfig{In: in, Out: width, Kernel: 3, Pad: 1, NoBias: true}.New()).
			Add("bn"+n, nn.NewBatchNorm(width)).
			Add("relu"+n, nn.ReLU())
		if i < 3 {
			net.Add("pool"+n, nn.MaxPool2D(2))
		}
		in = width
	}
	return net.Add("flatten", nn.Flatten())
}

// oneShot is a way to learn a distance from batches of a few drawings each of several characters.
type oneShot struct {
	// distances returns the distances (N, M) of the embeddings a (N, D) from b (M, D).
	distances func(model nn.Layer, a, b *tensor.Tensor) *tensor.Tensor
	// loss returns the mean loss of the embeddings (N, D) of drawings of the characters labels (N).
	loss func(c *nn.Ctx, model nn.Layer, embeddings, labels *tensor.Tensor) *tensor.Tensor
}

// train is the recipes' training. A tenth of the background alphabets is held out: on them the accuracy after each epoch is measured, and
// the threshold τ of distances is chosen.
func (o oneShot) train(ctx context.Context, r *Run) (map[string]float64, error) {
	model := r.Recipe.Model(r.Set)
	nn.Init(model, r.Options.Seed)
	r.summary(model)

	own, held, err := r.splitAlphabets()
	if err != nil {
		return nil, err
	}
	loader, err := r.characterBatches(own)
	if err != nil {
		return nil, err
	}
	valid, err := r.tasks(held)
	if err != nil {
		return nil, err
	}
	opt := optim.NewAdam(nn.Params(model), optim.AdamConfig{LR: r.Options.LR})
	steps := r.Options.Epochs * loader.Batches()
	err = r.Fit(ctx, train.Config{
		Model: model, Optimizer: opt,
		Step: func(c *nn.Ctx, model nn.Layer, b data.Batch) (loss, pred, target *tensor.Tensor) {
			x := c.Run(model, b.X)
			return o.loss(c, model, x, b.Y), x, b.Y
		},
		Train: loader, Valid: valid,
		Metrics:  []metrics.Metric{metrics.NewOneShot(func(a, b *tensor.Tensor) *tensor.Tensor { return o.distances(model, a, b) })},
		Schedule: optim.Cosine(opt, steps, steps/20, 0.01),
	})
	if err != nil {
		return nil, err
	}
	return o.judge(ctx, r, model)
}

// splitAlphabets divides the training drawings: a tenth of the alphabets, those with at least as many characters as a task has, is held out.
func (r *Run) splitAlphabets() (own, held data.Dataset, err error) {
	labels, err := data.Labels(r.Set.Train)
	if err != nil {
		return nil, nil, err
	}
	characters := map[string]int{}
	var names []string
	for _, class := range r.Set.Classes[:slices.Max(labels)+1] {
		a := alphabet(class)
		if characters[a]++; characters[a] == ways {
			names = append(names, a)
		}
	}
	out := map[string]bool{}
	for _, i := range tensor.NewRNG(r.Options.Seed).Split("held out").Perm(len(names))[:max(1, len(characters)/10)] {
		out[names[i]] = true
	}
	var parts [2][]int
	for i, l := range labels {
		part := 0
		if out[alphabet(r.Set.Classes[l])] {
			part = 1
		}
		parts[part] = append(parts[part], i)
	}
	return data.Subset(r.Set.Train, parts[0]), data.Subset(r.Set.Train, parts[1]), nil
}

// alphabet returns the first part of a character's name.
func alphabet(class string) string {
	name, _, _ := strings.Cut(class, "/")
	return name
}

// alphabets returns a number for the alphabet of each class.
func (r *Run) alphabets() []int {
	numbers := map[string]int{}
	out := make([]int, len(r.Set.Classes))
	for i, class := range r.Set.Classes {
		a := alphabet(class)
		if _, ok := numbers[a]; !ok {
			numbers[a] = len(numbers)
		}
		out[i] = numbers[a]
	}
	return out
}

// characterBatches returns training batches: some characters, half of them of one alphabet, with a few drawings of each, turned and warped.
func (r *Run) characterBatches(own data.Dataset) (*data.Loader, error) {
	if r.Options.Limit > 0 {
		own = data.Take(own, r.Options.Limit, r.Options.Seed)
	}
	classes, groups := len(r.Set.Classes), r.alphabets()
	turned := quarterTurns(own, classes)
	labels, err := data.Labels(turned)
	if err != nil {
		return nil, err
	}
	var all []int // the alphabets of all turned characters: four times as many
	for turn := range 4 {
		for _, g := range groups {
			all = append(all, g+turn*len(groups))
		}
	}
	characters := len(slices.Compact(slices.Sorted(slices.Values(labels))))
	p := max(r.Options.Batch/each, 2)
	if p > characters {
		return nil, fmt.Errorf("a batch of %d takes %d characters, there are %d; choose a smaller --batch", r.Options.Batch, p, characters)
	}
	return data.NewLoader(warped(turned), data.LoaderConfig{Seed: r.Options.Seed, Sampler: data.Classes(labels, data.ClassesConfig{
		Classes: p, Examples: each, Batches: max(own.Len()/(p*each), 1), Groups: all, PerGroup: (p + 1) / 2, Seed: r.Options.Seed,
	})}), nil
}

// tasks returns one-shot tasks of one alphabet each: two drawings of each of 20 characters. Every drawing comes about twice, in 100 tasks at most.
func (r *Run) tasks(ds data.Dataset) (*data.Loader, error) {
	labels, err := data.Labels(ds)
	if err != nil {
		return nil, err
	}
	n := min(100, max(1, ds.Len()/ways))
	return data.NewLoader(ds, data.LoaderConfig{Sampler: data.Classes(labels, data.ClassesConfig{Classes: ways, Examples: 2, Batches: n, Groups: r.alphabets()})}), nil
}
