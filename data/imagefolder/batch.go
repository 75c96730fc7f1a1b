package imagefolder

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

var _ data.Dataset = (*Folder)(nil)

// Batch reads and decodes the images that draw names: X is float32
// [n, channels, height, width] in [0, 1], Y the classes, int64 [n]. Without
// Height and Width in the Config all images of a batch must be of one size.
func (f *Folder) Batch(draw data.Draw) (data.Batch, error) {
	labels := make([]int64, len(draw.Index))
	var x *tensor.Tensor
	var all []float32
	for k, i := range draw.Index {
		one, class, err := f.Example(i)
		if err != nil {
			return data.Batch{}, fmt.Errorf("example %d: %w", i, err)
		}
		labels[k] = int64(class)
		shape := one.Shape()
		if x == nil {
			x = draw.Scope.Empty(tensor.Float32, append([]int{len(labels)}, shape...)...)
			all = tensor.MutableData[float32](x)
		}
		if want := x.Shape()[1:]; !slices.Equal(shape, want) {
			return data.Batch{}, fmt.Errorf("example %d: %w", i, &format.Error{
				Op: readOp, Path: f.Samples[i].Path, Offset: -1,
				Want: fmt.Sprintf("%d × %d pixels, as in %s", want[2], want[1], f.Samples[draw.Index[0]].Path), Got: fmt.Sprintf("%d × %d", shape[2], shape[1]),
				Hint: "set Height and Width to resize all images",
			})
		}
		copy(all[k*one.NumEl():], tensor.Data[float32](one))
		runtime.KeepAlive(one)
	}
	return data.Batch{X: x, Y: tensor.FromSlice(labels, len(labels)), Index: draw.Index}, nil
}
