package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/gradus-ml/gradus/format"
)

// scan reads a table in two passes: infer finds the kinds of the columns and
// the space they need, fill reads them.
type scan struct {
	cfg     Config
	path    string
	columns []profile
	rows    int
	table   *Table
	samples int // rows that a scikit-learn file announces
}

// profile is what the first pass learns of a column.
type profile struct {
	name             string
	kind             Kind
	numbers, missing int
	bytes            int // in cells that aren't missing
	// The first cell that isn't a number, and the first that is one but not
	// finite (nan, 1e400): the message about it, for if the column turns out to
	// be numeric.
	notNumber, notFinite error
	texts                int
}

var defaultMissing = []string{"", "NA"}

func (s *scan) isMissing(cell []byte) bool {
	list := s.cfg.Missing
	if list == nil {
		list = defaultMissing
	}
	for _, m := range list {
		if string(cell) == m {
			return true
		}
	}
	return false
}

// header reads the lines before the data and names the columns. It leaves the
// reader in front of the first row, or with that row read if it returns true.
func (s *scan) header(r *Reader) (names []string, pending bool, err error) {
	if s.cfg.scikit {
		return s.scikitHeader(r)
	}
	if err := r.next(); err != nil {
		return nil, false, s.early(r, err)
	}
	if s.cfg.NoHeader {
		names := s.cfg.Names
		if names == nil {
			for i := range r.fields {
				names = append(names, strconv.Itoa(i))
			}
		}
		if len(names) != len(r.fields) {
			return nil, false, r.fail(1, 0, fmt.Sprintf("%d fields, as many as Config.Names", len(names)), fmt.Sprint(len(r.fields)), "")
		}
		return names, true, nil
	}
	names, err = s.names(r)
	return names, false, err
}

// early turns an end of file where a row should be into an error.
func (s *scan) early(r *Reader, err error) error {
	if err == io.EOF {
		return r.fail(r.line, 1, "a row", "the end of the file", "")
	}
	return err
}

// names takes the current row as names of columns, which must be there, differ,
// and not all be numbers.
func (s *scan) names(r *Reader) ([]string, error) {
	names := make([]string, len(r.fields))
	seen := make(map[string]int, len(names))
	numbers := 0
	for i := range names {
		cell := r.cell(i)
		if len(cell) == 0 {
			return nil, r.failAt(i, "", "a name for each column", "none for column "+strconv.Itoa(i+1), "name it, or set NoHeader")
		}
		names[i] = string(cell)
		if j, ok := seen[names[i]]; ok {
			return nil, r.failAt(i, "", "each column's name once", fmt.Sprintf("%s for columns %d and %d", format.Quote(names[i]), j+1, i+1), "")
		}
		seen[names[i]] = i
		if _, isNumber := parseNumber(cell); isNumber {
			numbers++
		}
	}
	if numbers == len(names) {
		return nil, r.failAt(0, "", "names of columns", "numbers", "if the file has no header, set NoHeader")
	}
	return names, nil
}

// scikitHeader reads n_samples,n_features,class names… and, if the next row
// isn't numbers, the names of the columns.
func (s *scan) scikitHeader(r *Reader) ([]string, bool, error) {
	if err := r.next(); err != nil {
		return nil, false, s.early(r, err)
	}
	if len(r.fields) < 2 {
		return nil, false, r.failAt(0, "", "n_samples,n_features, the begin of a scikit-learn file", format.Quote(r.cell(0)), "")
	}
	var counts [2]int
	for i := range counts {
		n, err := strconv.Atoi(string(r.cell(i)))
		if err != nil || n < 1 || n > math.MaxInt32 {
			return nil, false, r.failAt(i, "", [...]string{"n_samples", "n_features"}[i]+", an integer from 1 on", format.Quote(r.cell(i)), "")
		}
		counts[i] = n
	}
	s.samples = counts[0]
	var classes []string
	for i := 2; i < len(r.fields); i++ {
		if c := r.cell(i); len(c) > 0 {
			classes = append(classes, string(c))
		}
	}
	s.table = &Table{Path: s.path, Classes: classes}
	r.width = 0 // the first line has a length of its own
	if err := r.next(); err != nil {
		return nil, false, s.early(r, err)
	}
	if len(r.fields) != counts[1]+1 {
		return nil, false, r.failAt(0, "", fmt.Sprintf("%d features and a target, as the first line says", counts[1]), fmt.Sprintf("%d fields", len(r.fields)), "")
	}
	for i := range r.fields {
		if _, isNumber := parseNumber(r.cell(i)); isNumber {
			names := make([]string, len(r.fields))
			for j := range names {
				names[j] = strconv.Itoa(j)
			}
			names[len(names)-1] = "target"
			return names, true, nil
		}
	}
	names, err := s.names(r)
	return names, false, err
}

