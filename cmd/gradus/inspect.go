package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/demos"
	"github.com/gradus-ml/gradus/recipes"
	"github.com/gradus-ml/gradus/safetensors"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/train"
	"github.com/gradus-ml/gradus/vision/models"
)

func newList() *cobra.Command {
	kinds := map[string]func(t *tabwriter.Writer) error{
		"recipes": func(t *tabwriter.Writer) error {
			for _, r := range recipes.List() {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, r.Summary, strings.Join(r.Data, ", "), r.Source)
			}
			return nil
		},
		"demos": func(t *tabwriter.Writer) error {
			for _, d := range demos.List() {
				fmt.Fprintf(t, "%s\t%s\t%s\n", d.Name, d.Summary, d.Source)
			}
			return nil
		},
		"data": func(t *tabwriter.Writer) error {
			for _, s := range sets.List() {
				fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, s.What, presence(s))
			}
			return nil
		},
		"ops": func(t *tabwriter.Writer) error {
			for _, name := range tensor.Ops() {
				fmt.Fprintln(t, name)
			}
			return nil
		},
	}
	order := []string{"recipes", "demos", "data", "ops"}
	return &cobra.Command{
		Use:       "list [recipes|demos|data|ops]",
		Short:     "List recipes, demos, data sets or operations",
		ValidArgs: order,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			which := args
			if len(args) == 0 {
				which = order[:3]
			}
			for i, kind := range which {
				if len(which) > 1 {
					if i > 0 {
						fmt.Fprintln(cmd.OutOrStdout())
					}
					fmt.Fprintln(cmd.OutOrStdout(), kind+":")
				}
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				if err := kinds[kind](t); err != nil {
					return err
				}
				if err := t.Flush(); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newEval() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "eval DIR...",
		Short: "Measure a finished run on its test set again",
		Args:  atLeast(1, "which run? gradus eval DIR..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, dir := range args {
				figures, err := recipes.Evaluate(cmd.Context(), dir)
				if err != nil {
					return err
				}
				if asJSON {
					if err := json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"event": "eval", "out": dir, "metrics": finite(figures)}); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s:", dir)
				for _, name := range train.FigureNames(figures, "accuracy") {
					fmt.Fprintf(cmd.OutOrStdout(), "  %s %s", name, train.FormatFigure(name, figures[name]))
				}
				fmt.Fprintln(cmd.OutOrStdout())
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func newPredict() *cobra.Command {
	var asJSON bool
	var out string
	c := &cobra.Command{
		Use:   "predict DIR FILE...",
		Short: "Say what a finished run finds in pictures: their class, the objects in them",
		Long: "Predict says what the finished run in the folder DIR finds in pictures (PNG, JPEG, GIF): classifiers name the class, detectors draw boxes around\n" +
			"objects, unet colours the cells, autoencoders draw the picture again, and siamese and triplet compare the first picture with each of the others.\n" +
			"The data set that the run was trained on isn't needed.",
		Example: "  gradus predict runs/lenet-digits-20261120-101500 digit.png\n  gradus predict runs/yolo-… *.jpg --out found\n  gradus predict runs/siamese-… mine.png yours.png",
		Args:    atLeast(2, "predict with which run, and what? gradus predict DIR FILE..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			predictions, failed := recipes.Predict(cmd.Context(), args[0], args[1:], out)
			for _, p := range predictions {
				if asJSON {
					if err := json.NewEncoder(cmd.OutOrStdout()).Encode(p); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintln(cmd.OutOrStdout(), p)
			}
			return failed
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder for pictures of what was found (default: DIR/predictions)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func newSummary() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "summary RECIPE|NETWORK|DIR|FILE.safetensors",
		Short: "Show the layers of a model: shapes, receptive fields, parameters, multiply-adds",
		Long: "Summary shows the layers of a recipe's model, of the run in the folder DIR, or of one of torchvision's networks for ImageNet by its name there:\n" +
			"shapes, receptive fields, parameters, multiply-adds. Of a file it lists the tensors.\n\nThe networks are " +
			strings.Join(models.Names()[:12], ", ") + ",\n" + strings.Join(models.Names()[12:], ", ") + ".",
		Example: "  gradus summary lenet\n  gradus summary resnet18",
		Args:    cobra.MatchAll(atLeast(1, "summary of what? gradus summary RECIPE|NETWORK|DIR|FILE.safetensors"), cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasSuffix(args[0], ".safetensors") {
				return summarizeFile(cmd, args[0])
			}
			table, err := recipes.Summarize(args[0], data)
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), table)
			return nil
		},
	}
	c.Flags().StringVar(&data, "data", "", "data set whose shapes to use (default: the recipe's first)")
	return c
}

// summarizeFile lists the tensors of a safetensors file.
func summarizeFile(cmd *cobra.Command, path string) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	total := 0
	for _, name := range f.Names() {
		info, _ := f.Info(name) // it is one of its own names
		n := 1
		for _, s := range info.Shape {
			n *= s
		}
		total += n
		fmt.Fprintf(t, "%s\t%v\t%v\n", name, info.DType, info.Shape)
	}
	fmt.Fprintf(t, "total\t\t%d elements\n", total)
	return t.Flush()
}

func newData() *cobra.Command {
	return &cobra.Command{
		Use:   "data NAME...",
		Short: "Download a data set, unless it is there",
		Long:  "Data downloads data sets to $GRADUS_DATA (default: the user's cache folder) and checks them. gradus list data shows what there is.",
		Args:  atLeast(1, "download what? (gradus list data shows all)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := fetch(cmd, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
