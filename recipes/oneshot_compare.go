package recipes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Comparison is what a model that verifies says of two pictures.
type Comparison struct {
	File      string  `json:"file"`
	Other     string  `json:"other"`
	Distance  float64 `json:"distance"`
	Threshold float64 `json:"threshold"`
	Same      bool    `json:"same"` // the distance is at most the threshold
}

// String writes the verdict with the distance and the threshold.
func (c Comparison) String() string {
	verdict, sign := "different", ">"
	if c.Same {
		verdict, sign = "the same", "≤"
	}
	return fmt.Sprintf("%s, %s: %s (distance %.4g %s τ = %.4g)", c.File, c.Other, verdict, c.Distance, sign, c.Threshold)
}

// compare says whether two pictures show the same character, by the threshold that training left in the run folder.
func (o oneShot) compare(_ context.Context, r *Run, model nn.Layer, file, other string) (Finding, error) {
	path := filepath.Join(r.Dir, "verification.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; it has the threshold of distances: is the run finished?", err)
	}
	var v verificationFile
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var embeddings []*tensor.Tensor
	for _, f := range []string{file, other} {
		x, err := r.readPicture(f)
		if err != nil {
			return nil, err
		}
		if x.Mean().Item() > 0.5 { // dark ink on light paper; the model knows ink as 1
			x = x.Neg().AddScalar(1)
		}
		embeddings = append(embeddings, model.Forward(nn.Eval(), x.Unsqueeze(0)))
	}
	d := o.distances(model, embeddings[0], embeddings[1]).Item()
	return Comparison{File: file, Other: other, Distance: d, Threshold: v.Threshold, Same: d <= v.Threshold}, nil
}
