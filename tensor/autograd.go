package tensor

import (
	"slices"
	"sync/atomic"
)

// node is one recorded call: where gradients pass on their way back.
type node struct {
	call  *Call  // nil once the record was used and freed
	layer string // path of the layer that made the call, if it was traced
}

// RequireGrad marks t as a leaf, a tensor whose gradient Backward computes, and returns t. Call it before t is used:
// what was computed from t alone before isn't recorded. It panics if t isn't a float tensor or was itself computed
// from one that is tracked.
func (t *Tensor) RequireGrad() *Tensor {
	t.alive("require grad")
	if !t.dtype.IsFloat() {
		Fail("require grad", "convert with To first", "only float tensors have gradients, this one is %s", t.dtype)
	}
	if t.node != nil {
		Fail("require grad", "call RetainGrad to see the gradient of a computed tensor, or Detach to start anew", "the tensor was computed from tracked ones")
	}
	t.leaf = true
	return t
}

// RequiresGrad reports whether operations on t are recorded for gradients.
func (t *Tensor) RequiresGrad() bool { return t.tracked() }

// IsLeaf reports whether RequireGrad was called on t.
func (t *Tensor) IsLeaf() bool { return t.leaf }

// RetainGrad makes Backward leave the gradient of a computed tensor in it too, and returns t.
func (t *Tensor) RetainGrad() *Tensor {
	t.retain = true
	return t
}

// Grad returns the gradient that Backward has left in t, of t's shape, or nil if there is none. It stays as it is: the next
// Backward leaves another tensor.
func (t *Tensor) Grad() *Tensor {
	g := t.LendGrad()
	if g != nil {
		atomic.StoreUint32(&t.lasting, 1)
	}
	return g
}

// LendGrad is [Tensor.Grad] for those who are done with the gradient before the next Backward, such as
// optimisers: it writes to the same memory again.
func (t *Tensor) LendGrad() *Tensor {
	if t.stale {
		return nil
	}
	return t.grad
}

// SetGrad replaces the gradient of t; nil removes it. g's memory isn't written to: the next Backward puts the sum elsewhere. It
// panics if the shapes differ.
func (t *Tensor) SetGrad(g *Tensor) {
	if g != nil && !g.SameShape(t) {
		Fail("set grad", "", "the gradient of a tensor %s must have its shape, got %s", t.shapeText(), g.shapeText())
	}
	t.grad, t.stale, t.ownsGrad = g, false, false
}

// ZeroGrad forgets the gradient of t. Its memory is kept for the next one.
func (t *Tensor) ZeroGrad() { t.stale = t.grad != nil }

// BackwardConfig says how gradients are computed. The zero value does what [Tensor.Backward] does.
type BackwardConfig struct {
	// Gradient is the gradient of the result itself, of its shape. Nil means 1, which needs a scalar.
	Gradient *Tensor
	// Retain keeps the record, so that gradients can be computed from it again.
	Retain bool
	// CreateGraph records the computation of the gradients, so that they can be
	// differentiated. It implies Retain.
	CreateGraph bool
}

// Backward computes the gradients of t, a scalar, with respect to all leaves that it was computed from,
// and adds them to what [Tensor.Grad] of each returns. The record of the computation is freed.
func (t *Tensor) Backward() { BackwardWith(BackwardConfig{}, t) }

// BackwardWith is [Tensor.Backward] with options, for one or several results at once (then Gradient must be nil).
func BackwardWith(cfg BackwardConfig, ys ...*Tensor) {
	p := newPass("backward", cfg, ys, nil)
	defer p.close()
	p.run()
}

// GradConfig says how [Grad] computes gradients.
type GradConfig struct {
	BackwardConfig
	// AllowUnused returns nil for an x that y doesn't depend on, instead of panicking.
	AllowUnused bool
}

