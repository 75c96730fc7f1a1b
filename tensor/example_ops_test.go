package tensor_test

import (
	"fmt"

	. "github.com/gradus-ml/gradus/tensor"
)

func ExampleTensor_MatMul() {
	a := FromSlice([]float64{1, 2, 3, 4}, 2, 2)
	v := FromSlice([]float64{10, 1})
	fmt.Println(ToSlice[int64](a.MatMul(a)), ToSlice[int64](a.MatMul(v)))
	// Output: [7 10 15 22] [12 34]
}

func ExampleEinsum() {
	a := FromSlice([]float64{1, 2, 3, 4}, 2, 2)
	fmt.Println(Einsum("ii", a).Item(), ToSlice[int64](Einsum("ij,kj->ik", a, a)))
	// Output: 5 [5 11 11 25]
}

func ExampleTensor_Softmax() {
	x := FromSlice([]float64{0, 0, 2, 2}, 2, 2)
	fmt.Println(ToSlice[float64](x.Softmax(1)))
	// Output: [0.5 0.5 0.5 0.5]
}

func ExampleCrossEntropy() {
	logits := Zeros(Float64, 3, 4).RequireGrad() // three examples, four classes, no opinion yet
	labels := FromSlice([]int64{0, 3, 1})
	loss := CrossEntropy(logits, labels, CrossEntropyConfig{})
	loss.Backward()
	fmt.Printf("%.4f\n", loss.Item()) // log 4
	fmt.Printf("%.3f\n", ToSlice[float64](logits.Grad())[:4])
	// Output:
	// 1.3863
	// [-0.250 0.083 0.083 0.083]
}

func ExampleCrossEntropy_mistake() {
	err := Try(func() error {
		CrossEntropy(Zeros(Float32, 2, 10), FromSlice([]int64{3, 10}), CrossEntropyConfig{})
		return nil
	})
	fmt.Println(err.(*Error).Problem)
	fmt.Println(err.(*Error).Hint)
	// Output:
	// label 10 at position (1) is outside of 0 to 9, the logits have 10 classes
	// labels count from 0; has the last layer as many outputs as there are classes?
}

// Edges between dark and bright, as in D2L's section on convolutions.
func ExampleConv2D() {
	image := FromSlice([]float64{1, 1, 0, 0, 1}, 1, 1, 1, 5)
	edge := FromSlice([]float64{1, -1}, 1, 1, 1, 2)
	fmt.Println(ToSlice[int64](Conv2D(image, edge, nil, Conv2DConfig{})))
	// Output: [0 1 0 -1]
}

func ExampleMaxPool2D() {
	image := FromSlice([]float64{1, 5, 2, 0, 3, 4, 1, 7}, 1, 1, 2, 4)
	y := MaxPool2D(image, MaxPool2DConfig{Kernel: [2]int{2, 2}})
	fmt.Println(y.Shape(), ToSlice[int64](y))
	// Output: [1 1 1 2] [5 7]
}

func ExampleBatchNorm() {
	x := FromSlice([]float64{1, 10, 3, 30}, 2, 2) // two examples, two channels
	y, mean, variance := BatchNorm(x, nil, nil, 0)
	fmt.Println(ToSlice[float64](y), ToSlice[float64](mean), ToSlice[float64](variance))
	// Output: [-1 -1 1 1] [2 20] [1 100]
}

func ExampleRNG() {
	rng := NewRNG(42)
	a := rng.Split("fc1").Perm(5)
	b := rng.Split("fc1").Perm(5) // the same stream again: it depends on seed and name alone
	fmt.Println(len(a), a[0] == b[0] && a[4] == b[4])
	// Output: 5 true
}

func ExampleDropout() {
	x := Ones(Float32, 1000)
	y := Dropout(x, 0.5, NewRNG(1))
	v := ToSlice[int64](y)
	fmt.Println(y.Sum().Item() > 900 && y.Sum().Item() < 1100, v[0] == 0 || v[0] == 2)
	// Output: true true
}
