package tensor_test

import (
	"testing"

	. "github.com/gradus-ml/gradus/tensor"
)

// What a fused operation computes is what its definition in simpler operations computes.
func TestFusedOpsEqualTheirDefinition(t *testing.T) {
	checked := map[string]int{}
	for _, op := range Ops() {
		for _, s := range rows[op].samples(random()) {
			in := make([]*Tensor, len(s.in))
			for i, x := range s.in {
				in[i] = x
				if x.DType().IsFloat() {
					in[i] = x.Detach().RequireGrad()
				}
			}
			for _, y := range s.call(in) {
				Fused(y, func(name string, kernel, simple []*Tensor) {
					checked[name]++
					var want []nd
					for _, w := range simple {
						want = append(want, nd{w.Shape(), ToSlice[float64](w)})
					}
					compareAll(t, name, kernel[:len(simple)], want, 1e-11, 1e-12)
				})
			}
		}
	}
	for _, op := range Ops() {
		if IsFused(op) && checked[op] < 5 {
			t.Errorf("%s was compared with its definition %d times", op, checked[op])
		}
	}
}
