package table

import (
	"fmt"
	"math"
	"slices"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

// Unseen says what to do with a category that the training table doesn't have.
type Unseen uint8

const (
	// UnseenError refuses it.
	UnseenError Unseen = iota
	// UnseenZeros encodes it as zeros: none of the known categories.
	UnseenZeros
)

// EncoderConfig says how tables become matrices. The zero value standardises
// every numeric column and one-hot encodes every categorical one.
type EncoderConfig struct {
	// Target is the column to be predicted; it is no feature. It may be missing
	// from tables that are only predicted on.
	Target string
	// Drop are columns that are no features, such as numbers of rows.
	Drop []string
	// KeepScale leaves numbers as they are instead of standardising them.
	// Missing ones become the mean all the same.
	KeepScale bool
	// Unseen is what happens to categories that appear after Fit.
	Unseen Unseen
	// MaxCategories bounds the categories of a column, so that a column of
	// names isn't taken for a feature: 1,000 if 0.
	MaxCategories int
}

// Feature is how one column is encoded.
type Feature struct {
	Column string
	Kind   Kind
	// Mean and Std (of the population, 1 if all cells are equal) are those of
	// a numeric column's present cells in the training table.
	Mean, Std float64
	// Categories are a categorical column's in the training table, sorted: one
	// column of the matrix each.
	Categories []string
	// Missing says that the training table misses some cells of this
	// categorical column: one more column of the matrix marks them.
	Missing bool
}

// Encoder turns tables into matrices. What it knows (means, categories) comes
// from the table it was fitted on alone, and encodes any other the same way.
// Its fields may be stored as JSON beside a model.
type Encoder struct {
	Config   EncoderConfig
	Features []Feature
}

// Fit learns the encoding of t's columns.
func (cfg EncoderConfig) Fit(t *Table) (*Encoder, error) {
	most := cfg.MaxCategories
	if most == 0 {
		most = 1000
	}
	drop := slices.Clone(cfg.Drop)
	if cfg.Target != "" {
		drop = append(drop, cfg.Target)
	}
	for _, name := range drop {
		if _, err := t.Find(name); err != nil {
			return nil, err
		}
	}
	e := &Encoder{Config: cfg}
	for i := range t.Columns {
		c := &t.Columns[i]
		if slices.Contains(drop, c.Name) {
			continue
		}
		f := Feature{Column: c.Name, Kind: c.Kind, Std: 1}
		if c.Kind == Numeric {
			f.Mean, f.Std = moments(c.Numbers)
		} else {
			f.Categories = c.Categories(most)
			if len(f.Categories) > most {
				return nil, t.fail(-1, c.Name, fmt.Sprintf("at most %d categories", most), "more", "drop the column, or raise MaxCategories", nil)
			}
			for row := range t.Rows {
				f.Missing = f.Missing || c.Missing(row)
			}
		}
		e.Features = append(e.Features, f)
	}
	return e, nil
}

// moments returns mean and standard deviation of the numbers that aren't NaN
// (Welford, 1962).
func moments(x []float64) (mean, std float64) {
	n, sum := 0.0, 0.0
	for _, v := range x {
		if math.IsNaN(v) {
			continue
		}
		n++
		d := v - mean
		mean += d / n
		sum += d * (v - mean)
	}
	if n == 0 || sum == 0 {
		return mean, 1
	}
	return mean, math.Sqrt(sum / n)
}

func (f *Feature) width() int {
	if f.Kind == Numeric {
		return 1
	}
	if f.Missing {
		return len(f.Categories) + 1
	}
	return len(f.Categories)
}

// Width returns the columns of the matrix.
func (e *Encoder) Width() int {
	n := 0
	for i := range e.Features {
		n += e.Features[i].width()
	}
	return n
}

// Names returns a name for each column of the matrix: "LotArea", "Street=Pave",
// "Alley=NA" for missing.
func (e *Encoder) Names() []string {
	names := make([]string, 0, e.Width())
	for _, f := range e.Features {
		if f.Kind == Numeric {
			names = append(names, f.Column)
			continue
		}
		for _, c := range f.Categories {
			names = append(names, f.Column+"="+c)
		}
		if f.Missing {
			names = append(names, f.Column+"=NA")
		}
	}
	return names
}

// Apply returns the features of t as float32 [rows, Width]. Missing numbers
// become the training table's mean, which standardisation makes 0. Columns
// that t has beyond the encoder's are left out; ones that it lacks are refused,
// all named at once.
func (e *Encoder) Apply(t *Table) (*tensor.Tensor, error) {
	columns, err := e.columns(t)
	if err != nil {
		return nil, err
	}
	width := e.Width()
	if n, ok := format.Count([]int{t.Rows, width}); !ok || n > math.MaxInt/8 {
		return nil, t.fail(-1, "", "a matrix that fits in memory", fmt.Sprintf("%d rows of %d features", t.Rows, width), "", nil)
	}
	x := tensor.Zeros(tensor.Float32, t.Rows, width)
	m := tensor.MutableData[float32](x)
	at := 0
	for i := range e.Features {
		f := &e.Features[i]
		if f.Kind == Numeric {
			f.numbers(columns[i], m, at, width, e.Config.KeepScale)
		} else if err := e.oneHot(t, f, columns[i], m, at, width); err != nil {
			return nil, err
		}
		at += f.width()
	}
	return x, nil
}

// columns finds the column of each feature in t.
func (e *Encoder) columns(t *Table) ([]*Column, error) {
	columns := make([]*Column, len(e.Features))
	var lacking []string
	for i, f := range e.Features {
		c, err := t.Find(f.Column)
		if err != nil {
			lacking = append(lacking, f.Column)
			continue
		}
		if c.Kind != f.Kind {
			return nil, t.fail(-1, f.Column, "a "+f.Kind.String()+" column, as in the training table", "a "+c.Kind.String()+" one", "read the table with Config.Like", nil)
		}
		columns[i] = c
	}
	if lacking != nil {
		return nil, t.fail(-1, "", "the columns that the encoder was fitted on", fmt.Sprintf("a table without %d of them: %s", len(lacking), format.List(lacking)), "", nil)
	}
	return columns, nil
}

// numbers writes a numeric column into column at of the matrix m.
func (f *Feature) numbers(c *Column, m []float32, at, width int, keepScale bool) {
	for row, v := range c.Numbers {
		if math.IsNaN(v) {
			v = f.Mean
		}
		if !keepScale {
			v = (v - f.Mean) / f.Std
		}
		m[row*width+at] = float32(v)
	}
}

// oneHot writes a categorical column into the columns of m from at on, which
// hold zeros.
func (e *Encoder) oneHot(t *Table, f *Feature, c *Column, m []float32, at, width int) error {
	index := make(map[string]int, len(f.Categories))
	for i, s := range f.Categories {
		index[s] = i
	}
	for row := range c.ends {
		if c.Missing(row) {
			if f.Missing {
				m[row*width+at+len(f.Categories)] = 1
			}
			continue
		}
		s := c.Text(row)
		k, ok := index[s]
		if ok {
			m[row*width+at+k] = 1
		} else if e.Config.Unseen == UnseenError {
			return t.fail(row, c.Name, fmt.Sprintf("one of the training table's %d categories (%s)", len(f.Categories), format.List(f.Categories)), format.Quote(s), "set EncoderConfig.Unseen to UnseenZeros to allow it", nil)
		}
	}
	return nil
}
