package tensor

import (
	"fmt"
	"runtime"
	"slices"
)

// Op is one operation: everything the library knows about it in one place.
//
// To add an operation, declare a handle and fill it in an init function (rows
// mention methods that mention rows, which Go rejects in variable
// initialisers), then write the method:
//
//	var opTanh *Op
//
//	func init() { opTanh = define(Op{Name: "tanh", Infer: …, Kernel: …, VJP: …}) }
//
//	// Tanh returns the hyperbolic tangent of each element of x.
//	func (x *Tensor) Tanh() *Tensor { return apply(opTanh, nil, x) }
//
// and give it a row in the test table, which holds its independent oracle, sample
// inputs, and inputs it must reject. The registry test fails if one is missing.
type Op struct {
	Name string

	// Infer is the shape and data type rule, and the only place that rejects
	// inputs. It returns one Spec for each output.
	Infer func(c *Call) ([]Spec, error)

	// Kernel computes c.Out, contiguous tensors of undefined content, from c.In.
	Kernel func(c *Call)

	// View returns other views of c.In[0]'s memory, for operations that move no data.
	View func(c *Call) []*Tensor

	// VJP returns the gradient for each input (nil where there is none, or
	// where c.Needs says it isn't wanted) from the gradients g of the outputs (nil where none
	// arrived). It is written in operations on tensors, so it can be
	// differentiated itself. Without one the gradient comes from Decompose.
	VJP func(c *Call, g []*Tensor) []*Tensor

	// Decompose computes the outputs in simpler operations. It defines what a
	// fused operation means, and how it is differentiated where VJP is missing.
	Decompose func(c *Call) []*Tensor

	// NoGrad marks operations whose outputs don't depend on their inputs smoothly
	// (comparisons, indices): nothing is recorded.
	NoGrad bool

	// Storage marks operations that move elements without computing with them, so that
	// BFloat16 and Float16 needn't be widened.
	Storage bool
}

// Call is one application of an Op.
type Call struct {
	Op    *Op
	Attrs any // parameters that aren't tensors; their type belongs to the op
	In    []*Tensor
	Out   []*Tensor

	versions []uint32 // of the inputs' and outputs' buffers, when recorded
	needs    []bool   // during VJP: which inputs' gradients are wanted

	room struct { // for Out, versions and needs of most calls, so that they need no memory of their own
		out      [1]*Tensor
		versions [4]uint32
		needs    [4]bool
	}
}

// slice returns room if it has n elements, else a new slice.
func slice[T any](room []T, n int) []T {
	if n <= len(room) {
		return room[:n:n]
	}
	return make([]T, n)
}

// Needs reports, inside VJP, whether the gradient of input i is wanted.
func (c *Call) Needs(i int) bool { return c.needs == nil || c.needs[i] }

// ops lists all operations by name. It is filled by init functions and constant afterwards.
var ops = map[string]*Op{}

// define adds an operation to the table.
func define(op Op) *Op {
	if ops[op.Name] != nil {
		panic("tensor: operation defined twice: " + op.Name)
	}
	ops[op.Name] = &op
	return &op
}

