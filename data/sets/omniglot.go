package sets

import (
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/omniglot"
	"github.com/gradus-ml/gradus/tensor"
)

const omniglotRaw = "https://github.com/brendenlake/omniglot/raw/master/python/"

// omniglots returns Omniglot and the two sets of Lake et al. with five background alphabets each. Training examples are of background
// alphabets, test examples of evaluation alphabets. Classes are the characters of both, the first ones those of the training part.
func omniglots() []entry {
	evaluation := file{path: "images_evaluation_10alphabets.zip", size: 3363626, sha256: "884b72bca463c5eb2e82f9914cb74fb9b560fc659d6b81f406b13beb3277e526"}
	runs := file{path: "all_runs.zip", size: 352787, sha256: "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325", urls: named("one-shot-classification/all_runs.zip", omniglotRaw)}
	entries := []entry{
		{
			Info: Info{Name: "omniglot", What: "characters of 30 alphabets, each drawn by 20 people, and of 10 more to test on, grey, 105×105", TrainSize: 19280},
			files: []file{{
				path: "images_background.zip", size: 8394302, sha256: "12f28f39d6d0baaa9b94998e145067e51cc8bdac385d5b3c8994ade9a99f11a2",
			}},
		},
		{
			Info: Info{Name: "omniglot-small1", What: "omniglot with 5 alphabets to train on", TrainSize: 2720},
			files: []file{{
				path: "images_background_small1.zip", size: 1319022, sha256: "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4", urls: named("images_background_small1.zip", omniglotRaw),
			}},
		},
		{
			Info: Info{Name: "omniglot-small2", What: "omniglot with 5 other alphabets to train on", TrainSize: 3120},
			files: []file{{
				path: "images_background_small2.zip", size: 1580917, sha256: "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f", urls: named("images_background_small2.zip", omniglotRaw),
			}},
		},
	}
	for i := range entries {
		e := &entries[i]
		e.Licence, e.Home = "MIT, © 2015 Brenden Lake", "https://github.com/brendenlake/omniglot"
		e.Shape, e.Classes, e.TestSize = []int{1, omniglot.Side, omniglot.Side}, []string{}, 7640
		e.folder, e.open = "omniglot", openOmniglot
		e.files = append(e.files, evaluation, runs)
		e.advice = "from " + e.Home + "/tree/master/python; its images_background.zip and images_evaluation.zip, under these names, do too, whatever their checksums"
	}
	return entries
}

// openOmniglot reads the archives of drawings and of trials.
func openOmniglot(e *entry, set *Set, dir string, cfg Config) error {
	var parts []*images
	set.Classes = nil
	for _, f := range e.files[:2] {
		d, err := omniglot.Read(filepath.Join(dir, f.path), omniglot.Config{Side: cfg.Side})
		if err != nil {
			return err
		}
		for i := range d.Labels {
			d.Labels[i] += uint16(len(set.Classes))
		}
		for _, c := range d.Characters {
			set.Classes = append(set.Classes, c.String())
		}
		set.Shape = []int{1, d.Side, d.Side}
		parts = append(parts, &images{pixels: d.Pixels, labels: d.Labels, shape: set.Shape})
	}
	var err error
	set.Trials, err = omniglot.ReadTrials(filepath.Join(dir, e.files[2].path), omniglot.Config{Side: cfg.Side})
	if err != nil {
		return err
	}
	set.finish(parts[0], parts[1], cfg)
	return nil
}

// Pixels returns images that lie in memory as bytes, such as those of a trial, on the scale of the set's examples: Float32 of shape (N,
// channels, height, width). It returns nil for tables.
func (set *Set) Pixels(pixels []uint8) *tensor.Tensor {
	like, ok := set.Train.(*images)
	if !ok {
		return nil
	}
	some := *like
	some.pixels, some.labels = pixels, make([]uint16, len(pixels)/(like.shape[0]*like.shape[1]*like.shape[2]))
	b, err := data.All(&some)
	if err != nil { // it never fails
		return nil
	}
	return b.X
}
