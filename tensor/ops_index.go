package tensor

import (
	"slices"
	"strconv"

	"github.com/gradus-ml/gradus/internal/cpu"
	"github.com/gradus-ml/gradus/internal/par"
)

// Reading and writing at indices. Indices are Int64 (other integers are
// converted), from 0 on, and are checked before they are used. Where several name one place, sums are
// added in the order of the indices.

var opGather, opScatter, opScatterAdd, opIndexSelect, opIndexAdd, opOneHot *Op

// middle splits shape around an axis: the elements are an array [outer, n, inner].
func middle(shape []int, axis int) (outer, n, inner int) {
	return numel(shape[:axis]), shape[axis], numel(shape[axis+1:])
}

// checkIndices returns an error for the first index outside of [0, n), which what names.
func checkIndices(index *Tensor, n int, what func() string) error {
	values, block := packed[int64](index)
	defer block.Free()
	for i, v := range values {
		if v < 0 || v >= int64(n) {
			at := make([]int, len(index.shape))
			for a := len(at) - 1; a >= 0; a-- {
				at[a] = i % index.shape[a]
				i /= index.shape[a]
			}
			return reject("", "index %d at %v is outside of %s (allowed: 0 to %d)", v, at, what(), n-1)
		}
	}
	return nil
}

// asIndex returns index as Int64.
func asIndex(op string, index *Tensor) *Tensor {
	index.alive(op)
	if index.dtype.IsFloat() || index.dtype == Bool {
		Fail(op, "convert with To(tensor.Int64)", "indices must be integers, got %s %s", index.dtype, index.shapeText())
	}
	return index.To(Int64)
}

// inferAlong is the shape rule of gather, scatter and scatter_add: index has the shape of x but for
// the axis, and src, if there is one, index's shape.
func inferAlong(c *Call) (axis int, err error) {
	x, index := c.In[0], c.In[1]
	axis, err = normAxis(c.Attrs.(int), len(x.shape))
	if err != nil {
		return 0, err
	}
	if index.dtype != Int64 {
		return 0, reject("convert with To(tensor.Int64)", "indices must be int64, got %s", index.dtype)
	}
	same := len(index.shape) == len(x.shape)
	for i := range x.shape {
		same = same && (i == axis || index.shape[i] == x.shape[i])
	}
	if !same {
		return 0, reject("", "indices of shape %s must match %s on every axis but %d", index.shapeText(), x.shapeText(), axis)
	}
	if len(c.In) > 2 {
		src := c.In[2]
		if !src.SameShape(index) {
			return 0, reject("", "source %s and indices %s must have one shape", src.shapeText(), index.shapeText())
		}
		if src.dtype != x.dtype {
			return 0, reject("convert one with To", "expected one data type, got %s and %s", x.dtype, src.dtype)
		}
	}
	return axis, checkIndices(index, x.shape[axis], sizeText(axis, x))
}

func sizeText(axis int, x *Tensor) func() string {
	return func() string { return "axis " + strconv.Itoa(axis) + " of " + x.shapeText() }
}

