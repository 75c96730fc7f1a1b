package tensor

import "testing"

func TestShapeString(t *testing.T) {
	for want, shape := range map[string][]int{"()": nil, "(5)": {5}, "(2, 3)": {2, 3}, "(2, -1, 0)": {2, -1, 0}} {
		if got := ShapeString(shape); got != want {
			t.Errorf("%#v is %s, expected %s", shape, got, want)
		}
	}
	err := Try(func() error { Zeros(Float32, 2, 3).Reshape(4, -1); return nil })
	if want := "reshape: can't reshape (2, 3) (6 elements) to (4, -1): 4 doesn't divide 6"; err == nil || err.(*Error).Op+": "+err.(*Error).Problem != want {
		t.Errorf("got %v, expected %s", err, want)
	}
}
