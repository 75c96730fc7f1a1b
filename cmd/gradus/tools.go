package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gradus-ml/gradus/bench"
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/par"
)

// version returns the module's version and the revision it was built from, as far as they are known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v
}

func newBench() *cobra.Command {
	var asJSON bool
	var rounds int
	var length time.Duration
	c := &cobra.Command{
		Use:   "bench [NAME...]",
		Short: "Measure kernels and training steps",
		Long: "Bench measures fixed workloads on random data and prints the best and the median round. To compare with PyTorch on the\n" +
			"same machine run bench/peers, which runs both in turn.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			list := bench.Workloads()
			if len(args) > 0 {
				list = nil
				for _, name := range args {
					w, err := bench.Find(name)
					if err != nil {
						return err
					}
					list = append(list, w)
				}
			}
			if rounds < 1 || length <= 0 {
				return fmt.Errorf("--rounds and --length must be positive, got %d and %v", rounds, length)
			}
			defer par.Hold()()
			out := json.NewEncoder(cmd.OutOrStdout())
			for _, w := range list {
				r := w.Measure(rounds, length)
				if asJSON {
					if err := out.Encode(r); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%-13s %12.4g %-10s median %10.4g   %s\n", r.Name, r.Value, r.Unit, r.Median, w.What)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	c.Flags().IntVar(&rounds, "rounds", 5, "rounds for each workload")
	c.Flags().DurationVar(&length, "length", 300*time.Millisecond, "length of a round")
	return c
}

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Tell what Gradus found on this machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return doctor(cmd)
		},
	}
}

func doctor(cmd *cobra.Command) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("gradus", "%s", version())
	row("go", "%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	wish := os.Getenv("GRADUS_CPU")
	if wish != "" && wish != cpu.Active().String() {
		wish += ", which is not one of portable, avx2 and avx512, or not to be had here"
	}
	row("kernels", "%s%s", cpu.Active(), ifSet(" (GRADUS_CPU=%s)", wish))
	row("threads", "%d of %d processors%s", par.Threads(), runtime.NumCPU(), ifSet(" (GOMAXPROCS=%s)", os.Getenv("GOMAXPROCS")))
	w, err := bench.Find("gemm_1024")
	if err != nil {
		return err
	}
	release := par.Hold()
	row("matrix product", "%.0f GFLOP/s (float32, 1024×1024)", w.Measure(3, 200*time.Millisecond).Value)
	release()
	doctorData(row)
	return t.Flush()
}

func ifSet(format, v string) string {
	if v == "" {
		return ""
	}
	return fmt.Sprintf(format, v)
}
