// Package table reads tabular data from CSV files and turns it into matrices
// to train on.
//
//	train, err := table.Read("train.csv", table.Config{})
//	test, err := table.Read("test.csv", table.Config{Like: train})
//	enc, err := table.EncoderConfig{Target: "SalePrice", Drop: []string{"Id"}}.Fit(train)
//	x, err := enc.Apply(train)            // float32 [rows, features]
//	y, err := train.Floats("SalePrice")   // float32 [rows]
//	xTest, err := enc.Apply(test)         // by train's means and categories
//
// A column is numeric or categorical, which [Read] finds out from its cells
// unless told. [Encoder] standardises the former and one-hot encodes the
// latter with what it has learnt from the training table alone. [Stream] and
// [Reader] go through tables larger than memory.
package table

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

// Kind says what a column holds.
type Kind uint8

const (
	// Auto is Numeric if all cells but missing ones are numbers, else
	// Categorical.
	Auto Kind = iota
	// Numeric columns hold finite numbers.
	Numeric
	// Categorical columns hold text.
	Categorical
	// Ignored columns aren't kept.
	Ignored
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"auto", "numeric", "categorical", "ignored"}[k]
}

// Config says how to read a table. Its zero value reads comma-separated text
// whose first line names the columns.
type Config struct {
	// Comma separates fields: ',' if 0.
	Comma byte
	// NoHeader says that the first line is data. The columns are then called
	// by Names, or "0", "1", ….
	NoHeader bool
	Names    []string
	// Missing are the cells that stand for no value: "" and "NA" if nil.
	Missing []string
	// Kinds are the kinds of columns that should not be found out. All must be
	// in the table.
	Kinds map[string]Kind
	// Like is the table of which this one continues the columns, such as the
	// training set of a test set: columns of the same name are of its kind.
	Like *Table
	// MaxField and MaxColumns are limits as in Reader, whose defaults hold if
	// they are 0.
	MaxField, MaxColumns int

	scikit bool // the first line is scikit-learn's
}

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind // Numeric or Categorical
	// Numbers are the cells of a numeric column, NaN where missing.
	Numbers []float64

	// The cells of a categorical column: text[ends[i-1]:ends[i]]. This takes
	// 4 bytes each, a string 16 and an allocation.
	text    []byte
	ends    []uint32
	missing []uint64 // bit i: cell i is missing
}

// Missing reports whether cell i has no value.
func (c *Column) Missing(i int) bool {
	if c.Kind == Numeric {
		return math.IsNaN(c.Numbers[i])
	}
	return c.missing[i/64]>>(i%64)&1 == 1
}

// Text returns cell i of a categorical column, "" if missing.
func (c *Column) Text(i int) string {
	begin := uint32(0)
	if i > 0 {
		begin = c.ends[i-1]
	}
	return string(c.text[begin:c.ends[i]])
}

// Categories returns the distinct cells of a categorical column, sorted,
// without missing ones; at most limit+1 of them, so that a column of names
// doesn't fill the memory.
func (c *Column) Categories(limit int) []string {
	seen := map[string]bool{}
	list := []string{}
	for i := range c.ends {
		if c.Missing(i) {
			continue
		}
		if s := c.Text(i); !seen[s] {
			seen[s] = true
			list = append(list, s)
			if len(list) > limit {
				break
			}
		}
	}
	slices.Sort(list)
	return list
}

func (c *Column) addText(s []byte, missing bool) {
	i := len(c.ends)
	if i%64 == 0 {
		c.missing = append(c.missing, 0)
	}
	if missing {
		c.missing[i/64] |= 1 << (i % 64)
	} else {
		c.text = append(c.text, s...)
	}
	c.ends = append(c.ends, uint32(len(c.text)))
}

// Table is a table in memory.
type Table struct {
	Path    string // where it was read from, for messages
	Rows    int
	Columns []Column
	// Classes are the class names that a scikit-learn file gives, by the
	// number in the last column.
	Classes []string

	lines []uint32 // where each row begins
}

// Read reads the table in the file at path, which may be compressed with gzip.
// It goes through the file twice, first to find the kinds of the columns and
// the space they need.
func Read(path string, cfg Config) (*Table, error) {
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, size, path, cfg)
}

// Decode is [Read] for a file in memory or the like.
func Decode(r io.ReadSeeker, cfg Config) (*Table, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, &format.Error{Op: readOp, Offset: -1, Err: err}
	}
	return read(r, size, "", cfg)
}

// ReadScikit reads one of scikit-learn's data files, such as iris.csv: the
// first line holds the numbers of rows and features and the names of the
// classes, a second line may name the columns, and the last column is the
// target. Columns without names are called "0", "1", … and "target".
func ReadScikit(path string) (*Table, error) { return Read(path, Config{scikit: true}) }

