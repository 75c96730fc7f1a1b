package safetensors

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
)

// 64 MiB in 16 tensors.
func BenchmarkLoad(b *testing.B) {
	tensors := map[string]*tensor.Tensor{}
	for i := range 16 {
		tensors[fmt.Sprint("layer.", i, ".weight")] = tensor.Full(tensor.Float32, float64(i), 1024, 1024)
	}
	path := filepath.Join(b.TempDir(), "m")
	if err := Save(path, tensors, nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(64 << 20)
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	tensors := map[string]*tensor.Tensor{"w": tensor.Full(tensor.Float32, 1, 16, 1024, 1024)}
	path := filepath.Join(b.TempDir(), "m")
	b.SetBytes(64 << 20)
	for b.Loop() {
		if err := Save(path, tensors, nil); err != nil {
			b.Fatal(err)
		}
	}
}
