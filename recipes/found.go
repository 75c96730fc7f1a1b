package recipes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gradus-ml/gradus/data/coco"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/internal/atomicfile"
	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/plot"
	"github.com/gradus-ml/gradus/tensor"
	"github.com/gradus-ml/gradus/vision/box"
	"github.com/gradus-ml/gradus/vision/detection"
)

// detector finds objects in an image (3, H, W) from 0 to 1, of any size, with a score of at least the given one; boxes are in its pixels.
type detector func(x *tensor.Tensor, score float64) []box.Object

// judgeDetector measures a detector on the test images as they are, and draws what it finds in some of them beside what is there, and the
// curves of precision over recall. All finds go to detections.json as COCO's tools take them; there the first test image and the first class are
// number 1.
func (r *Run) judgeDetector(ctx context.Context, find detector) (map[string]float64, error) {
	ap := detection.NewAP(r.Set.Classes)
	var all [][]box.Object
	var results []coco.Result
	numbers := make([]int64, len(r.Set.Classes))
	for c := range numbers {
		numbers[c] = int64(c + 1)
	}
	for i, s := range r.Set.TestScenes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		im, err := s.Open()
		if err != nil {
			return nil, err
		}
		found := find(im.Tensor(), detection.MeasureScore)
		ap.Add(s.Objects, found)
		all = append(all, found)
		results = append(results, coco.Results(int64(i+1), found, numbers)...)
	}
	if err := coco.WriteResults(filepath.Join(r.Dir, "detections.json"), results); err != nil {
		return nil, err
	}
	result := ap.Result()
	fmt.Fprintf(r.Out, "\n%v\n", result)
	if err := plot.SavePNG(filepath.Join(r.Dir, "precision_recall.png"), result.Curves().Draw()); err != nil {
		return nil, err
	}
	if err := r.drawFinds(r.Set.TestScenes, all); err != nil {
		return nil, err
	}
	return result.Figures(), nil
}

// sureScore is the score from which on finds are shown to people.
const sureScore = 0.3

// sure returns the finds to be shown.
func sure(found []box.Object) []box.Object {
	var out []box.Object
	for _, o := range found {
		if o.Score >= sureScore {
			out = append(out, o)
		}
	}
	return out
}

// drawFinds draws what is in the first scenes and what was found there, side by side.
func (r *Run) drawFinds(scenes []scene.Scene, found [][]box.Object) error {
	var cells []plot.Cell
	for i, s := range scenes[:min(6, len(scenes))] {
		im, err := s.Open()
		if err != nil {
			return err
		}
		shown := sure(found[i])
		name := filepath.Base(s.Name)
		cells = append(cells,
			plot.Cell{Image: r.boxed(im, s.Objects, 0.75), Caption: fmt.Sprintf("%s: %d marked", name, len(s.Objects))},
			plot.Cell{Image: r.boxed(im, shown, 0.75), Caption: fmt.Sprintf("%d found", len(shown))})
	}
	grid := plot.Grid{Title: "Test images: what is marked, and what was found", Cells: cells, Columns: 4, Size: 240}
	return plot.SavePNG(filepath.Join(r.Dir, "detections.png"), grid.Draw())
}

// boxColours are those of the classes: bright ones, since photographs are darker than paper.
var boxColours = []color.Color{plot.Orange, plot.Sky, plot.Yellow, plot.Green, plot.Vermillion, plot.Purple, plot.Blue}

// boxed draws an image with boxes, each with its class and, for finds, score.
func (r *Run) boxed(im *imagefolder.Image, objects []box.Object, scale float64) image.Image {
	p := plot.Boxes{Image: r.photo(im.Tensor()), Scale: scale}
	// The best last, over the others.
	for _, o := range slices.Backward(slices.SortedStableFunc(slices.Values(objects), func(a, b box.Object) int { return cmp.Compare(b.Score, a.Score) })) {
		text := r.Set.Classes[o.Class]
		if o.Score < 1 {
			text += fmt.Sprintf(" %.2f", o.Score)
		}
		p.Boxes = append(p.Boxes, plot.Labelled{X1: o.Box.X1, Y1: o.Box.Y1, X2: o.Box.X2, Y2: o.Box.Y2, Text: text, Color: boxColours[o.Class%len(boxColours)]})
	}
	return p.Draw()
}

