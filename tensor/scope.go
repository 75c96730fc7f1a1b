package tensor

import (
	"slices"
	"sync"
	"weak"
)

// A Scope owns the memory of short-lived tensors and gives all of it back at
// once, without waiting for the garbage collector. It travels with values: the
// result of an operation on a tensor of the scope belongs to the scope too.
//
//	scope := tensor.NewScope()
//	loss := model(x.In(scope))   // activations belong to scope
//	loss.Backward()              // gradients of leaves don't
//	fmt.Println(loss.Item())
//	scope.Release()              // the step's memory is free for the next step
//
// A value that must outlive the scope is copied out with [Tensor.Keep]. Using a tensor after its
// scope was released panics with an [*Error] that says so. A Scope may be used
// from several goroutines.
type Scope struct {
	mu     sync.Mutex
	owned  []*buffer
	depth  int
	loose  bool                   // NewLooseScope made it
	weakly []weak.Pointer[buffer] // what a loose scope owns: it keeps nothing from the collector
	alive  int                    // len(weakly) after those collected were last taken out
}

// NewScope returns an empty scope.
func NewScope() *Scope { return &Scope{} }

// NewLooseScope returns an empty scope for values that somebody may forget to release, such as the batches of a loader: what
// [Scope.Release] doesn't give back, the collector does, tensor by tensor, once it can't be reached. Every scope of [NewScope] lies
// within it: what is computed from a tensor of both belongs to the other one.
func NewLooseScope() *Scope { return &Scope{depth: -1, loose: true} }

// child returns a scope whose life lies within s (which may be nil).
func (s *Scope) child() *Scope {
	if s == nil {
		return &Scope{depth: 1}
	}
	return &Scope{depth: max(s.depth, 0) + 1}
}

func (s *Scope) add(b *buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loose {
		s.owned = append(s.owned, b)
		return
	}
	if len(s.weakly) >= 2*s.alive+64 {
		s.weakly = slices.DeleteFunc(s.weakly, func(w weak.Pointer[buffer]) bool { return w.Value() == nil })
		s.alive = len(s.weakly)
	}
	s.weakly = append(s.weakly, weak.Make(b))
}

func (s *Scope) remove(b *buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.owned) - 1; i >= 0; i-- {
		if s.owned[i] == b {
			last := len(s.owned) - 1
			s.owned[i] = s.owned[last]
			s.owned[last] = nil
			s.owned = s.owned[:last]
			return
		}
	}
}

// Release frees the memory of every tensor of the scope. The scope can be used again.
func (s *Scope) Release() { s.sweep(func(*buffer) bool { return false }) }

// Empty returns a tensor of undefined content that belongs to s, or to none if s is nil.
func (s *Scope) Empty(d DType, shape ...int) *Tensor {
	checkShape("empty", shape)
	return newTensor(Spec{d, shape}, s)
}

// NewEmpty returns a tensor of undefined content that has the data type of t and belongs to its scope: for functions on tensors that
// fill their results themselves, through [MutableData], and leave it to their caller how long those live.
func (t *Tensor) NewEmpty(shape ...int) *Tensor {
	checkShape("new empty", shape)
	return newTensor(Spec{t.dtype, shape}, t.scope)
}

// sweep frees the buffers for which keep is false.
func (s *Scope) sweep(keep func(*buffer) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.owned[:0]
	for _, b := range s.owned {
		if keep(b) {
			kept = append(kept, b)
		} else {
			b.free()
		}
	}
	clear(s.owned[len(kept):])
	s.owned = kept
	for _, w := range s.weakly {
		if b := w.Value(); b != nil {
			b.free()
		}
	}
	s.weakly, s.alive = nil, 0
}

// inner returns the scope whose life is shorter.
func inner(a, b *Scope) *Scope {
	if a == nil || b != nil && b.depth > a.depth {
		return b
	}
	return a
}

// In returns t as a member of the scope s: what is computed from it belongs to
// s. The memory of t itself stays where it was.
func (t *Tensor) In(s *Scope) *Tensor {
	v := apply(opAlias, nil, t)
	v.scope = inner(v.scope, s)
	return v
}

// Keep returns a tensor with the values of t that lives on when the scope of t is
// released. It isn't tracked. Without a scope it is t detached.
func (t *Tensor) Keep() *Tensor {
	d := t.Detach()
	if t.scope == nil {
		return d
	}
	d.scope = nil
	return d.Clone()
}
