// Peers runs the workloads of package bench in Gradus and in PyTorch, in turn in one run, and prints the ratios. On a shared
// machine absolute times drift; the ratio of two rounds that follow each other doesn't.
//
//	go run ./bench/peers -python python3 [name ...]
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gradus-ml/gradus/bench"
	"github.com/gradus-ml/gradus/internal/par"
)

func main() {
	python := flag.String("python", "python3", "a Python that can import torch")
	rounds := flag.Int("rounds", 7, "pairs of rounds for each workload")
	length := flag.Duration("length", 400*time.Millisecond, "length of a round")
	script := flag.String("script", filepath.Join("bench", "peers", "torch_bench.py"), "PyTorch's side")
	threads := flag.Int("threads", runtime.GOMAXPROCS(0), "threads on both sides")
	asJSON := flag.Bool("json", false, "print JSON lines")
	flag.Parse()
	runtime.GOMAXPROCS(*threads)
	if err := run(*python, *script, *threads, *rounds, *length, *asJSON, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// comparison is one line of the result.
type comparison struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Gradus float64 `json:"gradus"` // medians
	Torch  float64 `json:"pytorch"`
	Ratio  float64 `json:"ratio"` // median of the pairs' ratios
	Low    float64 `json:"low"`   // smallest and largest ratio of a pair
	High   float64 `json:"high"`
}

func run(python, script string, threads, rounds int, length time.Duration, asJSON bool, names []string) error {
	if rounds < 1 {
		return errors.New("-rounds must be 1 or more")
	}
	list := bench.Workloads()
	if len(names) > 0 {
		list = nil
		for _, n := range names {
			w, err := bench.Find(n)
			if err != nil {
				return err
			}
			list = append(list, w)
		}
	}
	torch, err := start(python, script, threads)
	if err != nil {
		return err
	}
	defer torch.stop()
	if !asJSON {
		fmt.Printf("Gradus (%s, %d threads) beside PyTorch %s; medians of %d pairs of rounds of %v\n\n", runtime.Version(), threads, torch.version, rounds, length)
		fmt.Printf("| workload | unit | Gradus | PyTorch | ratio | (lowest – highest pair) |\n|---|---|---:|---:|---:|---|\n")
	}
	for _, w := range list {
		c, err := compare(w, torch, rounds, length)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(c); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("| %s | %s | %s | %s | **%.2f** | %.2f – %.2f |\n", c.Name, c.Unit, figure(c.Gradus), figure(c.Torch), c.Ratio, c.Low, c.High)
	}
	return nil
}

func figure(v float64) string {
	switch {
	case v >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func compare(w bench.Workload, torch *peer, rounds int, length time.Duration) (comparison, error) {
	step := w.Make()
	ours := func() float64 {
		defer par.Hold()()
		return w.Round(step, length)
	}
	ours()
	if _, err := torch.round(w.Name, length); err != nil {
		return comparison{}, err
	}
	var g, t, r []float64
	for range rounds {
		time.Sleep(50 * time.Millisecond) // let the other side's threads go to sleep
		a := ours()
		time.Sleep(50 * time.Millisecond)
		b, err := torch.round(w.Name, length)
		if err != nil {
			return comparison{}, err
		}
		g, t, r = append(g, a), append(t, b), append(r, a/b)
	}
	slices.Sort(g)
	slices.Sort(t)
	slices.Sort(r)
	return comparison{w.Name, w.Unit, g[rounds/2], t[rounds/2], r[rounds/2], r[0], r[rounds-1]}, nil
}

// peer is the Python process.
type peer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	version string
}

func start(python, script string, threads int) (*peer, error) {
	cmd := exec.Command(python, script, strconv.Itoa(threads))
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS="+strconv.Itoa(threads))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &peer{cmd: cmd, in: in, out: bufio.NewReader(out)}
	p.version, err = p.out.ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		return nil, fmt.Errorf("%s %s didn't start (does that Python have torch?): %w", python, script, err)
	}
	p.version = strings.TrimSpace(p.version)
	return p, nil
}

func (p *peer) round(name string, length time.Duration) (float64, error) {
	if _, err := fmt.Fprintln(p.in, name, length.Seconds()); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

func (p *peer) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