// each calls row for every row of data.
func (s *scan) each(r *Reader, row func() error) error {
	names, pending, err := s.header(r)
	if err != nil {
		return err
	}
	if s.columns == nil {
		if err := s.begin(r, names); err != nil {
			return err
		}
	} else if len(names) != len(s.columns) {
		return s.changed(r)
	}
	for {
		if !pending {
			if err := r.next(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
		pending = false
		if err := row(); err != nil {
			return err
		}
	}
}

// changed reports that the second pass found another file than the first.
func (s *scan) changed(r *Reader) error {
	return r.fail(r.line, 0, "the same file as a moment ago", "another", "is it being written to?")
}

// begin sets up the columns with the kinds that the caller asks for.
func (s *scan) begin(r *Reader, names []string) error {
	s.columns = make([]profile, len(names))
	known := map[string]bool{}
	for i, name := range names {
		s.columns[i].name = name
		known[name] = true
		if s.cfg.Like != nil {
			if c, err := s.cfg.Like.Find(name); err == nil {
				s.columns[i].kind = c.Kind
			}
		}
		if k, ok := s.cfg.Kinds[name]; ok {
			s.columns[i].kind = k
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Kinds)) {
		if !known[name] {
			return r.fail(1, 0, "a column "+format.Quote(name)+", as Config.Kinds says", "none", "columns of the file: "+format.List(names))
		}
	}
	return nil
}

// infer is the first pass.
func (s *scan) infer(r *Reader) error {
	err := s.each(r, func() error {
		s.rows++
		for i := range s.columns {
			c := &s.columns[i]
			if c.kind == Ignored {
				continue
			}
			if err := s.look(r, c, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.rows == 0 {
		return r.fail(r.line, 1, "a row behind the header", "the end of the file", "")
	}
	if s.samples > 0 && s.rows != s.samples {
		return r.fail(1, 1, fmt.Sprintf("%d rows, as the first line says", s.samples), fmt.Sprint(s.rows), "")
	}
	for i := range s.columns {
		if err := s.columns[i].decide(); err != nil {
			return err
		}
	}
	return nil
}

// look counts one cell, and refuses it if the column is declared numeric and
// the cell isn't a finite number.
func (s *scan) look(r *Reader, c *profile, i int) error {
	cell := r.cell(i)
	if s.isMissing(cell) {
		c.missing++
		return nil
	}
	if c.bytes += len(cell); c.bytes > math.MaxUint32 {
		return r.failAt(i, c.name, "at most 4 GiB of text in a column", "more", "use Reader")
	}
	if c.kind == Categorical {
		return nil
	}
	value, isNumber := parseNumber(cell)
	switch {
	case !isNumber:
		c.texts++
		if c.notNumber == nil {
			c.notNumber = r.failAt(i, c.name, "a number", format.Quote(cell), "declare the column Categorical, or the cell Missing, in Config")
		}
		if c.kind == Numeric {
			return c.notNumber
		}
	case math.IsNaN(value) || math.IsInf(value, 0):
		if c.notFinite == nil {
			c.notFinite = r.failAt(i, c.name, "a finite number", format.Quote(cell), "if it means a missing value, add it to Config.Missing")
		}
		if c.kind == Numeric {
			return c.notFinite
		}
	default:
		c.numbers++
	}
	return nil
}

// decide settles the kind of an Auto column. A column of numbers in which a
// few cells aren't is more likely damaged than categorical.
func (c *profile) decide() error {
	if c.kind != Auto {
		return nil
	}
	switch {
	case c.texts == 0 && c.numbers == 0 && c.notFinite != nil:
		c.kind = Categorical // only words like "nan" and "inf"
	case c.texts == 0 && c.notFinite != nil:
		return c.notFinite
	case c.texts == 0:
		c.kind = Numeric
	case c.numbers >= 19*c.texts:
		var fe *format.Error
		if errors.As(c.notNumber, &fe) {
			fe.Want = fmt.Sprintf("a number, as in %d of %d cells of the column", c.numbers, c.numbers+c.texts)
		}
		return c.notNumber
	default:
		c.kind = Categorical
	}
	return nil
}

// fill is the second pass.
func (s *scan) fill(r *Reader) error {
	t := &Table{Path: s.path, Rows: s.rows, lines: make([]uint32, 0, s.rows)}
	if s.table != nil {
		t.Classes = s.table.Classes
	}
	kept := make([]int, 0, len(s.columns))
	for i := range s.columns {
		p := &s.columns[i]
		c := Column{Name: p.name, Kind: p.kind}
		switch p.kind {
		case Ignored:
			continue
		case Numeric:
			c.Numbers = make([]float64, 0, s.rows)
		case Categorical:
			c.ends, c.text, c.missing = make([]uint32, 0, s.rows), make([]byte, 0, p.bytes), make([]uint64, 0, (s.rows+63)/64)
		}
		kept = append(kept, i)
		t.Columns = append(t.Columns, c)
	}
	err := s.each(r, func() error {
		if len(t.lines) == s.rows {
			return s.changed(r)
		}
		t.lines = append(t.lines, uint32(min(r.fields[0].line, math.MaxUint32)))
		for k, i := range kept {
			if err := s.put(r, &t.Columns[k], i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(t.lines) != s.rows {
		return s.changed(r)
	}
	s.table = t
	return s.checkClasses(r)
}

// put stores one cell.
func (s *scan) put(r *Reader, c *Column, i int) error {
	cell := r.cell(i)
	missing := s.isMissing(cell)
	if c.Kind == Categorical {
		if len(c.text)+len(cell) > math.MaxUint32 {
			return s.changed(r)
		}
		c.addText(cell, missing)
		return nil
	}
	value := math.NaN()
	if !missing {
		v, ok := parseNumber(cell)
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			return s.changed(r)
		}
		value = v
	}
	c.Numbers = append(c.Numbers, value)
	return nil
}

// checkClasses checks that the targets of a scikit-learn file are indices of
// the classes it names.
func (s *scan) checkClasses(r *Reader) error {
	t := s.table
	if len(t.Classes) == 0 {
		return nil
	}
	last := &t.Columns[len(t.Columns)-1]
	for i := range t.Rows {
		k := -1.0
		if last.Kind == Numeric {
			k = last.Numbers[i]
		}
		if !(k >= 0 && k < float64(len(t.Classes)) && k == math.Trunc(k)) {
			got := fmt.Sprint(k)
			if last.Kind != Numeric {
				got = format.Quote(last.Text(i))
			}
			return r.fail(int(t.lines[i]), 0, fmt.Sprintf("a class from 0 to %d in the last column", len(t.Classes)-1), got, "")
		}
	}
	return nil
}

// notFinite are the words that mean a float but not a finite one.
var notFinite = [][]byte{[]byte("nan"), []byte("inf"), []byte("infinity")}

// parseNumber parses a decimal number. It reports true for nan, inf and
// numbers out of range too, with a value that isn't finite, but not for the
// hexadecimal numbers and underscores that Go allows.
func parseNumber(cell []byte) (float64, bool) {
	if len(cell) == 0 || len(cell) > 512 {
		return 0, false
	}
	word := cell
	if word[0] == '+' || word[0] == '-' {
		word = word[1:]
	}
	for _, w := range notFinite {
		if bytes.EqualFold(word, w) {
			return math.NaN(), true
		}
	}
	for _, c := range cell {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return v, true
}
