package tensor_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// A column less a row is a table: for differences of pairs both need one shape.
func ExampleTensor_Sub() {
	pred := tensor.FromSlice([]float32{1, 2, 3}, 3, 1)
	target := tensor.FromSlice([]float32{1, 2, 4})
	fmt.Println(pred.Sub(target).Shape(), pred.Reshape(3).Sub(target))
	// Output: [3 3] [ 0.  0. -1.]
}
