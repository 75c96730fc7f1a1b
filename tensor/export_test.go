package tensor

// Apply runs the operation called name, for tests of operations without a method of their own.
func Apply(name string, attrs any, in ...*Tensor) []*Tensor { return applyAll(ops[name], attrs, in) }

// IsSmooth reports whether the operation called name has gradients.
func IsSmooth(name string) bool { return !ops[name].NoGrad }

// UsedOps returns the names of the operations recorded behind t.
func UsedOps(t *Tensor) map[string]bool {
	used := map[string]bool{}
	seen := map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		used[n.call.Op.Name] = true
		for _, in := range n.call.In {
			walk(in.node)
		}
	}
	walk(t.node)
	return used
}

// FirstOf returns a view of the first slice along axis 0.
func FirstOf(t *Tensor) *Tensor { return t.row(0) }