func init() {
	opGather = define(Op{
		Name:    "gather",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			if _, err := inferAlong(c); err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, c.In[1].shape)
		},
		Kernel: func(c *Call) {
			bySize(c.Out[0].dtype, gatherAlong[uint8], gatherAlong[uint16], gatherAlong[uint32], gatherAlong[uint64])(c)
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{apply(opScatterAdd, c.Attrs, g[0].zerosView(c.In[0].shape), c.In[1], g[0]), nil}
		},
	})
	opScatterAdd = defineAdding("scatter_add", func(c *Call) ([]Spec, error) {
		if _, err := sameFloat(c); err != nil {
			return nil, err
		}
		if _, err := inferAlong(c); err != nil {
			return nil, err
		}
		return one(c.In[0].dtype, c.In[0].shape)
	}, scatterAddAlong[float32], scatterAddAlong[float64], opGather)
	opScatter = define(Op{
		Name:    "scatter",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			if _, err := inferAlong(c); err != nil {
				return nil, err
			}
			return one(c.In[0].dtype, c.In[0].shape)
		},
		Kernel: func(c *Call) {
			copyInto(c.Out[0], c.In[0])
			bySize(c.Out[0].dtype, scatterAlong[uint8], scatterAlong[uint16], scatterAlong[uint32], scatterAlong[uint64])(c)
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			out := []*Tensor{nil, nil, nil}
			if c.Needs(0) {
				out[0] = apply(opScatter, c.Attrs, g[0], c.In[1], g[0].zerosView(c.In[1].shape))
			}
			if c.Needs(2) {
				out[2] = apply(opGather, c.Attrs, g[0], c.In[1])
			}
			return out
		},
	})
	opIndexSelect = define(Op{
		Name:    "index_select",
		Storage: true,
		Infer: func(c *Call) ([]Spec, error) {
			x, index := c.In[0], c.In[1]
			a, err := normAxis(c.Attrs.(int), len(x.shape))
			if err != nil {
				return nil, err
			}
			if index.dtype != Int64 {
				return nil, reject("convert with To(tensor.Int64)", "indices must be int64, got %s", index.dtype)
			}
			if err := checkIndices(index, x.shape[a], sizeText(a, x)); err != nil {
				return nil, err
			}
			return one(x.dtype, slices.Concat(x.shape[:a], index.shape, x.shape[a+1:]))
		},
		Kernel: func(c *Call) {
			bySize(c.Out[0].dtype, selectRows[uint8], selectRows[uint16], selectRows[uint32], selectRows[uint64])(c)
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			return []*Tensor{apply(opIndexAdd, c.Attrs, g[0].zerosView(c.In[0].shape), c.In[1], g[0]), nil}
		},
	})
	opIndexAdd = defineAdding("index_add", func(c *Call) ([]Spec, error) {
		x, index, src := c.In[0], c.In[1], c.In[2]
		if _, err := sameFloat(c); err != nil {
			return nil, err
		}
		a, err := normAxis(c.Attrs.(int), len(x.shape))
		if err != nil {
			return nil, err
		}
		if index.dtype != Int64 {
			return nil, reject("convert with To(tensor.Int64)", "indices must be int64, got %s", index.dtype)
		}
		if want := slices.Concat(x.shape[:a], index.shape, x.shape[a+1:]); !slices.Equal(want, src.shape) || src.dtype != x.dtype {
			return nil, reject("", "expected a source of shape %s %s, got %s %s", ShapeString(want), x.dtype, src.shapeText(), src.dtype)
		}
		if err := checkIndices(index, x.shape[a], sizeText(a, x)); err != nil {
			return nil, err
		}
		return one(x.dtype, x.shape)
	}, addRows[float32], addRows[float64], opIndexSelect)
	opOneHot = define(Op{
		Name:   "one_hot",
		NoGrad: true,
		Infer: func(c *Call) ([]Spec, error) {
			classes := c.Attrs.(int)
			if c.In[0].dtype != Int64 {
				return nil, reject("convert with To(tensor.Int64)", "classes must be int64, got %s", c.In[0].dtype)
			}
			if classes < 1 {
				return nil, reject("", "expected at least one class, got %d", classes)
			}
			if err := checkIndices(c.In[0], classes, func() string { return strconv.Itoa(classes) + " classes" }); err != nil {
				return nil, err
			}
			return one(Float32, append(slices.Clone(c.In[0].shape), classes))
		},
		Kernel: func(c *Call) {
			index, block := packed[int64](c.In[0])
			defer block.Free()
			out, classes := flat[float32](c.Out[0]), c.Attrs.(int)
			clear(out)
			for i, k := range index {
				out[i*classes+int(k)] = 1
			}
		},
	})
}

// defineAdding makes the row of an operation that adds the elements of its third input to a copy of its first, at the
// places that the second names. take is the operation that reads at those places: the third input's gradient.
func defineAdding(name string, infer func(c *Call) ([]Spec, error), f32, f64 func(c *Call), take *Op) *Op {
	return define(Op{
		Name:  name,
		Infer: infer,
		Kernel: func(c *Call) {
			copyInto(c.Out[0], c.In[0])
			if c.Out[0].dtype == Float64 {
				f64(c)
			} else {
				f32(c)
			}
		},
		VJP: func(c *Call, g []*Tensor) []*Tensor {
			out := []*Tensor{g[0], nil, nil}
			if c.Needs(2) {
				out[2] = apply(take, c.Attrs, g[0], c.In[1])
			}
			return out
		},
	})
}

// bySize picks the kernel for elements of d's size.
func bySize(d DType, k1, k2, k4, k8 func(c *Call)) func(c *Call) {
	switch d.Size() {
	case 8:
		return k8
	case 4:
		return k4
	case 2:
		return k2
	}
	return k1
}

func gatherAlong[T any](c *Call) {
	x, blockX := packed[T](c.In[0])
	defer blockX.Free()
	index, blockIndex := packed[int64](c.In[1])
	defer blockIndex.Free()
	axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
	outer, n, inner := middle(c.In[0].shape, axis)
	cpu.GatherAxis(flat[T](c.Out[0]), x, index, outer, n, c.In[1].shape[axis], inner)
}

