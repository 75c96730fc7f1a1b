package sets_test

import (
	"fmt"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/sets"
)

func Example() {
	set, err := sets.Open("digits", sets.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := set.Train.Batch(data.Draw{Index: []int{0, 1, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Train.Len(), set.Test.Len(), batch.X.Shape(), batch.Y.Shape(), set.Classes)
	// Output:
	// 12000 2000 [3 1 28 28] [3] [0 1 2 3 4 5 6 7 8 9]
}
