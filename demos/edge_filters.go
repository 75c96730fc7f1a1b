package demos

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"strings"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/filters"
)

// What the fixed filters make of photographs, and one of them learnt back from a photograph and its edges.
var edgeFilters = Demo{
	Name:    "edge-filters",
	Summary: "edges, blur, sharpening and relief on photographs; then a filter learnt back from what it made",
	Source:  "Ng, Convolutional Neural Networks, week 1; D2L 7.2",
	Files:   "photographs to take in place of its own",
	Run: func(ctx context.Context, e *Env) error {
		photos, err := photographs(ctx, e)
		if err != nil {
			return err
		}
		for _, p := range photos {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := filtered(e, p); err != nil {
				return err
			}
		}
		return learnt(e, photos[0])
	},
}

// photo is a grey picture (1, H, W) from 0 to 1.
type photo struct {
	name string
	x    *tensor.Tensor
}

// photographs reads the user's files, or three photographs of the set "photos".
func photographs(ctx context.Context, e *Env) ([]photo, error) {
	files := e.Files
	if len(files) == 0 {
		const set = "photos"
		var progress func(done, total int64)
		if e.Fetching != nil {
			progress = e.Fetching(set)
		}
		if err := sets.Fetch(ctx, set, progress); err != nil {
			return nil, err
		}
		dir, _, err := sets.Where(set)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"camera.png", "china.jpg", "coins.png"} {
			files = append(files, filepath.Join(dir, name))
		}
	}
	var out []photo
	for _, file := range files {
		im, err := imagefolder.ReadImage(file, imagefolder.Config{Mode: imagefolder.Gray, Background: color.White, Upright: true})
		if err != nil {
			return nil, err
		}
		if im.Width < 8 || im.Height < 8 {
			return nil, fmt.Errorf("%s: %d×%d pixels are too few to show anything; take a picture of at least 8×8", file, im.Width, im.Height)
		}
		name := filepath.Base(file)
		out = append(out, photo{strings.TrimSuffix(name, filepath.Ext(name)), within(im.Tensor(), 320)})
	}
	return out, nil
}

// within shrinks a picture so that its longer side has at most n pixels.
func within(x *tensor.Tensor, n int) *tensor.Tensor {
	h, w := x.Size(1), x.Size(2)
	if long := max(h, w); long > n {
		return imagefolder.Resize(x, max(8, h*n/long), max(8, w*n/long))
	}
	return x
}

// filtered draws what each filter makes of a photograph.
func filtered(e *Env, p photo) error {
	var cells []plot.Cell
	for _, f := range filters.All() {
		cells = append(cells, plot.Cell{Image: show(f.Apply(p.x), f.Signed), Caption: f.Name})
	}
	path := filepath.Join(e.Dir, p.name+".png")
	grid := plot.Grid{Title: "Fixed filters (orange: positive, blue: negative)", Cells: cells, Columns: 4, Size: 160}
	if err := plot.SavePNG(path, grid.Draw()); err != nil {
		return err
	}
	fmt.Fprintln(e.Out, path)
	return nil
}

// show draws a plane (1, H, W): differences in two colours, anything else in grey.
func show(x *tensor.Tensor, signed bool) image.Image {
	v, h, w := tensor.ToSlice[float32](x), x.Size(1), x.Size(2)
	if signed {
		return plot.Diverging(v, h, w)
	}
	return plot.Gray(v, h, w, 0, 1)
}

// learnt finds the Sobel filter again from a photograph and its edges, and draws the kernel on the way.
func learnt(e *Env, p photo) error {
	f := filters.SobelX
	edges := f.Apply(p.x)
	const steps = 50
	var cells []plot.Cell
	var losses plot.Series
	kernel, loss := filters.Learn(p.x, edges, filters.LearnConfig{Steps: steps, Seed: e.Seed, Each: func(step int, loss float64, k *tensor.Tensor) {
		losses.X, losses.Y = append(losses.X, float64(step)), append(losses.Y, loss)
		if step == 0 || step == 1 || step == 2 || step == 4 || step == 8 || step == 16 {
			cells = append(cells, kernelCell(k, fmt.Sprintf("step %d", step)))
		}
	}})
	cells = append(cells, kernelCell(kernel, fmt.Sprintf("step %d", steps)), kernelCell(f.Tensor(tensor.Float32), "Sobel"))
	path := filepath.Join(e.Dir, "learnt.png")
	grid := plot.Grid{Title: "A kernel learnt from " + p.name + " and its vertical edges", Cells: cells, Columns: len(cells), Size: 72}
	if err := plot.SavePNG(path, grid.Draw()); err != nil {
		return err
	}
	curve := filepath.Join(e.Dir, "learnt-loss.png")
	losses.Name = "mean squared error"
	lines := plot.Lines{Title: "Learning the kernel", Panels: []plot.Panel{{X: "step", Y: "loss", LogY: true, Series: []plot.Series{losses}}}}
	if err := plot.SavePNG(curve, lines.Draw()); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "%s\n%s\n\nThe kernel learnt in %d steps (loss %.2g), and the one that drew the edges:\n", path, curve, steps, loss)
	for i, row := range f.Kernel {
		for j := range row {
			fmt.Fprintf(e.Out, "  %6.3f", kernel.At(i, j))
		}
		fmt.Fprint(e.Out, "     ")
		for _, v := range row {
			fmt.Fprintf(e.Out, "  %2.0f", v)
		}
		fmt.Fprintln(e.Out)
	}
	return nil
}

func kernelCell(k *tensor.Tensor, caption string) plot.Cell {
	return plot.Cell{Image: plot.Diverging(tensor.ToSlice[float32](k), k.Size(0), k.Size(1)), Caption: caption}
}
