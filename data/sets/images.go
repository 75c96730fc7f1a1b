package sets

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/digits"
	"github.com/gradus-ml/gradus/data/idx"
	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/tensor"
)

// images is a data set of images that lie in memory as bytes.
type images struct {
	pixels []uint8 // N·channels·height·width
	labels []uint16
	shape  []int // channels, height, width
	// A byte v of channel c stands for (v − shift[c])·scale[c].
	shift, scale []float32
}

var _ data.Dataset = (*images)(nil)

func (s *images) Len() int { return len(s.labels) }

// String tells how many images there are, and of what shape.
func (s *images) String() string {
	return fmt.Sprintf("%d images %s", len(s.labels), tensor.ShapeString(s.shape))
}

// Labels returns the class of each image.
func (s *images) Labels() []int {
	out := make([]int, len(s.labels))
	for i, l := range s.labels {
		out[i] = int(l)
	}
	return out
}

func (s *images) Batch(d data.Draw) (data.Batch, error) {
	n := len(d.Index)
	plane := s.shape[1] * s.shape[2]
	size := s.shape[0] * plane
	b := data.Batch{
		X:     d.Scope.Empty(tensor.Float32, n, s.shape[0], s.shape[1], s.shape[2]),
		Y:     d.Scope.Empty(tensor.Int64, n),
		Index: d.Index,
	}
	x, y := tensor.MutableData[float32](b.X), tensor.MutableData[int64](b.Y)
	for i, at := range d.Index {
		y[i] = int64(s.labels[at])
		for c := range s.shape[0] {
			cpu.ScaleBytes(x[i*size+c*plane:][:plane], s.pixels[at*size+c*plane:][:plane], s.shift[c], s.scale[c])
		}
	}
	return b, nil
}

// finish makes data sets of training and test images.
func (set *Set) finish(train, test *images, cfg Config) {
	set.Mean, set.Std = train.moments()
	for c := range train.shape[0] {
		shift, scale := 0.0, 1.0/255
		if cfg.Standardize {
			shift, scale = 255*set.Mean[c], 1/(255*set.Std[c])
		}
		train.shift, train.scale = append(train.shift, float32(shift)), append(train.scale, float32(scale))
	}
	test.shift, test.scale = train.shift, train.scale
	set.Train, set.Test = train, test
	set.TrainSize, set.TestSize = train.Len(), test.Len()
}

// moments returns mean and standard deviation of each channel on the scale 0 to 1; a deviation of 0 is given as 1. Sums of bytes are exact.
func (s *images) moments() (mean, std []float64) {
	plane := s.shape[1] * s.shape[2]
	// Neighbours, which are often equal, are counted apart: adding to one count again and again would wait for the memory each time.
	counts := make([][4][256]uint64, s.shape[0])
	for i := 0; i < len(s.pixels); i += plane {
		count := &counts[i/plane%s.shape[0]]
		row := s.pixels[i : i+plane]
		for ; len(row) >= 4; row = row[4:] {
			count[0][row[0]]++
			count[1][row[1]]++
			count[2][row[2]]++
			count[3][row[3]]++
		}
		for _, v := range row {
			count[0][v]++
		}
	}
	for _, count := range counts {
		var n, sum, squares float64
		for v := range 256 {
			k := float64(count[0][v] + count[1][v] + count[2][v] + count[3][v])
			n += k
			sum += k * float64(v)
			squares += k * float64(v*v)
		}
		m := sum / n
		deviation := math.Sqrt(math.Max(squares/n-m*m, 0)) / 255
		if deviation == 0 {
			deviation = 1
		}
		mean, std = append(mean, m/255), append(std, deviation)
	}
	return mean, std
}

// wide returns labels of a byte each as they are kept.
func wide(labels []uint8) []uint16 {
	out := make([]uint16, len(labels))
	for i, l := range labels {
		out[i] = uint16(l)
	}
	return out
}

// openDigits generates the set.
func openDigits(e *entry, set *Set, _ string, cfg Config) error {
	train, test := &images{shape: e.Shape}, &images{shape: e.Shape}
	generate := func(to *images, first, n int) {
		pixels, labels := digits.Generate(cfg.Seed, first, n)
		to.pixels, to.labels = pixels, wide(labels)
	}
	generate(train, 0, e.TrainSize)
	generate(test, digits.TestFrom, e.TestSize)
	set.finish(train, test, cfg)
	return nil
}

// openIDX reads MNIST and its successors.
func openIDX(e *entry, set *Set, dir string, cfg Config) error {
	var parts []*images
	for i := 0; i < len(e.files); i += 2 {
		path := filepath.Join(dir, e.files[i].path)
		x, y, err := idx.ReadPair(path, filepath.Join(dir, e.files[i+1].path), len(e.Classes))
		if err != nil {
			return err
		}
		if !slices.Equal(x.Shape[1:], e.Shape[1:]) || x.Shape[0] == 0 {
			return &format.Error{Op: "read IDX", Path: path, Offset: 4, Want: fmt.Sprintf("images of %d×%d pixels", e.Shape[1], e.Shape[2]), Got: fmt.Sprintf("dimensions %v", x.Shape)}
		}
		parts = append(parts, &images{pixels: x.Data, labels: wide(y.Data), shape: e.Shape})
	}
	set.finish(parts[0], parts[1], cfg)
	return nil
}

// openCIFAR reads CIFAR-10's binary files; the last one is the test set.
func openCIFAR(e *entry, set *Set, dir string, cfg Config) error {
	train, test := &images{shape: e.Shape}, &images{shape: e.Shape}
	for i, f := range e.files {
		to := train
		if i == len(e.files)-1 {
			to = test
		}
		if err := to.readCIFAR(filepath.Join(dir, filepath.FromSlash(f.path)), len(e.Classes)); err != nil {
			return err
		}
	}
	set.finish(train, test, cfg)
	return nil
}

const readCIFAROp = "read CIFAR-10"

// readCIFAR appends the records of a file: a label and the planes of red, green and blue, a byte each.
func (s *images) readCIFAR(path string, classes int) error {
	f, length, err := format.Open(readCIFAROp, path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.decodeCIFAR(f, length, path, classes)
}

// decodeCIFAR appends the records of r, which is length bytes long.
func (s *images) decodeCIFAR(from io.Reader, length int64, path string, classes int) error {
	size := s.shape[0] * s.shape[1] * s.shape[2]
	n := int(length) / (size + 1)
	if length == 0 || int64(n)*int64(size+1) != length || length > 1<<30 {
		return &format.Error{Op: readCIFAROp, Path: path, Offset: -1, Want: fmt.Sprintf("records of %d bytes", size+1), Got: fmt.Sprintf("a file of %d bytes", length), Hint: "the download may be incomplete, or of CIFAR's version for Python or Matlab"}
	}
	s.pixels, s.labels = slices.Grow(s.pixels, n*size), slices.Grow(s.labels, n)
	r := bufio.NewReaderSize(from, 1<<16)
	record := make([]byte, size+1)
	for i := range n {
		at := int64(i) * int64(size+1)
		if _, err := io.ReadFull(r, record); err != nil {
			return &format.Error{Op: readCIFAROp, Path: path, Offset: at, Err: err}
		}
		if int(record[0]) >= classes {
			return &format.Error{Op: readCIFAROp, Path: path, Offset: at, Want: fmt.Sprintf("a label from 0 to %d", classes-1), Got: fmt.Sprint(record[0])}
		}
		s.labels = append(s.labels, uint16(record[0]))
		s.pixels = append(s.pixels, record[1:]...)
	}
	return nil
}