func scatterAddAlong[T cpu.Float](c *Call) {
	index, blockIndex := packed[int64](c.In[1])
	defer blockIndex.Free()
	src, blockSrc := packed[T](c.In[2])
	defer blockSrc.Free()
	axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
	outer, n, inner := middle(c.In[0].shape, axis)
	cpu.ScatterAddAxis(flat[T](c.Out[0]), src, index, outer, n, c.In[1].shape[axis], inner)
}

func scatterAlong[T any](c *Call) {
	index, blockIndex := packed[int64](c.In[1])
	defer blockIndex.Free()
	src, blockSrc := packed[T](c.In[2])
	defer blockSrc.Free()
	axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
	outer, n, inner := middle(c.In[0].shape, axis)
	along := c.In[1].shape[axis]
	dst := flat[T](c.Out[0])
	par.For(outer, max(1, grain/max(along*inner, 1)), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			for a := range along {
				at := (o*along + a) * inner
				for i, k := range index[at : at+inner] {
					dst[(o*n+int(k))*inner+i] = src[at+i]
				}
			}
		}
	})
}

func selectRows[T any](c *Call) {
	x, blockX := packed[T](c.In[0])
	defer blockX.Free()
	index, blockIndex := packed[int64](c.In[1])
	defer blockIndex.Free()
	axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
	outer, n, inner := middle(c.In[0].shape, axis)
	out, line := flat[T](c.Out[0]), len(index)*inner
	par.For(outer, max(1, grain/max(line, 1)), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			cpu.GatherRows(out[o*line:(o+1)*line], x[o*n*inner:(o+1)*n*inner], index, inner)
		}
	})
}

func addRows[T cpu.Float](c *Call) {
	index, blockIndex := packed[int64](c.In[1])
	defer blockIndex.Free()
	src, blockSrc := packed[T](c.In[2])
	defer blockSrc.Free()
	axis, _ := normAxis(c.Attrs.(int), len(c.In[0].shape))
	outer, n, inner := middle(c.In[0].shape, axis)
	out, line := flat[T](c.Out[0]), len(index)*inner
	par.For(outer, max(1, grain/max(line, 1)), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			cpu.ScatterAddRows(out[o*n*inner:(o+1)*n*inner], src[o*line:(o+1)*line], index, inner)
		}
	})
}

// Gather picks one element of x along axis for each index: for axis 1 of a matrix, out[i, j] = x[i, index[i, j]].
// index has as many axes as x and on the others is no longer than it.
func (x *Tensor) Gather(axis int, index *Tensor) *Tensor {
	x.alive("gather")
	index = asIndex("gather", index)
	a := axisIndex("gather", axis, len(x.shape))
	if len(index.shape) == len(x.shape) {
		for i, n := range index.shape {
			if i != a && n < x.shape[i] {
				x = x.Slice(i, 0, n, 1)
			}
		}
	}
	return apply(opGather, a, x, index)
}

// Scatter returns x with src written at indices along axis: for axis 1 of a matrix, out[i, index[i, j]] = src[i, j]. index and
// src have one shape, that of x but for the axis. Where an index comes twice, the last one counts for the value
// while the gradient of src is right for indices that differ only.
func (x *Tensor) Scatter(axis int, index, src *Tensor) *Tensor {
	return apply(opScatter, axis, x, asIndex("scatter", index), src)
}

// ScatterAdd returns x with src added at indices along axis: for axis 1 of a matrix, out[i, index[i, j]] += src[i, j]. index
// and src have one shape, that of x but for the axis.
func (x *Tensor) ScatterAdd(axis int, index, src *Tensor) *Tensor {
	return apply(opScatterAdd, axis, x, asIndex("scatter_add", index), src)
}

// IndexSelect returns the slices of x at indices along axis, in their order; the axes of index, any
// number, take the place of axis. table.IndexSelect(0, tokens) looks up embeddings: (n, width) and (batch, time) give (batch, time, width).
func (x *Tensor) IndexSelect(axis int, index *Tensor) *Tensor {
	return apply(opIndexSelect, axis, x, asIndex("index_select", index))
}

// IndexAdd returns x with the slices of src added at indices along axis. src has the shape that x.IndexSelect(axis, index) has.
func (x *Tensor) IndexAdd(axis int, index, src *Tensor) *Tensor {
	return apply(opIndexAdd, axis, x, asIndex("index_add", index), src)
}

// OneHot returns Float32 vectors along a new last axis with 1 at the index that x, integers from 0 to classes−1, says.
func (x *Tensor) OneHot(classes int) *Tensor {
	return apply(opOneHot, classes, asIndex("one_hot", x))
}
