package sets

import (
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/tensor"
)

// openPhotos lists photographs, each read when it is asked for: Float32 (3, height, width) from 0 to 1, one to a batch since their sizes differ.
func openPhotos(e *entry, set *Set, dir string, _ Config) error {
	set.Train = data.Examples(len(e.files), func(d data.Draw, i int) (x, y *tensor.Tensor, err error) {
		im, err := imagefolder.ReadImage(filepath.Join(dir, e.files[d.Index[i]].path), imagefolder.Config{Mode: imagefolder.RGB})
		if err != nil {
			return nil, nil, err
		}
		return im.Tensor(), nil, nil
	})
	set.Test = data.Subset(set.Train, nil)
	set.TrainSize = set.Train.Len()
	return nil
}