// Grad returns the gradients of y (a scalar, unless cfg.Gradient is set) with respect to each of xs, leaves or
// tensors on the way. It touches no [Tensor.Grad], so it may run in several goroutines, with Retain on one record too.
func Grad(y *Tensor, xs []*Tensor, cfg GradConfig) []*Tensor {
	for i, x := range xs {
		x.alive("grad")
		if !x.tracked() { // what was computed from it alone isn't recorded: the gradient would lack a part
			Fail("grad", "call RequireGrad on it before computing y", "x number %d %s isn't tracked", i, x.shapeText())
		}
	}
	p := newPass("grad", cfg.BackwardConfig, []*Tensor{y}, xs)
	defer p.close()
	p.run()
	out := make([]*Tensor, len(xs))
	for i, x := range xs {
		first := p.isWanted(x)
		g := p.wanted[i]
		switch {
		case first < i: // x comes twice
			g = out[first]
		case g != nil && p.scope != nil:
			g = p.handOut(g, x.scope)
		}
		if g == nil && !cfg.AllowUnused {
			Fail("grad", "set AllowUnused to get nil", "y doesn't depend on x number %d %s", i, x.shapeText())
		}
		out[i] = g
	}
	return out
}

// gradThrough returns the gradients of ys, given the gradients gs of some of them, with respect to
// xs, nil where there is none.
func gradThrough(ys, gs, xs []*Tensor, create bool) []*Tensor {
	var live, grads []*Tensor
	for i, y := range ys {
		if gs[i] != nil && y.tracked() {
			live, grads = append(live, y), append(grads, gs[i])
		}
	}
	// No scope of its own: what it makes belongs to the scope that gs carry.
	p := &pass{op: "grad", create: create, retain: true, nested: true, index: map[*node]int{}}
	p.want(xs)
	for i, y := range live {
		p.visit(y)
		p.seeds = append(p.seeds, seed{y, grads[i]})
	}
	p.run()
	return p.wanted
}

// A pass walks the record once, from results back to leaves.
type pass struct {
	op     string
	create bool // record what is done
	retain bool // keep the record
	nested bool // inside another pass: don't look behind xs
	scope  *Scope
	seeds  []seed
	order  []*node         // inputs before the nodes that use them
	index  map[*node]int   // place in order; -1 if no wanted tensor lies behind it
	grads  [][]*Tensor     // gradients of the outputs of each node in order
	slab   []*Tensor       // see slots
	place  map[*Tensor]int // what gradients are wanted of, and their place in wanted; nil: all leaves, into their Grad
	wanted []*Tensor
}

type seed struct{ y, g *Tensor }

func newPass(op string, cfg BackwardConfig, ys, xs []*Tensor) *pass {
	p := &pass{op: op, create: cfg.CreateGraph, retain: cfg.Retain || cfg.CreateGraph, index: map[*node]int{}}
	if op == "grad" {
		p.want(xs)
	}
	if cfg.Gradient != nil && len(ys) != 1 {
		Fail(op, "", "Gradient goes with one result, got %d", len(ys))
	}
	var outer *Scope
	for _, y := range ys {
		y.alive(op)
		outer = inner(outer, y.scope)
		if !y.tracked() {
			Fail(op, "run the model with nn.Train, not nn.Eval (and don't freeze all of it); of other tensors call RequireGrad",
				"the result %s doesn't depend on any tensor that requires gradients", y.shapeText())
		}
		g := cfg.Gradient
		switch {
		case g == nil && y.NumEl() != 1:
			Fail(op, "reduce it with Sum or Mean, or set Gradient", "expected a scalar, got shape %s", y.shapeText())
		case g == nil:
			g = y.Detach().OnesLike()
		case !g.SameShape(y):
			Fail(op, "", "Gradient must have the result's shape %s, got %s", y.shapeText(), g.shapeText())
		case g.dtype != y.dtype:
			g = g.To(y.dtype)
		}
		p.seeds = append(p.seeds, seed{y, g})
	}
	if !p.create {
		p.scope = outer.child()
	}
	for _, s := range p.seeds {
		p.visit(s.y)
	}
	return p
}

// want says that gradients of xs are wanted, and no others.
func (p *pass) want(xs []*Tensor) {
	p.place, p.wanted = make(map[*Tensor]int, len(xs)), make([]*Tensor, len(xs))
	for i, x := range xs {
		if _, twice := p.place[x]; !twice {
			p.place[x] = i
		}
	}
}

// isWanted returns the place of t in wanted, or -1.
func (p *pass) isWanted(t *Tensor) int {
	if i, ok := p.place[t]; ok {
		return i
	}
	return -1
}

