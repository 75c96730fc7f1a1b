package metrics_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/metrics"
	"github.com/gradus-ml/gradus/tensor"
)

func Example() {
	accuracy, confusion := metrics.NewAccuracy(), metrics.NewConfusion(3)
	for range 2 { // batches
		logits := tensor.FromSlice([]float32{
			2, 0, 1,
			0, 3, 1,
			1, 0, 5,
		}, 3, 3)
		target := tensor.FromSlice([]int64{0, 1, 1})
		accuracy.Update(logits, target)
		confusion.Update(logits, target)
	}
	fmt.Printf("accuracy %.3f\n", accuracy.Value())
	fmt.Println(confusion.Counts())
	for c, class := range confusion.PerClass() {
		fmt.Printf("class %d: precision %.2f, recall %.2f\n", c, class.Precision, class.Recall)
	}
	// Output:
	// accuracy 0.667
	// [[2 0 0] [0 2 2] [0 0 0]]
	// class 0: precision 1.00, recall 1.00
	// class 1: precision 1.00, recall 0.50
	// class 2: precision 0.00, recall 0.00
}

func ExampleROC() {
	curve := metrics.ROC([]float64{0.1, 0.4, 0.35, 0.8}, []bool{false, false, true, true})
	fmt.Println("false positives:", curve.X)
	fmt.Println("true positives: ", curve.Y)
	fmt.Println("area:", curve.Area())
	// Output:
	// false positives: [0 0 0.5 0.5 1]
	// true positives:  [0 0.5 0.5 1 1]
	// area: 0.75
}
