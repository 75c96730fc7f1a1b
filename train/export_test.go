package train

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gradus-ml/gradus/tensor"
)

// ReadCheckpoint returns everything that a checkpoint holds, as text.
func ReadCheckpoint(path string) (string, error) {
	h, tensors, err := readCheckpoint(path)
	if err != nil {
		return "", err
	}
	s := fmt.Sprintf("%+v\n", h)
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		s += fmt.Sprintf("%s %v %v %x\n", name, t.DType(), t.Shape(), tensor.ToSlice[float64](t))
	}
	return s, nil
}
