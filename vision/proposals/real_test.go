package proposals

import (
	"testing"
	"time"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/sets"
	"github.com/gradus-ml/gradus/vision/box"
)

// Most cells have a proposal that covers them.
func TestRealDataRecall(t *testing.T) {
	_, complete, err := sets.Where("bccd")
	if err != nil || !complete {
		t.Skip("needs real data: set GRADUS_DATA to a folder that has bccd")
	}
	set, err := sets.Open("bccd", sets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	hit, things, boxes := make([]float64, 3), make([]float64, 3), 0
	begin := time.Now()
	const pictures = 6
	for _, s := range set.TestScenes[:pictures] {
		im, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		found := SelectiveSearch(imagefolder.Resize(im.Tensor(), s.Height/2, s.Width/2), Config{MinSide: 8, Max: 600})
		boxes += len(found)
		for _, o := range s.Objects {
			things[o.Class]++
			for _, f := range found {
				if box.IoU(f.Scale(2, 2), o.Box) >= 0.5 {
					hit[o.Class]++
					break
				}
			}
		}
	}
	t.Logf("%d boxes and %v a picture", boxes/pictures, time.Since(begin)/pictures)
	for c, name := range set.Classes {
		t.Logf("%s: %g of %g", name, hit[c], things[c])
	}
	if all := hit[0] + hit[1] + hit[2]; all < 0.75*(things[0]+things[1]+things[2]) {
		t.Errorf("%g of %g things have a proposal with IoU 0.5", all, things)
	}
}
