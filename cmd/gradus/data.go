package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/gradus-ml/gradus/data/sets"
)

// fetch downloads one set.
func fetch(cmd *cobra.Command, name string) error {
	dir, complete, err := sets.Where(name)
	if err != nil {
		return err
	}
	if complete {
		if err := sets.Verify(cmd.Context(), name); err != nil {
			return fmt.Errorf("%w; delete the file and run this again", err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is there, and whole: %s\n", name, dir)
		return nil
	}
	if err := sets.Fetch(cmd.Context(), name, fetching(name, cmd.ErrOrStderr())); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is in %s\n", name, dir)
	return nil
}

// fetching returns what shows how a download goes: a bar on a terminal, a line elsewhere.
func fetching(name string, w io.Writer) func(done, total int64) {
	var once sync.Once
	var bar *mpb.Bar
	var progress *mpb.Progress
	return func(done, total int64) {
		once.Do(func() {
			if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
				fmt.Fprintf(w, "downloading %s\n", name)
				return
			}
			progress = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
			bar = progress.New(total, barStyle(),
				mpb.PrependDecorators(decor.Name("downloading "+name+" ")),
				mpb.AppendDecorators(decor.CountersKibiByte(" % .1f / % .1f  "), decor.AverageETA(decor.ET_STYLE_GO)))
		})
		if bar == nil {
			return
		}
		bar.SetTotal(total, done >= total)
		bar.SetCurrent(done)
		if done >= total {
			progress.Wait()
			bar = nil
		}
	}
}

// presence tells whether a set is on this machine.
func presence(s sets.Info) string {
	switch _, complete, err := sets.Where(s.Name); {
	case err != nil:
		return err.Error()
	case s.Bytes == 0:
		return "generated"
	case complete:
		return "here"
	}
	if s.Bytes < 1e5 {
		return fmt.Sprintf("%.0f kB to download", max(float64(s.Bytes)/1e3, 1))
	}
	return fmt.Sprintf("%.1f MB to download", float64(s.Bytes)/1e6)
}

// doctorData tells where data sets lie and which are there.
func doctorData(row func(name, format string, args ...any)) {
	dir, err := sets.Dir()
	if err != nil {
		row("data", "%v", err)
		return
	}
	here := ""
	for _, s := range sets.List() {
		if _, complete, err := sets.Where(s.Name); err == nil && complete && s.Bytes > 0 {
			here += " " + s.Name
		}
	}
	if here == "" {
		here = " no sets yet; gradus data NAME downloads one"
	}
	row("data", "%s:%s", dir, here)
}
