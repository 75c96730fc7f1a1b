package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gradus-ml/gradus/recipes"
)

func newExplain() *cobra.Command {
	var class, out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain DIR FILE",
		Short: "Draw what a trained classifier sees in a picture",
		Long: "Explain draws what the classifier that was trained in the run folder DIR sees in the picture FILE: the pixels that its decision hangs on (Grad-CAM,\n" +
			"occlusion, saliency, integrated gradients), its filters and activations, what its layers keep of the picture, and what excites its classes.",
		Example: "  gradus explain runs/resnet20-cifar10-subset-20261120-101500 cat.jpg\n  gradus explain runs/lenet-… digit.png --class 7",
		Args:    cobra.MatchAll(atLeast(2, "explain which run by which picture? gradus explain DIR FILE"), cobra.MaximumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := recipes.Explain(cmd.Context(), args[0], args[1], class, out)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(e)
			}
			fmt.Fprintln(cmd.OutOrStdout(), e.Prediction)
			for _, p := range e.Pictures {
				fmt.Fprintln(cmd.OutOrStdout(), " ", p)
			}
			return nil
		},
	}
	c.Flags().StringVar(&class, "class", "", "the class whose reasons to draw (default: the one that is predicted)")
	c.Flags().StringVar(&out, "out", "", "folder for the pictures (default: DIR/explanations/NAME)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