// visit adds the nodes behind t to the order, inputs first. It reports whether a gradient is wanted
// of t or of anything behind it. The walk is a loop, since records can be
// deeper than a comfortable stack.
func (p *pass) visit(t *Tensor) {
	if t.node == nil {
		return
	}
	type frame struct {
		n    *node
		next int
	}
	if _, seen := p.index[t.node]; seen {
		return
	}
	p.index[t.node] = -1
	stack := append(make([]frame, 0, 16), frame{t.node, 0})
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		c := f.n.call
		if c == nil {
			Fail(p.op, "compute the result again, or set Retain (or CreateGraph) the first time", "the record behind the result was freed by an earlier backward pass")
		}
		if f.next < len(c.In) {
			in := c.In[f.next]
			f.next++
			if in.node != nil && !(p.nested && p.isWanted(in) >= 0) {
				if _, seen := p.index[in.node]; !seen {
					p.index[in.node] = -1
					stack = append(stack, frame{in.node, 0})
				}
			}
			continue
		}
		if slices.ContainsFunc(c.In, p.leadsOn) {
			p.index[f.n] = len(p.order)
			p.order = append(p.order, f.n)
			p.grads = append(p.grads, p.slots(len(c.Out)))
		}
		stack = stack[:len(stack)-1]
	}
}

// slots returns room for n gradients. Rooms are cut from pieces, since most nodes need one place.
func (p *pass) slots(n int) []*Tensor {
	if len(p.slab) < n {
		p.slab = make([]*Tensor, max(n, 16))
	}
	s := p.slab[:n:n]
	p.slab = p.slab[n:]
	return s
}

// leadsOn reports whether a gradient of in is wanted or passes on to one that is.
func (p *pass) leadsOn(in *Tensor) bool {
	if in.leaf && p.place == nil || p.isWanted(in) >= 0 {
		return true
	}
	i, ok := p.index[in.node]
	return ok && i >= 0
}

func (p *pass) run() {
	for _, s := range p.seeds {
		g := s.g
		if p.scope != nil {
			g = g.Detach()
			g.scope = p.scope
		}
		p.deliver(s.y, g)
	}
	for i := len(p.order) - 1; i >= 0; i-- {
		n := p.order[i]
		gs := p.grads[i]
		p.grads[i] = nil
		if slices.ContainsFunc(gs, func(g *Tensor) bool { return g != nil }) {
			p.back(n.call, gs)
		}
		if !p.retain {
			n.call = nil
		}
		p.release(gs)
	}
}

// back takes the gradients gs of a call's outputs to its inputs.
func (p *pass) back(c *Call, gs []*Tensor) {
	if err := c.changed(); err != nil {
		fail(p.op, err)
	}
	for i, out := range c.Out {
		if out.retain && gs[i] != nil && p.place == nil {
			out.SetGrad(gs[i].Keep())
		}
	}
	v := *c
	v.needs = slice(v.room.needs[:], len(c.In))
	for i, in := range c.In {
		v.needs[i] = p.leadsOn(in)
	}
	if !p.create {
		both := make([]*Tensor, len(c.In)+len(c.Out))
		v.In, v.Out = detachInto(both[:len(c.In):len(c.In)], c.In), detachInto(both[len(c.In):], c.Out)
	}
	var grads []*Tensor
	if c.Op.VJP != nil {
		grads = c.Op.VJP(&v, gs)
	}
	if grads == nil {
		grads = p.throughDecompose(&v, gs)
	}
	for i, g := range grads { // all are held before one is delivered: several may share memory
		if g != nil && v.needs[i] {
			if !g.SameShape(c.In[i]) || g.dtype != c.In[i].dtype {
				panic("tensor: internal: gradient of input " + c.String() + " has shape " + g.shapeText() + " " + g.dtype.String())
			}
			p.hold(g)
		}
	}
	for i, g := range grads {
		if g != nil && v.needs[i] {
			p.drop(g)
			p.deliver(c.In[i], g)
		}
	}
}

// throughDecompose differentiates a fused call by way of its definition in simpler operations.
func (p *pass) throughDecompose(c *Call, gs []*Tensor) []*Tensor {
	again := &Call{Op: c.Op, Attrs: c.Attrs, In: make([]*Tensor, len(c.In))}
	var xs []*Tensor
	for i, in := range c.In {
		if p.create {
			again.In[i] = apply(opAlias, nil, in)
		} else {
			again.In[i] = in.alias()
			again.In[i].leaf = c.needs[i]
			again.In[i].scope = p.scope // what is computed again is of use in this pass only
		}
		if c.needs[i] {
			xs = append(xs, again.In[i])
		}
	}
	outs := c.Op.Decompose(again)
	if c.Op.Kernel == nil {
		c.sameAgain(outs)
	}
	wanted := gradThrough(outs, gs, xs, p.create)
	grads := make([]*Tensor, len(c.In))
	for i := range c.In {
		if c.needs[i] {
			grads[i], wanted = wanted[0], wanted[1:]
		}
	}
	return grads
}

