package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gradus-ml/gradus/demos"
)

func newDemo() *cobra.Command {
	var out string
	var seed uint64
	c := &cobra.Command{
		Use:     "demo NAME [FILE...]",
		Short:   "Show something: what filters do to a photograph, and the like",
		Long:    "Demo runs a small program that shows something rather than trains a model, and leaves pictures in a folder. gradus list demos shows what there is.",
		Example: "  gradus demo edge-filters\n  gradus demo edge-filters my-photo.jpg --out edges",
		Args:    atLeast(1, "demo of what? (gradus list demos shows all)"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			var names []string
			for _, d := range demos.List() {
				names = append(names, d.Name+"\t"+d.Summary)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			demo, err := demos.Find(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join("runs", "demo-"+demo.Name)
			}
			if err := os.MkdirAll(out, 0o777); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), &demos.Env{Dir: out, Files: args[1:], Out: cmd.OutOrStdout(), Seed: seed,
				Fetching: func(set string) func(done, total int64) { return fetching(set, cmd.ErrOrStderr()) }})
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder for the pictures (default: runs/demo-NAME)")
	c.Flags().Uint64Var(&seed, "seed", 0, "seed of everything random")
	return c
}
