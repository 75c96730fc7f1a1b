// Gradus trains neural networks, measures them and shows what is in them.
//
//	gradus train lenet
//	gradus train lenet --data fashion-mnist --epochs 10
//	gradus eval runs/lenet-…
//	gradus list recipes
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gradus-ml/gradus/tensor"
)

func main() {
	ctx, stop := interruptible()
	defer stop()
	root := newRoot()
	if err := tensor.Try(func() error { return root.ExecuteContext(ctx) }); err != nil {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			os.Exit(130)
		}
		fmt.Fprintln(os.Stderr, "gradus:", strings.ReplaceAll(err.Error(), "\n", "\n  ")) // several mistakes, or one with a picture of the place
		os.Exit(1)
	}
}

// interruptible returns a context that ends at the first Ctrl-C or SIGTERM; a second one ends the program at once.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "gradus",
		Short:         "Train neural networks, measure them and look into them",
		Long:          "Gradus trains neural networks, measures them and shows what is in them: one static binary, no Python, no C compiler.\n\nStart with: gradus train lenet",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
	}
	root.AddCommand(newTrain(), newEval(), newPredict(), newExplain(), newSummary(), newDemo(), newList(), newData(), newBench(), newDoctor())
	return root
}

// atLeast refuses fewer than n arguments with a question that says what is missing.
func atLeast(n int, question string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return errors.New(question)
		}
		return nil
	}
}
