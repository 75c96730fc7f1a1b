package recipes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/omniglot"
	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
)

// matched is a trial with what the model makes of it.
type matched struct {
	omniglot.Trial
	found     []int     // for each test drawing the nearest support drawing
	distances []float64 // how far it is
	accuracy  float64
}

// pairs are distances between two drawings each, and whether both show the same character.
type pairs struct {
	distances []float64
	same      []bool
}

// figures are what the two recipes measure, all on alphabets that the model hasn't seen.
type figures struct {
	trials   []matched
	pairs    pairs
	test     metrics.Verification
	tau      float64 // the threshold of distances, chosen on the held-out background alphabets
	accuracy float64 // of d ≤ τ on the pairs, both kinds counting alike
}

// judge measures the model on the official trials and on pairs of drawings, and draws both.
func (o oneShot) judge(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	f, err := o.measure(ctx, r, model)
	if err != nil {
		return nil, err
	}
	if err := f.draw(r); err != nil {
		return nil, err
	}
	if err := f.write(r); err != nil {
		return nil, err
	}
	values := f.values()
	fmt.Fprintf(r.Out, "\n%d-way one-shot trials: %.1f %% right. Two drawings show the same character if d ≤ τ = %.4g: right in %.1f %% (area under the ROC curve %.4f)\n",
		len(f.trials[0].Answer), 100*values["one_shot_accuracy"], f.tau, 100*f.accuracy, f.test.AUC)
	return values, nil
}

// evaluate is judge for a finished run: it measures only.
func (o oneShot) evaluate(ctx context.Context, r *Run, model nn.Layer) (map[string]float64, error) {
	f, err := o.measure(ctx, r, model)
	if err != nil {
		return nil, err
	}
	return f.values(), nil
}

