package tensor

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Einsum is a composite: it brings two operands at a time into the form of a batched matrix product.

// labelled is a tensor whose axes have names: letters, or for the axes of an ellipsis −1, −2, …, counted from its end.
type labelled struct {
	t      *Tensor
	labels []rune
}

// Einsum returns the sum of products that spec describes in Einstein's notation. The axes of each operand are named
// by letters, the operands separated by commas: axes of one name run together, and "->" is followed by the names of
// the result's axes; others are summed over.
//
//	tensor.Einsum("ij,jk->ik", a, b)       // matrix product
//	tensor.Einsum("bhqd,bhkd->bhqk", q, k) // attention scores
//	tensor.Einsum("ii->i", a)              // diagonal
//	tensor.Einsum("...ij->...ji", a)       // transpose of the last two axes
//
// "..." stands for any further axes, which broadcast. Without "->" the result has the letters that occur once, in
// alphabetical order, after the axes of "...". More than two operands are multiplied from left to right. Axes of size 1 are stretched.
func Einsum(spec string, xs ...*Tensor) *Tensor {
	for _, x := range xs {
		x.alive("einsum")
	}
	terms, result := parseEinsum(spec, xs)
	sizes := einsumSizes(terms)
	for i := range terms {
		terms[i] = terms[i].diagonals().squeezed(sizes)
	}
	acc := terms[0]
	for i, next := range terms[1:] {
		later := slices.Clone(result)
		for _, t := range terms[i+2:] {
			later = append(later, t.labels...)
		}
		acc = acc.times(next, later)
	}
	acc = acc.summed(result)
	acc = acc.ordered(result)
	var shape []int
	for _, l := range result {
		shape = append(shape, sizes[l])
	}
	if slices.Equal(acc.t.shape, shape) {
		return acc.t
	}
	return acc.t.Expand(shape...) // a letter of size 1 throughout, or one that only stretched
}

// parseEinsum reads spec and names the axes of xs and of the result.
func parseEinsum(spec string, xs []*Tensor) (terms []labelled, result []rune) {
	bad := func(hint, format string, args ...any) {
		Fail("einsum", hint, "%q: %s", spec, fmt.Sprintf(format, args...))
	}
	left, right, explicit := strings.Cut(strings.ReplaceAll(spec, " ", ""), "->")
	parts := strings.Split(left, ",")
	if len(parts) != len(xs) {
		bad("", "names %d operands, got %d", len(parts), len(xs))
	}
	count := map[rune]int{}
	longest := 0
	for i, part := range parts {
		before, after, dots := strings.Cut(part, "...")
		letters := append([]rune(before), []rune(after)...)
		for _, l := range letters {
			if !unicode.IsLetter(l) {
				bad("axes are named by letters", "unexpected %q in operand %d", l, i)
			}
			count[l]++
		}
		extra := len(xs[i].shape) - len(letters)
		if extra < 0 || extra > 0 && !dots {
			bad("use ... for further axes", "operand %d %s has %d axes, %q names %d", i, xs[i].shapeText(), len(xs[i].shape), part, len(letters))
		}
		labels := append([]rune(before), ellipsis(extra)...)
		terms = append(terms, labelled{xs[i], append(labels, []rune(after)...)})
		longest = max(longest, extra)
	}
	if !explicit {
		for l, n := range count {
			if n == 1 {
				result = append(result, l)
			}
		}
		slices.Sort(result)
		return terms, append(ellipsis(longest), result...)
	}
	before, after, dots := strings.Cut(right, "...")
	for i, l := range append([]rune(before), []rune(after)...) {
		switch {
		case !unicode.IsLetter(l):
			bad("axes are named by letters", "unexpected %q in the result", l)
		case count[l] == 0:
			bad("", "the result's letter %c is in no operand", l)
		case slices.Contains(append([]rune(before), []rune(after)...)[:i], l):
			bad("", "the result names letter %c twice", l)
		}
	}
	if !dots {
		return terms, []rune(right)
	}
	return terms, append(append([]rune(before), ellipsis(longest)...), []rune(after)...)
}

// ellipsis returns the names of n axes that "..." stands for.
func ellipsis(n int) []rune {
	out := make([]rune, n)
	for i := range out {
		out[i] = rune(i - n)
	}
	return out
}

