package sets

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gradus-ml/gradus/data"
	"github.com/gradus-ml/gradus/data/table"
	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

// tableSpec says how a set's tables are read.
type tableSpec struct {
	scikit bool   // in the layout of scikit-learn's data files
	member string // of the tar.gz that holds the table, "" if it isn't packed
	target string
	drop   []string
	values []string // of a target that holds classes, in the order of Info.Classes; nil if they are the classes' names
	scale  float64  // what the target of a regression is multiplied with, 0 for 1
}

// oneTable describes a set of one table in the folder tabular, without a test set.
func oneTable(info Info, size int64, sum string, urls []string, spec tableSpec, path string) entry {
	return entry{
		Info: info, folder: "tabular",
		files: []file{{path: path, size: size, sha256: sum, urls: urls}},
		table: &spec, open: openTable,
	}
}

func tables() []entry {
	const uci = "BSD-3-Clause (scikit-learn), CC BY 4.0 (UCI)"
	return []entry{
		oneTable(Info{
			Name: "iris", What: "species of irises by the size of their petals and sepals", Licence: uci,
			Home: "https://archive.ics.uci.edu/dataset/53/iris", Shape: []int{4}, Classes: []string{"setosa", "versicolor", "virginica"}, TrainSize: 150,
		}, 2734, "f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449", named("iris.csv", scikit), tableSpec{scikit: true}, "iris.csv"),
		oneTable(Info{
			Name: "wine", What: "cultivars of wine by chemical analysis", Licence: uci,
			Home: "https://archive.ics.uci.edu/dataset/109/wine", Shape: []int{13}, Classes: []string{"class_0", "class_1", "class_2"}, TrainSize: 178,
		}, 11157, "10e8a802908b34f86e5da8ce962f3c806694bc98450a18f61851af59f324bede", named("wine_data.csv", scikit), tableSpec{scikit: true}, "wine_data.csv"),
		oneTable(Info{
			Name: "breast-cancer", What: "malignant and benign tumours by measures of their cells' nuclei", Licence: uci,
			Home: "https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic", Shape: []int{30}, Classes: []string{"malignant", "benign"}, TrainSize: 569,
		}, 119913, "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed", named("breast_cancer.csv", scikit), tableSpec{scikit: true}, "breast_cancer.csv"),
		oneTable(Info{
			Name: "california-housing", What: "median house values of districts in California, 1990", Licence: "public (StatLib)",
			Home: "https://lib.stat.cmu.edu/datasets/", Shape: []int{13}, Unit: "100,000 $", TrainSize: 20640,
		}, 409488, "d4cd501af90475f09b814c7447c7701f59bf28e8cf1180205ae5ace9737a0109", named("housing.tgz", geron+"housing/"),
			tableSpec{member: "housing.csv", target: "median_house_value", scale: 1e-5}, "california_housing.tgz"),
		oneTable(Info{
			Name: "penguins", What: "species of penguins by island, size and sex", Licence: "CC0 (Gorman, Williams, Fraser 2014)",
			Home: "https://allisonhorst.github.io/palmerpenguins/", Shape: []int{10}, Classes: []string{"Adelie", "Chinstrap", "Gentoo"}, TrainSize: 344,
		}, 13478, "e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1", named("penguins.csv", seaborn), tableSpec{target: "species"}, "penguins.csv"),
		oneTable(Info{
			Name: "mpg", What: "how far cars of 1970 to 1982 go on a gallon", Licence: "CC BY 4.0 (UCI)",
			Home: "https://archive.ics.uci.edu/dataset/9/auto+mpg", Shape: []int{9}, Unit: "miles per gallon", TrainSize: 398,
		}, 21222, "c14b8b855ea7ee86cb9736bf8caaf281c4685ca08826f3eb2acaccaaf40f0d5a", named("mpg.csv", seaborn), tableSpec{target: "mpg", drop: []string{"name"}}, "mpg.csv"),
		oneTable(Info{
			Name: "titanic", What: "who of the Titanic's passengers survived", Licence: "public statistics (Kaggle's copy)",
			Home: "https://www.kaggle.com/c/titanic", Shape: []int{11}, Classes: []string{"died", "survived"}, TrainSize: 891,
		}, 61904, "14769fb1850e2d26d8e6db0ee49c213878040432827e39b13caaa15603c6598f", named("train.csv", geron+"titanic/"),
			tableSpec{target: "Survived", drop: []string{"PassengerId", "Name", "Ticket", "Cabin"}, values: []string{"0", "1"}}, "titanic_train.csv"),
		{
			Info: Info{
				Name: "house-prices", What: "sale prices of houses in Ames, Iowa, 2006 to 2010, with Kaggle's test set, whose prices are not known", Licence: "free for education (De Cock 2011, Kaggle's copy)",
				Home: "https://www.kaggle.com/c/house-prices-advanced-regression-techniques", Shape: []int{304}, Unit: "$", TrainSize: 1460, TestSize: 1459,
			},
			folder: "tabular",
			files: []file{
				{path: "kaggle_house_pred_train.csv", size: 460676, sha256: "1e18addf81e5e4d347cc17ee6075bbe4a42b7fa26b9e5b063e8f692a5f929d41", urls: named("kaggle_house_pred_train.csv", "http://d2l-data.s3-accelerate.amazonaws.com/")},
				{path: "kaggle_house_pred_test.csv", size: 451405, sha256: "8fdd3d829d4d986b58f845c9553b225e67dd8383624d90fb6ca1d4bed5798c1e", urls: named("kaggle_house_pred_test.csv", "http://d2l-data.s3-accelerate.amazonaws.com/")},
			},
			table: &tableSpec{target: "SalePrice", drop: []string{"Id"}}, open: openTable,
		},
	}
}

