package table

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/format"
)

// Stream yields a CSV file as batches in the order of its rows, for tables
// larger than memory: it holds one batch at a time. Shuffle the rows of the
// file beforehand.
//
//	sample, err := table.Read("first-rows.csv", table.Config{})
//	enc, err := table.EncoderConfig{Target: "price"}.Fit(sample)
//	source := table.Stream{Path: "all.csv", Encoder: enc, Batch: 256}
//
// X is float32 [n, Encoder.Width()]. Y is the encoder's Target: float32 [n],
// or int64 [n] if Classes are given; nil without a Target.
type Stream struct {
	Path    string
	Config  Config   // how to read it; Kinds and Like don't count
	Encoder *Encoder // fitted on a sample of the rows
	Classes []string // of the target, as Table.Labels returns them; nil for a regression
	Batch   int      // rows in a batch
}

var _ data.Source = Stream{}

// Epoch yields the batches of the file; every epoch is the same.
func (s Stream) Epoch(ctx context.Context, epoch int) iter.Seq2[data.Batch, error] {
	return s.EpochFrom(ctx, epoch, 0)
}

// EpochFrom is [Stream.Epoch] from batch number first on.
func (s Stream) EpochFrom(ctx context.Context, epoch, first int) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		if err := s.run(ctx, first, yield); err != nil {
			yield(data.Batch{}, err)
		}
	}
}

// errStop ends a scan whose consumer has had enough.
var errStop = fmt.Errorf("table: stop")

func (s Stream) run(ctx context.Context, first int, yield func(data.Batch, error) bool) error {
	if s.Batch < 1 || s.Encoder == nil {
		return fmt.Errorf("table: Stream needs an Encoder and a Batch of at least 1, got %d", s.Batch)
	}
	f, _, err := format.Open(readOp, s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	// Nothing is kept, so a compressed file may grow to any size.
	content, _, err := format.Inflate(readOp, s.Path, f, math.MaxInt64-1)
	if err != nil {
		return err
	}
	p := &scan{cfg: s.Config, path: s.Path}
	p.cfg.Like, p.cfg.Kinds = nil, nil
	r := s.Config.reader(content, s.Path)

	var part *Table
	var kept []int // the columns that the encoder wants
	row, begin := 0, 0
	send := func() error {
		batch, err := s.batch(part, begin)
		if err != nil {
			return err
		}
		part = nil
		if !yield(batch, nil) {
			return errStop
		}
		return ctx.Err()
	}
	err = p.each(r, func() error {
		if row++; row <= first*s.Batch {
			return nil
		}
		if part == nil {
			begin = row - 1
			part, kept = s.empty(p.columns)
		}
		part.Rows++
		part.lines = append(part.lines, uint32(min(r.fields[0].line, math.MaxUint32)))
		for k, i := range kept {
			if err := p.parse(r, &part.Columns[k], i); err != nil {
				return err
			}
		}
		if part.Rows == s.Batch {
			return send()
		}
		return nil
	})
	if err == nil && part != nil {
		err = send()
	}
	if err == errStop {
		return nil
	}
	return err
}

// kind returns how a column is to be read.
func (s Stream) kind(name string) Kind {
	for i := range s.Encoder.Features {
		if f := &s.Encoder.Features[i]; f.Column == name {
			return f.Kind
		}
	}
	if name == s.Encoder.Config.Target && name != "" {
		if s.Classes == nil {
			return Numeric
		}
		return Categorical
	}
	return Ignored
}

// empty returns a table of the columns that the encoder wants and their places
// in the file.
func (s Stream) empty(columns []profile) (t *Table, kept []int) {
	t = &Table{Path: s.Path}
	for i, c := range columns {
		if k := s.kind(c.name); k != Ignored {
			t.Columns = append(t.Columns, Column{Name: c.name, Kind: k})
			kept = append(kept, i)
		}
	}
	return t, kept
}

// batch encodes the rows of part, of which the first has the number begin.
func (s Stream) batch(part *Table, begin int) (b data.Batch, err error) {
	if b.X, err = s.Encoder.Apply(part); err != nil {
		return data.Batch{}, err
	}
	if target := s.Encoder.Config.Target; target != "" {
		if s.Classes == nil {
			b.Y, err = part.Floats(target)
		} else {
			b.Y, _, err = part.Labels(target, s.Classes)
		}
		if err != nil {
			return data.Batch{}, err
		}
	}
	b.Index = make([]int, part.Rows)
	for i := range b.Index {
		b.Index[i] = begin + i
	}
	return b, nil
}

// parse stores one cell, or says why it can't.
func (s *scan) parse(r *Reader, c *Column, i int) error {
	if c.Kind == Numeric {
		if err := s.look(r, &profile{name: c.Name, kind: Numeric}, i); err != nil {
			return err
		}
	}
	return s.put(r, c, i)
}

// reader returns a Reader by cfg's settings.
func (cfg *Config) reader(content io.Reader, path string) *Reader {
	r := NewReader(content, path)
	if cfg.Comma != 0 {
		r.Comma = cfg.Comma
	}
	if cfg.MaxField > 0 {
		r.MaxField = cfg.MaxField
	}
	if cfg.MaxColumns > 0 {
		r.MaxColumns = cfg.MaxColumns
	}
	return r
}