// sameAgain panics if the results of a call differ from what they were the first time: gradients would belong to neither.
func (c *Call) sameAgain(outs []*Tensor) {
	for i, out := range outs {
		was, is := c.Out[i].Detach(), out.Detach()
		was.scope = inner(was.scope, is.scope)
		if !is.SameShape(was) || is.NumEl() > 0 && is.Sub(was).Abs().Max().Item() > 1e-2*was.Abs().Max().Item() {
			Fail(c.Op.Name, "does it draw random numbers, or use what was changed since? (nn.Checkpoint takes care of both)",
				"the function gave another result %s when it ran again for the gradients", is.shapeText())
		}
	}
}

// deliver adds g to the gradient of t.
func (p *pass) deliver(t *Tensor, g *Tensor) {
	if p.place != nil {
		if i := p.isWanted(t); i >= 0 {
			p.wanted[i] = p.sum(p.wanted[i], g)
		}
	} else if t.leaf {
		t.accumulate(g, p)
	}
	if t.node != nil {
		if i, ok := p.index[t.node]; ok && i >= 0 {
			slot := &p.grads[i][t.output]
			*slot = p.sum(*slot, g)
		}
	}
}

// sum returns a + b, or b if there is no a yet, and counts who uses the memory.
func (p *pass) sum(a, b *Tensor) *Tensor {
	if p.scope == nil {
		if a == nil {
			return b
		}
		return a.Add(b)
	}
	if a == nil {
		p.hold(b)
		return b
	}
	if a.buf.scope == p.scope && a.buf.refs == 1 && a.buf != b.buf && a.IsContiguous() {
		addInto(a, b)
		return a
	}
	s := a.Add(b)
	p.hold(s)
	p.drop(a)
	return s
}

// hold counts one more waiting gradient that uses t's memory, drop one less. Only memory of the
// pass is counted; the rest isn't the pass's to free.
func (p *pass) hold(t *Tensor) {
	if p.scope != nil && t.buf.scope == p.scope {
		t.buf.refs++
	}
}

func (p *pass) drop(t *Tensor) {
	if p.scope != nil && t.buf.scope == p.scope {
		t.buf.refs--
	}
}

// release gives up gradients that were passed on, and with them all memory of the
// pass that no waiting gradient uses.
func (p *pass) release(gs []*Tensor) {
	if p.scope == nil {
		return
	}
	for _, g := range gs {
		if g != nil {
			p.drop(g)
		}
	}
	p.scope.sweep(func(b *buffer) bool { return b.refs > 0 })
}

// handOut returns g as a tensor that outlives the pass.
func (p *pass) handOut(g *Tensor, scope *Scope) *Tensor {
	if g.buf.scope == p.scope && g.buf.refs == 1 && g.IsContiguous() && scope == nil {
		g.buf.refs = 0
		g.buf.disown()
		d := g.Detach()
		d.scope = nil
		return d
	}
	d := g.Detach()
	d.scope = scope
	return d.Clone()
}

// close frees what the pass still holds.
func (p *pass) close() {
	if p.scope != nil {
		p.scope.Release()
	}
}

// accumulate adds g to the gradient of the leaf t.
func (t *Tensor) accumulate(g *Tensor, p *pass) {
	old := t.LendGrad()
	if old != nil {
		old.alive(p.op)
	}
	switch {
	case p.create: // recorded: neither what was there nor g may be written to, now or later
		if old != nil {
			g = old.Add(g)
		}
		t.grad, t.stale, t.ownsGrad = g, false, false
		return
	case !t.ownsGrad || atomic.LoadUint32(&t.lasting) != 0:
		t.grad, t.ownsGrad = newTensor(Spec{t.dtype, t.shape}, nil), true
		atomic.StoreUint32(&t.lasting, 0)
		if old != nil {
			copyInto(t.grad, old.Detach().To(t.dtype))
		}
	}
	t.stale = false
	t.grad.buf.version++
	if old == nil {
		copyInto(t.grad, g)
	} else {
		addInto(t.grad, g)
	}
}
