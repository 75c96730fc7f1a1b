package tensor

import (
	"fmt"
	"testing"
)

// Without a shape a slice of any length has one axis; only Scalar has none.
func TestFromSliceWithoutShapeHasOneAxis(t *testing.T) {
	for _, v := range [][]int64{nil, {3}, {3, 4}} {
		if got, want := fmt.Sprint(FromSlice(v).Shape()), fmt.Sprint([]int{len(v)}); got != want {
			t.Errorf("%d elements have shape %s, expected %s", len(v), got, want)
		}
	}
	if s := Scalar(Int64, 3).Shape(); len(s) != 0 {
		t.Errorf("a scalar has shape %v", s)
	}
}
