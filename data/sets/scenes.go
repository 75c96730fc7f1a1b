package sets

import (
	"path/filepath"

	"github.com/gradus-ml/gradus/data/imagefolder"
	"github.com/gradus-ml/gradus/data/scene"
	"github.com/gradus-ml/gradus/data/voc"
	"github.com/gradus-ml/gradus/format"
)

// scenes returns the sets of pictures with boxes.
func scenes() []entry {
	return []entry{{
		Info: Info{
			Name: "bccd", What: "blood cells under the microscope, colour, 480×640, with 4,886 boxes around red and white cells and platelets", Licence: "MIT, © 2017 Shenggan",
			Home: "https://github.com/Shenggan/BCCD_Dataset", Shape: []int{3, 480, 640}, Classes: []string{"RBC", "WBC", "Platelets"}, TrainSize: 291, TestSize: 73,
		},
		folder: "bccd",
		files:  []file{{path: "BCCD_Dataset-master.zip", size: 7898271, sha256: "7d48068d48707c95492779df09cf5152216b6a05429966ca64f65a42b3817de3"}},
		advice: "the archive that https://github.com/Shenggan/BCCD_Dataset offers as Download ZIP serves; size and checksum are those of one without its code",
		open:   openVOC, loose: true,
	}}
}

// openVOC reads an archive in the layout of Pascal VOC, where it lies, and holds out a part of the pictures for tests.
func openVOC(e *entry, set *Set, dir string, cfg Config) error {
	path := filepath.Join(dir, e.files[0].path)
	all, err := voc.Open(path, voc.Config{Classes: e.Classes, Image: imagefolder.Config{Mode: imagefolder.RGB}})
	if err != nil {
		return err
	}
	set.TestScenes, set.TrainScenes = scene.Split(all.Scenes, cfg.TestFraction, cfg.Seed)
	set.Warnings = all.Warnings
	if len(set.TestScenes) == 0 || len(set.TrainScenes) == 0 {
		return &format.Error{Op: "read VOC", Path: path, Offset: -1, Want: "pictures to train and to test on", Got: all.String(), Hint: "change TestFraction"}
	}
	h, w := e.Shape[1], e.Shape[2]
	set.Train, set.Test = scene.Dataset(set.TrainScenes, h, w), scene.Dataset(set.TestScenes, h, w)
	set.TrainSize, set.TestSize = set.Train.Len(), set.Test.Len()
	return nil
}
