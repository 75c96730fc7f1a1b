package tensor

import "slices"

// node is one recorded call: where gradients pass on their way back.
type node struct {
	call  *Call  // nil once the record was used and freed
	layer string // path of the layer that made the call, if it was traced
}

// RequireGrad marks t as a leaf, a tensor whose gradient Backward computes, and
// returns t. It panics if t isn't a float tensor or was itself computed from one that is tracked.
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

// Grad returns the gradient that Backward has left in t, of t's shape, or nil if there is none.
// Its memory is written again by the first Backward after ZeroGrad: Clone what must last.
func (t *Tensor) Grad() *Tensor {
	if t.stale {
		return nil
	}
	return t.grad
}

// SetGrad replaces the gradient of t; nil removes it. It panics if the shapes differ.
func (t *Tensor) SetGrad(g *Tensor) {
	if g != nil && !g.SameShape(t) {
		Fail("set grad", "", "the gradient of a tensor %s must have its shape, got %s", t.shapeText(), g.shapeText())
	}
	t.grad, t.stale = g, false
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
	p.run()
	p.close()
}

// GradConfig says how [Grad] computes gradients.
type GradConfig struct {
	BackwardConfig
	// AllowUnused returns nil for an x that y doesn't depend on, instead of panicking.
	AllowUnused bool
}

// Grad returns the gradients of y (a scalar, unless cfg.Gradient is set) with respect to each of xs, leaves or
// tensors on the way. It touches no [Tensor.Grad], so it may run in several goroutines.
func Grad(y *Tensor, xs []*Tensor, cfg GradConfig) []*Tensor {
	p := newPass("grad", cfg.BackwardConfig, []*Tensor{y}, xs)
	p.run()
	out := make([]*Tensor, len(xs))
	for i, x := range xs {
		g := p.wanted[i]
		if g == nil && !cfg.AllowUnused {
			Fail("grad", "set AllowUnused to get nil", "y doesn't depend on x number %d %s", i, x.shapeText())
		}
		if g != nil && p.scope != nil {
			g = p.handOut(g, x.scope)
		}
		out[i] = g
	}
	p.close()
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
	p := &pass{op: "grad", create: create, retain: true, nested: true, index: map[*node]int{}, xs: xs, wanted: make([]*Tensor, len(xs))}
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
	order  []*node       // inputs before the nodes that use them
	index  map[*node]int // place in order; -1 if no wanted tensor lies behind it
	grads  [][]*Tensor   // gradients of the outputs of each node in order
	xs     []*Tensor     // what gradients are wanted of; nil: all leaves, into their Grad
	wanted []*Tensor     // gradients of xs
}

type seed struct{ y, g *Tensor }

func newPass(op string, cfg BackwardConfig, ys, xs []*Tensor) *pass {
	p := &pass{op: op, create: cfg.CreateGraph, retain: cfg.Retain || cfg.CreateGraph, index: map[*node]int{}, xs: xs}
	p.wanted = make([]*Tensor, len(xs))
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

// isWanted returns the place of t in xs, or -1.
func (p *pass) isWanted(t *Tensor) int {
	for i, x := range p.xs {
		if x == t || (x.node != nil && x.node == t.node && x.output == t.output) {
			return i
		}
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
	stack := []frame{{t.node, 0}}
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
			p.grads = append(p.grads, make([]*Tensor, len(c.Out)))
		}
		stack = stack[:len(stack)-1]
	}
}

// leadsOn reports whether a gradient of in is wanted or passes on to one that is.
func (p *pass) leadsOn(in *Tensor) bool {
	if in.leaf && p.xs == nil || p.xs != nil && p.isWanted(in) >= 0 {
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
		if out.retain && gs[i] != nil && p.xs == nil {
			out.grad, out.stale = gs[i].Keep(), false
		}
	}
	v := *c
	v.needs = make([]bool, len(c.In))
	for i, in := range c.In {
		v.needs[i] = p.leadsOn(in)
	}
	if !p.create {
		v.In, v.Out = detachAll(c.In), detachAll(c.Out)
	}
	var grads []*Tensor
	if c.Op.VJP != nil {
		grads = c.Op.VJP(&v, gs)
	}
	if grads == nil {
		grads = throughDecompose(&v, gs, p.create)
	}
	for i, g := range grads {
		if g != nil && v.needs[i] {
			if !g.SameShape(c.In[i]) || g.dtype != c.In[i].dtype {
				panic("tensor: internal: gradient of input " + c.String() + " has shape " + g.shapeText() + " " + g.dtype.String())
			}
			p.deliver(c.In[i], g)
		}
	}
}

// throughDecompose differentiates a fused call by way of its definition in simpler operations.
func throughDecompose(c *Call, gs []*Tensor, create bool) []*Tensor {
	again := &Call{Op: c.Op, Attrs: c.Attrs, In: make([]*Tensor, len(c.In))}
	var xs []*Tensor
	for i, in := range c.In {
		again.In[i] = in
		if !c.needs[i] {
			continue
		}
		if create {
			again.In[i] = apply(opAlias, nil, in)
		} else {
			again.In[i] = in.alias()
			again.In[i].leaf = true
		}
		xs = append(xs, again.In[i])
	}
	outs := c.Op.Decompose(again)
	wanted := gradThrough(outs, gs, xs, create)
	grads := make([]*Tensor, len(c.In))
	for i := range c.In {
		if c.needs[i] {
			grads[i], wanted = wanted[0], wanted[1:]
		}
	}
	return grads
}

// deliver adds g to the gradient of t.
func (p *pass) deliver(t *Tensor, g *Tensor) {
	if p.xs != nil {
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
	if a.buf.scope == p.scope && a.buf.refs == 1 && a.IsContiguous() {
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
	if t.buf.scope == p.scope {
		t.buf.refs++
	}
}

func (p *pass) drop(t *Tensor) {
	if t.buf.scope == p.scope {
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
	switch {
	case p.create:
		if t.Grad() != nil {
			g = t.grad.Add(g)
		}
		t.grad, t.stale = g, false
	case t.grad == nil || t.stale && t.grad.tracked():
		t.grad, t.stale = newTensor(Spec{t.dtype, t.shape}, nil), false
		copyInto(t.grad, g)
	case t.stale:
		copyInto(t.grad, g)
		t.stale = false
	default:
		addInto(t.grad, g)
	}
}