// Ops returns the names of all operations, sorted.
func Ops() []string {
	names := make([]string, 0, len(ops))
	for n := range ops {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// apply runs an operation with one output.
func apply(op *Op, attrs any, in ...*Tensor) *Tensor { return applyAll(op, attrs, in)[0] }

// applyAll is the one door: it checks, runs and records an operation.
func applyAll(op *Op, attrs any, in []*Tensor) []*Tensor {
	var scope *Scope
	tracked, half := false, false
	for _, t := range in {
		t.alive(op.Name)
		scope = inner(scope, t.scope)
		tracked = tracked || t.tracked()
		half = half || t.dtype.isHalf()
	}
	if half && !op.Storage {
		return applyHalf(op, attrs, in)
	}
	c := &Call{Op: op, Attrs: attrs, In: in}
	c.run(scope)
	runtime.KeepAlive(in)
	if tracked && !op.NoGrad {
		c.record()
	}
	return c.Out
}

// run checks the inputs and computes the outputs.
func (c *Call) run(scope *Scope) {
	op := c.Op
	var specs []Spec
	if op.Infer != nil {
		var err error
		if specs, err = op.Infer(c); err != nil {
			fail(op.Name, err)
		}
	}
	switch {
	case op.View != nil:
		c.Out = op.View(c)
		for _, v := range c.Out {
			v.scope = scope
		}
	case op.Kernel != nil:
		c.Out = slice(c.room.out[:], len(specs))
		for i, s := range specs {
			c.Out[i] = newTensor(s, scope)
		}
		op.Kernel(c)
	default:
		c.decompose(scope)
	}
}

// decompose computes the outputs of an operation without a kernel, and keeps nothing of what it computes on the way.
func (c *Call) decompose(scope *Scope) {
	within := scope.child()
	defer within.Release()
	plain := &Call{Op: c.Op, Attrs: c.Attrs}
	for _, t := range c.In {
		x := t.alias()
		x.scope = within
		plain.In = append(plain.In, x)
	}
	for _, y := range c.Op.Decompose(plain) {
		if y.tracked() {
			Fail(c.Op.Name, "pass them among its inputs", "the function uses tensors that require gradients and aren't its inputs: none would reach them")
		}
		out := newTensor(Spec{y.dtype, y.shape}, scope)
		copyInto(out, y)
		c.Out = append(c.Out, out)
	}
}

// record makes the float outputs remember the call.
func (c *Call) record() {
	n := &node{call: c}
	c.versions = slice(c.room.versions[:], len(c.In)+len(c.Out))
	for i, t := range c.In {
		c.versions[i] = t.buf.version
	}
	for i, t := range c.Out {
		c.versions[len(c.In)+i] = t.buf.version
		if t.dtype.IsFloat() {
			t.node, t.output = n, int32(i)
		}
	}
}

// applyHalf computes in Float32 and rounds the float outputs back.
func applyHalf(op *Op, attrs any, in []*Tensor) []*Tensor {
	wide := make([]*Tensor, len(in))
	back, hasWide := BFloat16, false
	for i, t := range in {
		wide[i] = t
		if t.dtype.isHalf() {
			back = t.dtype
			wide[i] = t.To(Float32)
		} else if t.dtype == Float32 || t.dtype == Float64 {
			hasWide = true
		}
	}
	out := applyAll(op, attrs, wide)
	if hasWide {
		return out
	}
	rounded := make([]*Tensor, len(out))
	for i, t := range out {
		rounded[i] = t
		if t.dtype == Float32 {
			rounded[i] = t.To(back)
		}
	}
	return rounded
}

// tracked reports whether operations on t are recorded.
func (t *Tensor) tracked() bool { return t.leaf || t.node != nil }

func detachAll(ts []*Tensor) []*Tensor { return detachInto(make([]*Tensor, len(ts)), ts) }

func detachInto(out, ts []*Tensor) []*Tensor {
	for i, t := range ts {
		out[i] = t
		if t.tracked() {
			out[i] = t.alias()
		}
	}
	return out
}

// changed returns an error if an input or output was overwritten since the call was recorded.
func (c *Call) changed() error {
	for i, t := range c.In {
		if t.buf.version != c.versions[i] {
			return reject("clone the tensor before writing into it, or call Backward first",
				"input %d %s of %s was written in place after it was used, so its gradient can't be computed", i, t.shapeText(), c.Op.Name)
		}
	}
	for i, t := range c.Out {
		if t.buf.version != c.versions[len(c.In)+i] {
			return reject("clone the tensor before writing into it, or call Backward first",
				"the result %s of %s was written in place, so its gradient can't be computed", t.shapeText(), c.Op.Name)
		}
	}
	return nil
}

// sameFloat is the Infer of elementwise operations on one float tensor.
func sameFloat(c *Call) ([]Spec, error) {
	x := c.In[0]
	if !x.dtype.IsFloat() {
		return nil, reject("convert with To(tensor.Float32)", "expected a float tensor, got %s %s", x.dtype, x.shapeText())
	}
	return []Spec{{x.dtype, x.shape}}, nil
}

// alikeFloats is the Infer of elementwise operations on float tensors of one shape and data type.
func alikeFloats(c *Call) ([]Spec, error) {
	for _, x := range c.In[1:] {
		if !x.SameShape(c.In[0]) || x.dtype != c.In[0].dtype {
			return nil, reject("", "inputs must have one shape and data type, got %s %s and %s %s", c.In[0].dtype, c.In[0].shapeText(), x.dtype, x.shapeText())
		}
	}
	return sameFloat(c)
}

// sameNumber is the Infer of elementwise operations on one tensor of numbers.
func sameNumber(c *Call) ([]Spec, error) {
	x := c.In[0]
	if x.dtype == Bool {
		return nil, reject("convert with To", "expected numbers, got bool %s", x.shapeText())
	}
	return []Spec{{x.dtype, x.shape}}, nil
}

// one wraps a Spec as Infer returns it.
func one(d DType, shape []int) ([]Spec, error) { return []Spec{{d, shape}}, nil }

// String names the operation and its inputs, for messages and graphs.
func (c *Call) String() string {
	s := c.Op.Name + "("
	for i, t := range c.In {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(t.dtype) + ShapeString(t.shape)
	}
	return s + ")"
}
