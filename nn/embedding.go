package nn

import (
	"fmt"

	"github.com/gradus-ml/gradus/tensor"
)

// Embedding looks up rows of a table: indices of any shape (…) become vectors (…, Dim). It is the product of one-hot vectors with
// the table, without forming them.
type Embedding struct {
	Weight *Param // (Count, Dim)
}

// NewEmbedding returns a table of count vectors of size dim, initialised from the standard normal distribution.
func NewEmbedding(count, dim int) *Embedding {
	return &Embedding{NewParam(Normal(0, 1), count, dim)}
}

// Forward looks up x, integers from 0 to count−1 of any shape (…), and returns rows of the table, (…, dim).
func (e *Embedding) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	if x.DType().IsFloat() || x.DType() == tensor.Bool {
		tensor.Fail("embedding", "convert with To(tensor.Int64)", "expected integer indices, got %s", x.DType())
	}
	index := x.To(tensor.Int64).Reshape(-1)
	if count := e.Weight.shape[0]; index.NumEl() > 0 {
		if top := int(index.Max().Item()); top >= count {
			tensor.Fail("embedding", fmt.Sprintf("make the layer with NewEmbedding(%d, %d), or look at how indices are made", top+1, e.Weight.shape[1]),
				"index %d is outside of the table's 0 to %d", top, count-1)
		}
	}
	rows := c.Use(e.Weight).IndexSelect(0, index)
	return rows.Reshape(append(x.Shape(), e.Weight.shape[1])...)
}

// Visit names the table.
func (e *Embedding) Visit(v *Visitor) { v.Param("weight", e.Weight) }

// String describes the layer.
func (e *Embedding) String() string {
	return fmt.Sprintf("Embedding(%d, %d)", e.Weight.shape[0], e.Weight.shape[1])
}

// Bilinear computes y_k = x₁ᵀ·W_k·x₂ + b_k for pairs of inputs (Forward splits its input: the first In1 features are x₁, the rest x₂).
type Bilinear struct {
	Weight *Param // (Out, In1, In2)
	Bias   *Param // (Out)
}

// NewBilinear returns the layer.
func NewBilinear(in1, in2, out int) *Bilinear {
	init := fanInUniform(in1)
	return &Bilinear{NewParam(init, out, in1, in2), NewParam(init, out)}
}

// Forward takes (N, In1+In2) to (N, Out).
func (b *Bilinear) Forward(c *Ctx, x *tensor.Tensor) *tensor.Tensor {
	in1, in2 := b.Weight.shape[1], b.Weight.shape[2]
	if x.NDim() != 2 || x.Size(1) != in1+in2 {
		tensor.Fail("bilinear", "concatenate the two inputs along axis 1, or call Pair", "expected shape (N, %d), got %s", in1+in2, tensor.ShapeString(x.Shape()))
	}
	parts := x.Split(1, in1, in2)
	return b.Pair(c, parts[0], parts[1])
}

// Pair takes x₁ (N, In1) and x₂ (N, In2) to (N, Out).
func (b *Bilinear) Pair(c *Ctx, x1, x2 *tensor.Tensor) *tensor.Tensor {
	return tensor.Einsum("ni,oij,nj->no", x1, c.Use(b.Weight), x2).Add(c.Use(b.Bias))
}

// Visit names weight and bias.
func (b *Bilinear) Visit(v *Visitor) {
	v.Param("weight", b.Weight)
	v.Param("bias", b.Bias)
}

// String describes the layer.
func (b *Bilinear) String() string {
	s := b.Weight.shape
	return fmt.Sprintf("Bilinear(%d, %d, %d)", s[1], s[2], s[0])
}

// MultAdds returns one for each weight and example.
func (b *Bilinear) MultAdds(x, _ []int) int { return x[0] * product(b.Weight.shape) }
