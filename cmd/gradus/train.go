package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gradus-ml/gradus/recipes"
	"github.com/gradus-ml/gradus/train"
)

func newTrain() *cobra.Command {
	var o recipes.Options
	var out, resume string
	var asJSON bool
	c := &cobra.Command{
		Use:   "train RECIPE",
		Short: "Train a model by a recipe",
		Long: "Train runs a recipe: it gets the data, trains with a progress bar, measures the test set, and leaves a run folder with\n" +
			"config.yaml, metrics.csv, model.safetensors, checkpoints and pictures. gradus list recipes shows what there is.",
		Example: "  gradus train lenet\n" +
			"  gradus train lenet --data fashion-mnist --epochs 10 --seed 1\n" +
			"  gradus train --resume runs/lenet-digits-20261120-101500",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return fmt.Errorf("train takes one recipe, got %q", args)
			case len(args) == 0 && resume == "":
				return errors.New("train which recipe? (gradus list recipes shows all)")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, r := range recipes.List() {
				names = append(names, r.Name+"\t"+r.Summary)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"epochs", "batch", "lr"} {
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "0" {
					return fmt.Errorf("--%s must be positive, got 0", name)
				}
			}
			run, err := newRun(cmd, args, o, out, resume)
			if err != nil {
				return err
			}
			return runTraining(cmd.Context(), run, cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Data, "data", "", "data set (default: the recipe's first)")
	f.IntVar(&o.Epochs, "epochs", 0, "passes over the training data (default: the recipe's)")
	f.IntVar(&o.Batch, "batch", 0, "examples in a batch (default: the recipe's)")
	f.Float64Var(&o.LR, "lr", 0, "learning rate (default: the recipe's)")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of everything random: same seed, same bits")
	f.IntVar(&o.Limit, "limit", 0, "use only this many training examples")
	f.StringVar(&o.Augment, "augment", "", "how to vary training examples, or none (default: the recipe's)")
	f.StringVar(&out, "out", "", "run folder (default: runs/RECIPE-DATA-TIME)")
	f.StringVar(&resume, "resume", "", "continue the run in this folder, to the same bits")
	f.BoolVar(&asJSON, "json", false, "print JSON lines and nothing else on standard output")
	return c
}

// newRun returns the run that flags and arguments ask for.
func newRun(cmd *cobra.Command, args []string, o recipes.Options, out, resume string) (*recipes.Run, error) {
	if resume != "" {
		if out != "" && out != resume {
			return nil, errors.New("--out and --resume name different folders; a run continues where it is")
		}
		run, err := recipes.ResumeRun(resume)
		if err != nil {
			return nil, err
		}
		if len(args) == 1 && args[0] != run.Recipe.Name {
			return nil, fmt.Errorf("%s is a run of recipe %s, not of %s", resume, run.Recipe.Name, args[0])
		}
		// What the user says again must agree; what isn't said is as it was.
		for name, set := range map[string]func(){
			"data": func() { run.Options.Data = o.Data }, "epochs": func() { run.Options.Epochs = o.Epochs },
			"batch": func() { run.Options.Batch = o.Batch }, "lr": func() { run.Options.LR = o.LR },
			"seed": func() { run.Options.Seed = o.Seed }, "limit": func() { run.Options.Limit = o.Limit },
			"augment": func() { run.Options.Augment = o.Augment },
		} {
			if cmd.Flags().Changed(name) {
				set()
			}
		}
		return run, nil
	}
	recipe, err := recipes.Find(args[0])
	if err != nil {
		return nil, err
	}
	return &recipes.Run{Recipe: recipe, Options: o, Dir: out}, nil
}

// runTraining runs a recipe and reports on it: with a bar on a terminal, in lines in a pipe, or in JSON.
func runTraining(ctx context.Context, run *recipes.Run, stdout, stderr io.Writer, asJSON bool) error {
	start := time.Now()
	var events *json.Encoder
	if asJSON {
		events = json.NewEncoder(stdout)
		run.Out = io.Discard
		run.Callbacks = append(run.Callbacks, &jsonLines{out: events, run: run})
	} else {
		run.Out = stdout
		run.Callbacks = append(run.Callbacks, newProgress(stdout))
	}
	run.Fetching = fetching(run.Options.Data, stderr)
	run.Warn = func(m string) { fmt.Fprintln(stderr, "warning:", m) }
	if err := run.Start(ctx); err != nil {
		return err
	}
	if asJSON {
		if err := events.Encode(startEvent{"start", run.Recipe.Name, run.Options, run.Dir}); err != nil {
			return err
		}
	}
	figures, err := run.Recipe.Train(ctx, run)
	if err != nil {
		event := failEvent{"error", err.Error(), run.Dir}
		if ctx.Err() != nil {
			event.Event = "interrupted"
			fmt.Fprintf(stderr, "\nInterrupted. Continue with: gradus train --resume %s\n", run.Dir)
		}
		if asJSON {
			return errors.Join(err, events.Encode(event))
		}
		return err
	}
	seconds := time.Since(start).Seconds()
	if asJSON {
		return events.Encode(doneEvent{"done", run.Recipe.Name, finite(figures), run.Epochs(), math.Round(1000*seconds) / 1000, run.Dir})
	}
	return report(stdout, run, figures, seconds)
}

// report writes the results for people.
func report(w io.Writer, run *recipes.Run, figures map[string]float64, seconds float64) error {
	fmt.Fprintln(w)
	names := train.FigureNames(figures, run.Recipe.Metric)
	width := len("time")
	for _, name := range names {
		width = max(width, len(name))
	}
	for _, name := range names {
		fmt.Fprintf(w, "  %-*s  %s\n", width, name, train.FormatFigure(name, figures[name]))
	}
	fmt.Fprintf(w, "  %-*s  %.1f s\n\n", width, "time", seconds)
	entries, err := os.ReadDir(run.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s holds", run.Dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		fmt.Fprintf(w, " %s", e.Name())
		if e.IsDir() {
			fmt.Fprint(w, "/")
		}
	}
	fmt.Fprintln(w)
	return nil
}