// einsumSizes returns the size that belongs to each name, and panics if two disagree.
func einsumSizes(terms []labelled) map[rune]int {
	sizes, where := map[rune]int{}, map[rune]int{}
	for i, t := range terms {
		for axis, l := range t.labels {
			n, seen := sizes[l]
			m := t.t.shape[axis]
			if seen && n != m && n != 1 && m != 1 {
				name := fmt.Sprintf("letter %c", l)
				if l < 0 {
					name = fmt.Sprintf("axis %d of ...", l)
				}
				Fail("einsum", "", "%s is %d in operand %d %s and %d in operand %d %s",
					name, n, where[l], terms[where[l]].t.shapeText(), m, i, t.t.shapeText())
			}
			if !seen || n == 1 {
				sizes[l], where[l] = m, i
			}
		}
	}
	return sizes
}

// diagonals replaces axes of one name by one axis along their diagonal.
func (a labelled) diagonals() labelled {
	for i, l := range a.labels {
		j := slices.Index(a.labels[i+1:], l)
		if j < 0 {
			continue
		}
		j += i + 1
		n, m := a.t.shape[i], a.t.shape[j]
		rest := slices.Delete(slices.Clone(a.labels), j, j+1)
		order := []int{}
		for axis := range a.labels {
			if axis != i && axis != j {
				order = append(order, axis)
			}
		}
		if n != m {
			Fail("einsum", "", "letter %c is %d and %d in one operand %s", l, n, m, a.t.shapeText())
		}
		t := a.t.Permute(append(order, i, j)...).Diagonal()
		// The diagonal is the last axis now: bring it to where i was.
		back := make([]int, len(rest))
		for k := range back {
			switch at := slices.Index(rest, l); {
			case k == at:
				back[k] = len(rest) - 1
			case k < at:
				back[k] = k
			default:
				back[k] = k - 1
			}
		}
		return labelled{t.Permute(back...), rest}.diagonals()
	}
	return a
}

// squeezed drops axes of size 1 that are stretched elsewhere.
func (a labelled) squeezed(sizes map[rune]int) labelled {
	var labels []rune
	var shape []int
	for axis, l := range a.labels {
		if a.t.shape[axis] == sizes[l] {
			labels, shape = append(labels, l), append(shape, sizes[l])
		}
	}
	if len(labels) == len(a.labels) {
		return a
	}
	return labelled{a.t.Reshape(shape...), labels}
}

// summed adds up along the axes that aren't in keep.
func (a labelled) summed(keep []rune) labelled {
	var axes []int
	var labels []rune
	for axis, l := range a.labels {
		if slices.Contains(keep, l) {
			labels = append(labels, l)
		} else {
			axes = append(axes, axis)
		}
	}
	if len(axes) == 0 {
		return a
	}
	return labelled{a.t.SumAxes(false, axes...), labels}
}

// ordered brings the axes into the order of labels, leaving out those that a doesn't have and inserting axes of size 1 for them.
func (a labelled) ordered(labels []rune) labelled {
	var order []int
	for _, l := range labels {
		if axis := slices.Index(a.labels, l); axis >= 0 {
			order = append(order, axis)
		}
	}
	t := a.t
	if !slices.IsSorted(order) {
		t = t.Permute(order...)
	}
	for at, l := range labels {
		if !slices.Contains(a.labels, l) {
			t = t.Unsqueeze(at)
		}
	}
	return labelled{t, labels}
}

// times multiplies a and b and sums over what isn't in later.
func (a labelled) times(b labelled, later []rune) labelled {
	a = a.summed(append(slices.Clone(later), b.labels...))
	b = b.summed(append(slices.Clone(later), a.labels...))
	var batch, contracted, left, right []rune
	for _, l := range a.labels {
		switch {
		case !slices.Contains(b.labels, l):
			left = append(left, l)
		case slices.Contains(later, l):
			batch = append(batch, l)
		default:
			contracted = append(contracted, l)
		}
	}
	for _, l := range b.labels {
		if !slices.Contains(a.labels, l) {
			right = append(right, l)
		}
	}
	all := slices.Concat(batch, left, right)
	if len(contracted) == 0 {
		return labelled{a.ordered(all).t.Mul(b.ordered(all).t), all}
	}
	x := a.ordered(slices.Concat(batch, left, contracted)).t
	y := b.ordered(slices.Concat(batch, contracted, right)).t
	k := len(batch)
	shape := slices.Concat(x.shape[:k+len(left)], y.shape[k+len(contracted):])
	x = x.merged(k, len(left), len(contracted))
	y = y.merged(k, len(contracted), len(right))
	return labelled{x.MatMul(y).reshaped(shape...), all}
}

// merged makes matrices of t, whose axes are some of a batch, then rows, then columns.
func (t *Tensor) merged(batch, rows, cols int) *Tensor {
	return t.reshaped(append(slices.Clone(t.shape[:batch]), numel(t.shape[batch:batch+rows]), numel(t.shape[batch+rows:batch+rows+cols]))...)
}