// Detections is what a detector finds in one picture.
type Detections struct {
	File    string     `json:"file"`
	Width   int        `json:"width"` // of the picture, in pixels
	Height  int        `json:"height"`
	Objects []Detected `json:"objects"` // with a score of 0.3 and more, the surest first
	// Doubtful is the surest find if its score is lower, so that nothing is in Objects.
	Doubtful *Detected `json:"doubtful,omitempty"`
	Picture  string    `json:"picture"` // where the picture with boxes is
}

// Detected is one object that was found.
type Detected struct {
	Class string     `json:"class"`
	Score float64    `json:"score"`
	Box   [4]float64 `json:"box"` // x1, y1, x2, y2 in pixels of the picture
}

// String says how many of each class there are.
func (d Detections) String() string {
	counts := map[string]int{}
	var names []string
	for _, o := range d.Objects {
		if counts[o.Class]++; counts[o.Class] == 1 {
			names = append(names, o.Class)
		}
	}
	slices.Sort(names)
	var parts []string
	for _, n := range names {
		part := fmt.Sprintf("%d %s", counts[n], n)
		if _, err := strconv.Atoi(n); err == nil {
			part = fmt.Sprintf("%d of class %s", counts[n], n) // "1 0" would be a riddle
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
		if o := d.Doubtful; o != nil {
			parts[0] = fmt.Sprintf("nothing sure; the surest, %s, has a score of %.2f", o.Class, o.Score)
		}
	}
	return fmt.Sprintf("%s: %s (%s)", d.File, strings.Join(parts, ", "), d.Picture)
}

// detectIn finds the objects in the picture in file. The picture with boxes goes to dir as NAME.boxes.png, and what was found as NAME.json.
func (r *Run) detectIn(find detector, file, dir string) (Finding, error) {
	im, err := readImage(file, imagefolder.RGB)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, stem(file))
	all := find(im.Tensor(), detection.MeasureScore)
	found := sure(all)
	d := Detections{File: file, Width: im.Width, Height: im.Height, Objects: []Detected{}, Picture: path + ".boxes.png"}
	for _, o := range found {
		d.Objects = append(d.Objects, r.detected(o))
	}
	if len(found) == 0 && len(all) > 0 {
		surest := r.detected(slices.MaxFunc(all, func(a, b box.Object) int { return cmp.Compare(a.Score, b.Score) }))
		d.Doubtful = &surest
	}
	if err := plot.SavePNG(d.Picture, r.boxed(im, found, 0)); err != nil {
		return nil, err
	}
	return d, atomicfile.Write(path+".json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(d)
	})
}

// detected describes a find. Hundredths of a pixel and ten-thousandths of a score are more than anybody needs.
func (r *Run) detected(o box.Object) Detected {
	corners := [4]float64{o.Box.X1, o.Box.Y1, o.Box.X2, o.Box.Y2}
	for i, v := range corners {
		corners[i] = math.Round(v*100) / 100
	}
	return Detected{r.Set.Classes[o.Class], math.Round(o.Score*1e4) / 1e4, corners}
}

// looksOnce is a one-stage detector with a model whose head is last and whose input has height × width pixels.
func looksOnce(model nn.Layer, height, width int) detector {
	head := detection.HeadOf(model)
	return func(x *tensor.Tensor, score float64) []box.Object {
		h, w := float64(x.Size(1)), float64(x.Size(2))
		fit := detection.NewLetterbox(x.Size(1), x.Size(2), height, width)
		out := nn.Eval().Run(model, fit.Image(x).Unsqueeze(0))
		found := fit.From(head.Boxes(out, detection.DetectConfig{Score: score})[0])
		for i := range found {
			found[i].Box = found[i].Box.Clip(w, h)
		}
		return slices.DeleteFunc(found, func(o box.Object) bool { return o.Box.Empty() })
	}
}