// openTable reads a set that is a table, and divides it if it has no test set of its own.
func openTable(e *entry, set *Set, dir string, cfg Config) error {
	spec := e.table
	all, err := spec.read(filepath.Join(dir, e.files[0].path), nil)
	if err != nil {
		return err
	}
	if all.Rows == 0 {
		return fmt.Errorf("%s has no rows", all.Path)
	}
	target := spec.target
	if target == "" {
		target = all.Columns[len(all.Columns)-1].Name
	}
	if len(e.files) > 1 {
		set.TrainTable = all
		if set.TestTable, err = spec.read(filepath.Join(dir, e.files[1].path), all); err != nil {
			return err
		}
	} else if err := set.divide(e, all, target, cfg); err != nil {
		return err
	}
	set.Encoder, err = table.EncoderConfig{Target: target, Drop: spec.drop, Unseen: table.UnseenZeros}.Fit(set.TrainTable)
	if err != nil {
		return err
	}
	set.Features, set.Shape = set.Encoder.Names(), []int{set.Encoder.Width()}
	if set.Train, err = set.encode(e, set.TrainTable, target, cfg); err != nil {
		return err
	}
	set.Test, err = set.encode(e, set.TestTable, target, cfg)
	set.TrainSize, set.TestSize = set.TrainTable.Rows, set.TestTable.Rows
	return err
}

// read reads one table; like is the training table of a test table.
func (spec *tableSpec) read(path string, like *table.Table) (*table.Table, error) {
	if spec.scikit {
		return table.ReadScikit(path)
	}
	cfg := table.Config{Like: like}
	if spec.member == "" {
		return table.Read(path, cfg)
	}
	text, err := unpackMember(path, spec.member)
	if err != nil {
		return nil, err
	}
	t, err := table.Decode(bytes.NewReader(text), cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.Path = path
	return t, nil
}

// unpackMember returns one file of a tar.gz.
func unpackMember(path, member string) ([]byte, error) {
	const op = "unpack"
	f, size, err := format.Open(op, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := format.MaxInflated(size)
	r, _, err := format.Inflate(op, path, f, limit)
	if err != nil {
		return nil, err
	}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil, &format.Error{Op: op, Path: path, Entry: member, Offset: -1, Want: "a file of this name", Got: "none"}
		}
		if err != nil {
			return nil, &format.Error{Op: op, Path: path, Entry: member, Offset: -1, Want: "a tar archive", Err: err}
		}
		if h.Name == member && h.Typeflag == tar.TypeReg {
			return format.Bytes(op, t, limit)
		}
	}
}

// divide draws the rows to test on, from each class alike.
func (set *Set) divide(e *entry, all *table.Table, target string, cfg Config) error {
	rows := data.Tensors(tensor.Arange(tensor.Int64, 0, float64(all.Rows), 1), nil)
	labels := make([]int, all.Rows)
	if e.Classes != nil {
		y, err := set.labels(e, all, target)
		if err != nil {
			return err
		}
		for i, c := range tensor.ToSlice[int64](y) {
			labels[i] = int(c)
		}
	}
	parts := data.StratifiedSplits(rows, labels, cfg.Seed, 1-cfg.TestFraction, cfg.TestFraction)
	var tables [2]*table.Table
	for i, part := range parts {
		if part.Len() == 0 {
			return fmt.Errorf("with %g of %d rows to test on, training or test set is empty; change TestFraction", cfg.TestFraction, all.Rows)
		}
		b, err := data.All(part)
		if err != nil {
			return err
		}
		var index []int
		for _, n := range tensor.ToSlice[int64](b.X) {
			index = append(index, int(n))
		}
		tables[i] = all.Select(index)
	}
	set.TrainTable, set.TestTable = tables[0], tables[1]
	return nil
}

// labels returns the classes of a table's rows, Int64.
func (set *Set) labels(e *entry, t *table.Table, target string) (*tensor.Tensor, error) {
	values := e.table.values
	if values == nil {
		values = e.Classes
	}
	y, _, err := t.Labels(target, values)
	return y, err
}

// encode makes examples of a table's rows.
func (set *Set) encode(e *entry, t *table.Table, target string, cfg Config) (data.Dataset, error) {
	x, err := set.Encoder.Apply(t)
	if err != nil {
		return nil, err
	}
	if e.Classes != nil {
		y, err := set.labels(e, t, target)
		if err != nil {
			return nil, err
		}
		return data.Tensors(x, y), nil
	}
	if _, err := t.Find(target); err != nil && t != set.TrainTable {
		return data.Tensors(x, nil), nil // a test set whose answers aren't known
	}
	y, err := t.Floats(target)
	if err != nil {
		return nil, err
	}
	v := tensor.MutableData[float32](y)
	for i := range v {
		if e.table.scale != 0 {
			v[i] = float32(float64(v[i]) * e.table.scale)
		}
		if cfg.LogTarget {
			if v[i], err = logarithm(v[i], i); err != nil {
				return nil, err
			}
		}
	}
	return data.Tensors(x, y.Reshape(t.Rows, 1)), nil
}