func read(r io.ReadSeeker, size int64, path string, cfg Config) (*Table, error) {
	s := &scan{cfg: cfg, path: path}
	for _, pass := range []func(*Reader) error{s.infer, s.fill} {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, &format.Error{Op: readOp, Path: path, Offset: -1, Err: err}
		}
		content, _, err := format.Inflate(readOp, path, r, format.MaxInflated(size))
		if err != nil {
			return nil, err
		}
		if err := pass(cfg.reader(content, path)); err != nil {
			return nil, err
		}
	}
	return s.table, nil
}

// Find returns the named column.
func (t *Table) Find(name string) (*Column, error) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], nil
		}
	}
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return nil, t.fail(-1, name, "a column of this name", "none", fmt.Sprintf("columns of the table (%d): %s", len(names), format.List(names)), os.ErrNotExist)
}

// fail reports a fault in a row (−1: in none).
func (t *Table) fail(row int, column, want, got, hint string, err error) error {
	e := &format.Error{Op: "use table", Path: t.Path, Entry: column, Offset: -1, Want: want, Got: got, Hint: hint, Err: err}
	if row >= 0 {
		e.Line = int(t.lines[row])
	}
	return e
}

// Select returns a table of the given rows, in their order: for folds and
// splits.
func (t *Table) Select(rows []int) *Table {
	u := &Table{Path: t.Path, Rows: len(rows), Classes: t.Classes, Columns: make([]Column, len(t.Columns)), lines: make([]uint32, len(rows))}
	for i, row := range rows {
		u.lines[i] = t.lines[row]
	}
	for j := range t.Columns {
		from, to := &t.Columns[j], &u.Columns[j]
		to.Name, to.Kind = from.Name, from.Kind
		for _, row := range rows {
			if from.Kind == Numeric {
				to.Numbers = append(to.Numbers, from.Numbers[row])
				continue
			}
			to.addText([]byte(from.Text(row)), from.Missing(row))
		}
	}
	return u
}

// Floats returns a numeric column without missing values as float32 [rows]:
// the target of a regression.
func (t *Table) Floats(name string) (*tensor.Tensor, error) {
	c, err := t.Find(name)
	if err != nil {
		return nil, err
	}
	if c.Kind != Numeric {
		return nil, t.fail(-1, name, "a numeric column", "a "+c.Kind.String()+" one", "use Labels, or set its kind in Config.Kinds", nil)
	}
	values := make([]float32, t.Rows)
	for i, v := range c.Numbers {
		if math.IsNaN(v) {
			return nil, t.fail(i, name, "a value", "a missing one", "a target can't be missing; leave the row out", nil)
		}
		values[i] = float32(v)
	}
	return tensor.FromSlice(values, t.Rows), nil
}

// Labels returns a column as class indices, int64 [rows], and the names of the
// classes: the target of a classification. classes is nil, which takes the
// distinct values in order, or those that an earlier call returned, for a test
// set. Values that are missing or not among classes are refused.
func (t *Table) Labels(name string, classes []string) (*tensor.Tensor, []string, error) {
	c, err := t.Find(name)
	if err != nil {
		return nil, nil, err
	}
	text := c.Text
	if c.Kind == Numeric {
		text = func(i int) string { return fmt.Sprint(c.Numbers[i]) }
		if len(t.Classes) > 0 && c == &t.Columns[len(t.Columns)-1] {
			text = func(i int) string { // the target of a scikit-learn file, checked when read
				return t.Classes[int(c.Numbers[i])]
			}
			if classes == nil {
				classes = t.Classes
			}
		}
	}
	if classes == nil {
		if classes, err = t.classes(c); err != nil {
			return nil, nil, err
		}
	}
	index := make(map[string]int64, len(classes))
	for i, class := range classes {
		index[class] = int64(i)
	}
	labels := make([]int64, t.Rows)
	for i := range labels {
		if c.Missing(i) {
			return nil, nil, t.fail(i, name, "a class", "a missing value", "a target can't be missing; leave the row out", nil)
		}
		k, ok := index[text(i)]
		if !ok {
			return nil, nil, t.fail(i, name, "one of the classes "+format.List(classes), format.Quote(text(i)), "", nil)
		}
		labels[i] = k
	}
	return tensor.FromSlice(labels, t.Rows), slices.Clone(classes), nil
}

// maxClasses bounds what Labels takes for classes; more is likely a number or
// a name.
const maxClasses = 10_000

// classes returns the distinct values of c in order, numbers by value.
func (t *Table) classes(c *Column) (classes []string, err error) {
	if c.Kind == Numeric {
		numbers := slices.Clone(c.Numbers)
		slices.Sort(numbers) // NaNs first
		for _, v := range slices.Compact(numbers) {
			if !math.IsNaN(v) {
				classes = append(classes, fmt.Sprint(v))
			}
			if len(classes) > maxClasses {
				break
			}
		}
	} else {
		classes = c.Categories(maxClasses)
	}
	if len(classes) > maxClasses {
		return nil, t.fail(-1, c.Name, fmt.Sprintf("at most %d classes", maxClasses), "more", "is this a number to be predicted? then use Floats", nil)
	}
	return classes, nil
}
