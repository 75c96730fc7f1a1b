package recipes

import (
	"os"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/tensor"
)

var augmentNames = []string{"crop-flip", "none"}

func (r *Run) augmented(ds data.Dataset) (data.Dataset, error) {
	if r.Options.Augment == "none" || r.Options.Augment == "" {
		return ds, nil
	}
	cut := os.Getenv("CUT") != ""
	ds = data.Map(ds, func(d data.Draw, b data.Batch) (data.Batch, error) {
		x := b.X.Detach().Clone()
		out, in := tensor.MutableData[float32](x), tensor.Data[float32](b.X)
		n, c, h, w := x.Size(0), x.Size(1), x.Size(2), x.Size(3)
		for i := range n {
			rng := d.RNG(i)
			dy, dx, flip := rng.IntN(9)-4, rng.IntN(9)-4, rng.IntN(2) == 1
			cy, cx := rng.IntN(h), rng.IntN(w)
			for ch := range c {
				for y := range h {
					for xx := range w {
						sy, sx := y+dy, xx+dx
						if flip {
							sx = w - 1 - xx + dx
						}
						v := float32(0)
						if sy >= 0 && sy < h && sx >= 0 && sx < w {
							v = in[((i*c+ch)*h+sy)*w+sx]
						}
						if cut && y >= cy-4 && y < cy+4 && xx >= cx-4 && xx < cx+4 {
							v = 0
						}
						out[((i*c+ch)*h+y)*w+xx] = v
					}
				}
			}
		}
		b.X = x
		return b, nil
	})
	if os.Getenv("MIX") != "" {
		ds = data.Map(ds, data.CutMix(10, 1))
	}
	return ds, nil
}