func (o oneShot) measure(ctx context.Context, r *Run, model nn.Layer) (*figures, error) {
	_, held, err := r.splitAlphabets()
	if err != nil {
		return nil, err
	}
	f := &figures{}
	err = tensor.Try(func() error {
		for _, t := range r.Set.Trials {
			f.trials = append(f.trials, o.match(r, model, t))
		}
		heldPairs, err := o.pairs(ctx, r, model, held)
		if err != nil {
			return err
		}
		f.tau = metrics.Verify(heldPairs.distances, heldPairs.same).Threshold
		f.pairs, err = o.pairs(ctx, r, model, r.Set.Test)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.test = metrics.Verify(f.pairs.distances, f.pairs.same)
	f.accuracy = metrics.Correct(f.pairs.distances, f.pairs.same, f.tau)
	return f, nil
}

// match finds the nearest support drawing for each test drawing of a trial.
func (o oneShot) match(r *Run, model nn.Layer, t omniglot.Trial) matched {
	embed := func(pixels []uint8) *tensor.Tensor { return model.Forward(nn.Eval(), r.Set.Pixels(pixels)) }
	d := o.distances(model, embed(t.Test), embed(t.Support))
	m := matched{Trial: t, distances: tensor.ToSlice[float64](d.MinAxes(false, 1))}
	right := 0
	for i, k := range tensor.ToSlice[int64](d.ArgMin(1)) {
		m.found = append(m.found, int(k))
		if int(k) == t.Answer[i] {
			right++
		}
	}
	m.accuracy = float64(right) / float64(len(t.Answer))
	return m
}

// pairs returns distances between drawings of one alphabet: those within each one-shot task.
func (o oneShot) pairs(ctx context.Context, r *Run, model nn.Layer, ds data.Dataset) (pairs, error) {
	var out pairs
	loader, err := r.tasks(ds)
	if err != nil {
		return out, err
	}
	for b, err := range loader.Epoch(ctx, 0) {
		if err != nil {
			return out, err
		}
		x := model.Forward(nn.Eval(), b.X)
		d, labels := tensor.ToSlice[float64](o.distances(model, x, x)), tensor.ToSlice[int64](b.Y)
		b.Release()
		for i := range labels {
			for k := range i {
				out.distances = append(out.distances, d[i*len(labels)+k])
				out.same = append(out.same, labels[i] == labels[k])
			}
		}
	}
	return out, nil
}

// values returns the figures by name.
func (f *figures) values() map[string]float64 {
	sum, worst := 0.0, 1.0
	for _, t := range f.trials {
		sum += t.accuracy
		worst = min(worst, t.accuracy)
	}
	return map[string]float64{
		"one_shot_accuracy": sum / float64(len(f.trials)), "one_shot_accuracy_worst_run": worst,
		"verification_accuracy": f.accuracy, "auc": f.test.AUC, "eer": f.test.EER, "threshold": f.tau,
	}
}

// verificationFile is what verification.json holds.
type verificationFile struct {
	Threshold float64            `json:"threshold"` // two drawings show the same character if their distance is at most this
	Figures   map[string]float64 `json:"figures"`
	Accepted  map[string]float64 `json:"accepted"` // part of same pairs accepted where this part of different ones is, too
	Runs      map[string]float64 `json:"runs"`     // accuracy of each one-shot trial
}

// write leaves the threshold and all figures in verification.json.
func (f *figures) write(r *Run) error {
	v := verificationFile{Threshold: f.tau, Figures: f.values(), Accepted: map[string]float64{}, Runs: map[string]float64{}}
	for _, far := range []float64{0.001, 0.01, 0.1} {
		v.Accepted[fmt.Sprint(far)] = f.test.At(far)
	}
	for _, t := range f.trials {
		v.Runs[t.Name] = t.accuracy
	}
	return r.write("verification.json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

// draw draws the accuracies of all trials, the worst trial, and how distances tell same from different.
func (f *figures) draw(r *Run) error {
	runs := plot.Series{Style: plot.Bars}
	worst := f.trials[0]
	for _, t := range f.trials {
		runs.Y = append(runs.Y, 100*t.accuracy)
		if t.accuracy < worst.accuracy {
			worst = t
		}
	}
	lines := plot.Lines{Title: "One-shot trials: accuracy in each", Panels: []plot.Panel{{X: "run", Y: "right, %", YRange: [2]float64{0, 100}, Series: []plot.Series{runs}}}}
	if err := plot.SavePNG(filepath.Join(r.Dir, "one_shot_runs.png"), lines.Draw()); err != nil {
		return err
	}
	if err := plot.SavePNG(filepath.Join(r.Dir, "one_shot_trial.png"), worst.grid(r).Draw()); err != nil {
		return err
	}
	return plot.SavePNG(filepath.Join(r.Dir, "verification.png"), f.verification().Draw())
}

// grid shows a trial: each test drawing beside the support drawing that was found, and beside the right one where that is another.
func (m matched) grid(r *Run) plot.Grid {
	g := plot.Grid{Title: fmt.Sprintf("One-shot trial %s, the hardest: %.0f %% right. Each item, and the nearest of another hand's %d drawings", m.Name, 100*m.accuracy, len(m.Answer)), Columns: 10, Below: true}
	pixels := func(of []uint8, i int) *tensor.Tensor { return r.Set.Pixels(of).Select(0, i).Neg() } // ink is dark
	for i, k := range m.found {
		c := plot.Cell{Image: picture(pixels(m.Support, k)), Caption: fmt.Sprintf("%.2f right", m.distances[i]), Colour: plot.Green}
		if k != m.Answer[i] {
			c.Caption, c.Colour = fmt.Sprintf("%.2f wrong", m.distances[i]), plot.Vermillion
		}
		g.Cells = append(g.Cells, plot.Cell{Image: picture(pixels(m.Test, i)), Caption: fmt.Sprintf("item %d", i+1)}, c)
	}
	return g
}

// verification draws the ROC curve, and the distances of both kinds of pairs with τ between them.
func (f *figures) verification() plot.Lines {
	var kinds [2][]float64
	for i, d := range f.pairs.distances {
		if f.pairs.same[i] {
			kinds[1] = append(kinds[1], d)
		} else {
			kinds[0] = append(kinds[0], d)
		}
	}
	histogram := plot.Panel{Title: "Distances", X: "d", Y: "part of the pairs, %"}
	top := 0.0
	for i, name := range []string{"different characters", "the same character"} {
		s := plot.Histogram(kinds[i], 40)
		s.Name, s.Style = name, plot.Line
		for k := range s.Y {
			s.Y[k] *= 100 / float64(len(kinds[i]))
			top = max(top, s.Y[k])
		}
		histogram.Series = append(histogram.Series, s)
	}
	histogram.Series = append(histogram.Series, plot.Series{Name: fmt.Sprintf("τ = %.3g", f.tau), X: []float64{f.tau, f.tau}, Y: []float64{0, top}, Style: plot.Dashed})
	roc := plot.Panel{
		Title: fmt.Sprintf("ROC, area %.4f", f.test.AUC), X: "different ones accepted", Y: "same ones accepted",
		Series: []plot.Series{{X: f.test.ROC.X, Y: f.test.ROC.Y}, {Name: fmt.Sprintf("equal errors: %.1f %%", 100*f.test.EER), X: []float64{0, 1}, Y: []float64{1, 0}, Style: plot.Dashed}},
	}
	return plot.Lines{Title: "Pairs of drawings of alphabets that the model hasn't seen", Panels: []plot.Panel{roc, histogram}}
}
