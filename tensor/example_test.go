package tensor_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

func Example() {
	w := tensor.FromSlice([]float32{1, 2, 3}).RequireGrad()
	loss := w.Square().Sum()
	loss.Backward()
	fmt.Println(loss)
	fmt.Println(w.Grad())
	// Output:
	// 14.0
	// [2. 4. 6.]
}

func ExampleTensor_Add() {
	rows := tensor.FromSlice([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	bias := tensor.FromSlice([]float32{10, 20, 30})
	fmt.Println(rows.Add(bias))
	// Output:
	// [[11. 22. 33.]
	//  [14. 25. 36.]]
}

func ExampleTensor_Slice() {
	x := tensor.Arange(tensor.Int64, 0, 6, 1)
	fmt.Println(x.Slice(0, 1, 5, 2))
	fmt.Println(x.Slice(0, -1, tensor.End, -1))
	// Output:
	// [1 3] int64
	// [5 4 3 2 1 0] int64
}

func ExampleTensor_IndexSelect() {
	table := tensor.FromSlice([]float32{0, 0.5, 1, 1.5, 2, 2.5}, 3, 2)
	tokens := tensor.FromSlice([]int64{2, 0, 2})
	fmt.Println(table.IndexSelect(0, tokens))
	// Output:
	// [[2.  2.5]
	//  [0.  0.5]
	//  [2.  2.5]]
}

func ExampleWhere() {
	x := tensor.FromSlice([]float32{-2, 0, 4})
	positive := x.GreaterScalar(0)
	fmt.Println(tensor.Where(positive, x, x.MulScalar(0.1)))
	// Output:
	// [-0.2  0.   4. ]
}

func ExampleTensor_MaxAxes() {
	x := tensor.FromSlice([]float32{3, 1, 2, 4, 6, 5}, 2, 3)
	fmt.Println(x.MaxAxes(false, 1), x.ArgMax(1))
	fmt.Println(x.MeanAxes(true, 0))
	// Output:
	// [3. 6.] [0 1] int64
	// [[3.5 3.5 3.5]]
}

func ExampleTensor_TopK() {
	scores := tensor.FromSlice([]float32{0.1, 0.7, 0.05, 0.15})
	values, indices := scores.TopK(2, 0)
	fmt.Println(values, indices)
	// Output:
	// [0.7  0.15] [1 3] int64
}

func ExampleGrad() {
	x := tensor.FromSlice([]float64{1, 2}).RequireGrad()
	y := x.PowScalar(3).Sum()
	twice := tensor.GradConfig{BackwardConfig: tensor.BackwardConfig{CreateGraph: true}}
	first := tensor.Grad(y, []*tensor.Tensor{x}, twice)[0]
	second := tensor.Grad(first.Sum(), []*tensor.Tensor{x}, tensor.GradConfig{})[0]
	fmt.Println(first)
	fmt.Println(second)
	// Output:
	// [ 3. 12.] float64
	// [ 6. 12.] float64
}

func ExampleHessian() {
	x := tensor.FromSlice([]float64{1, 2})
	fmt.Println(tensor.Hessian(func(x *tensor.Tensor) *tensor.Tensor { return x.Prod().Square() }, x))
	// Output:
	// [[8. 8.]
	//  [8. 2.]] float64
}

func ExampleTry() {
	err := tensor.Try(func() error {
		tensor.Ones(tensor.Float32, 2, 3).Add(tensor.Ones(tensor.Float32, 2))
		return nil
	})
	fmt.Println(err.(*tensor.Error).Problem)
	// Output:
	// shapes (2, 3) and (2) don't broadcast: sizes 3 and 2 differ on axis -1
}

func ExampleGraphText() {
	x := tensor.Ones(tensor.Float32, 4, 3)
	w := tensor.Ones(tensor.Float32, 3).RequireGrad()
	loss := x.Mul(w).ReLU().Sum()
	tensor.LabelGraph("net", loss, x)
	fmt.Print(tensor.GraphText(loss))
	// Output:
	// #  layer  operation  from              result  memory
	// 0  net    mul        (4, 3), leaf (3)  (4, 3)    48 B
	// 1  net    relu       #0                (4, 3)    48 B
	// 2  net    sum [0 1]  #1                ()         4 B
	// 3 operations, 100 B
}

func ExampleFirstNonFinite() {
	x := tensor.FromSlice([]float32{4, 1, 0}).RequireGrad()
	loss := x.Log().Square().Mean()
	if n, found := tensor.FirstNonFinite(loss); found {
		fmt.Println(loss, "came from", n.Op)
	}
	// Output:
	// inf came from log
}
