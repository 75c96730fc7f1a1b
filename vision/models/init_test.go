package models

import (
	"math"
	"testing"

	"github.com/gradus-ml/gradus/nn"
	"github.com/gradus-ml/gradus/tensor"
)

// Initial values come from torchvision's distributions: the same deviation, and the same reach, which tells uniform from normal.
func TestInitialValuesAreTorchvisionsInKind(t *testing.T) {
	var refs map[string]map[string][3]float64
	readJSON(t, "testdata/init.json", &refs)
	for name, want := range refs {
		if name == "vgg11_bn" && testing.Short() {
			continue
		}
		net, err := New(name, 1000)
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(net, 3)
		found := 0
		for _, p := range nn.Params(net) {
			w, ok := want[p.Name()]
			if !ok {
				continue
			}
			found++
			n := float64(p.NumEl())
			v := p.Value().Detach().To(tensor.Float64)
			mean := v.Mean().Item()
			std := math.Sqrt(v.AddScalar(-mean).Square().Mean().Item())
			largest := v.Abs().Max().Item()
			// Five standard errors of the difference of two samples.
			if math.Abs(mean-w[0]) > 5*math.Sqrt2*w[1]/math.Sqrt(n) || math.Abs(std-w[1]) > 5*w[1]/math.Sqrt(n) {
				t.Errorf("%s: %s has mean %.4g and deviation %.4g, torchvision's %.4g and %.4g", name, p.Name(), mean, std, w[0], w[1])
			}
			if math.Abs(largest-w[2]) > 0.35*w[2] {
				t.Errorf("%s: the largest of %s is %.4g, of torchvision's %.4g", name, p.Name(), largest, w[2])
			}
		}
		if found != len(want) {
			t.Errorf("%s: %d of %d parameters compared", name, found, len(want))
		}
	}
}
