package table

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradus-ml/gradus/tensor"
)

func decode(text string, cfg Config) (*Table, error) { return Decode(strings.NewReader(text), cfg) }

func mustDecode(t *testing.T, text string, cfg Config) *Table {
	t.Helper()
	table, err := decode(text, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func readAll(text string) ([][]string, error) {
	r := NewReader(strings.NewReader(text), "")
	var rows [][]string
	for {
		row, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

func TestReaderFollowsRFC4180(t *testing.T) {
	for text, want := range map[string]string{
		"a,b\nc,d\n":                 "[[a b] [c d]]",
		"a,b\nc,d":                   "[[a b] [c d]]",
		"a,b\r\nc,d\r\n":             "[[a b] [c d]]",
		"a,b\n\n\n":                  "[[a b]]",
		"\xef\xbb\xbfa,b\n":          "[[a b]]",
		`"a","b ""c"", d"` + "\n":    `[[a b "c", d]]`,
		"\"a\nb\",\"\"\nc,d\n":       "[[a\nb ] [c d]]",
		",\n,\n":                     "[[ ] [ ]]",
		" a , b\n":                   "[[ a   b]]",
		"\"a\r\nb\",c\n":             "[[a\r\nb c]]",
		"ä,→\n":                      "[[ä →]]",
		`""` + "\n":                  "[[]]",
		`"a"`:                        "[[a]]",
		"a,\n":                       "[[a ]]",
		"one\ntwo\n":                 "[[one] [two]]",
		`"""",""""""` + "\n" + "1,2": `[[" ""] [1 2]]`,
	} {
		rows, err := readAll(text)
		if err != nil || fmt.Sprint(rows) != want {
			t.Errorf("%q: got %q, %v; want %q", text, fmt.Sprint(rows), err, want)
		}
	}
}

func TestReaderKnowsPositions(t *testing.T) {
	r := NewReader(strings.NewReader("a,b\n\"x\ny\",z\n"), "")
	for range 2 {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if line, column := r.Position(0); line != 2 || column != 1 {
		t.Errorf("first field at %d:%d, want 2:1", line, column)
	}
	if line, column := r.Position(1); line != 3 || column != 4 {
		t.Errorf("second field at %d:%d, want 3:4", line, column)
	}
}

const people = "name,age,city,score\nAnn,31,Oslo,1.5\nBob,NA,Rome,-2e3\nCy, 40 ,,0\nDee,29,Oslo,\n"

func TestKindsAreFoundOut(t *testing.T) {
	p := mustDecode(t, people, Config{})
	kinds := []Kind{Categorical, Numeric, Categorical, Numeric}
	for i, c := range p.Columns {
		if c.Kind != kinds[i] {
			t.Errorf("%s is %v, want %v", c.Name, c.Kind, kinds[i])
		}
	}
	age, _ := p.Find("age")
	if got := fmt.Sprint(age.Numbers); got != "[31 NaN 40 29]" || !age.Missing(1) || age.Missing(0) {
		t.Errorf("ages %s", got)
	}
	city, _ := p.Find("city")
	if got := city.Categories(10); !slices.Equal(got, []string{"Oslo", "Rome"}) || city.Text(1) != "Rome" || !city.Missing(2) || city.Text(2) != "" {
		t.Errorf("cities %q", got)
	}
	if got := city.Categories(0); len(got) != 1 {
		t.Errorf("the limit on categories gives %q", got)
	}
	if p.Rows != 4 {
		t.Errorf("%d rows", p.Rows)
	}
	if _, err := p.Find("shoe"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `columns of the table (4): "name", "age", "city", "score"`) {
		t.Errorf("missing column: %v", err)
	}
}

func TestKindsCanBeSet(t *testing.T) {
	p := mustDecode(t, "id,zone\n1,20\n2,30\n", Config{Kinds: map[string]Kind{"zone": Categorical, "id": Ignored}})
	if len(p.Columns) != 1 || p.Columns[0].Kind != Categorical || p.Columns[0].Text(1) != "30" {
		t.Errorf("%+v", p.Columns)
	}
	// A table like another takes its kinds where the columns are the same.
	q := mustDecode(t, "zone,more\n40,1\n", Config{Like: p})
	if q.Columns[0].Kind != Categorical || q.Columns[1].Kind != Numeric {
		t.Errorf("%+v", q.Columns)
	}
	u := mustDecode(t, "1;-\n2;x\n", Config{NoHeader: true, Comma: ';', Missing: []string{"-"}})
	if u.Columns[0].Name != "0" || u.Columns[1].Name != "1" || !u.Columns[1].Missing(0) || u.Columns[1].Missing(1) {
		t.Errorf("%+v", u.Columns)
	}
	v := mustDecode(t, "1,2\n", Config{NoHeader: true, Names: []string{"a", "b"}})
	if v.Columns[1].Name != "b" {
		t.Errorf("%+v", v.Columns)
	}
	// Words that could be floats but stand in a column without numbers.
	w := mustDecode(t, "name\nInf\nNan\nBob\n", Config{})
	if w.Columns[0].Kind != Categorical {
		t.Errorf("%+v", w.Columns)
	}
	all := mustDecode(t, "a,b\nNA,1\n,2\n", Config{})
	if all.Columns[0].Kind != Numeric || !all.Columns[0].Missing(1) {
		t.Errorf("%+v", all.Columns)
	}
}

func TestGzipIsFoundByContent(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, people)
	w.Close()
	path := filepath.Join(t.TempDir(), "people.csv")
	os.WriteFile(path, b.Bytes(), 0o666)
	if p, err := Read(path, Config{}); err != nil || p.Rows != 4 {
		t.Errorf("%v, %v", p, err)
	}
}

func TestSelect(t *testing.T) {
	p := mustDecode(t, people, Config{}).Select([]int{2, 0})
	name, _ := p.Find("name")
	age, _ := p.Find("age")
	city, _ := p.Find("city")
	if p.Rows != 2 || name.Text(0) != "Cy" || age.Numbers[1] != 31 || !city.Missing(0) || city.Text(1) != "Oslo" {
		t.Errorf("%+v", p)
	}
	if _, err := p.Floats("city"); err == nil || !strings.Contains(err.Error(), `entry "city": expected a numeric column, got a categorical one`) {
		t.Error(err)
	}
}

func TestTargets(t *testing.T) {
	p := mustDecode(t, "y,class,digit\n1.5,b,7\n-2,a,10\n3,b,7\n", Config{})
	y, err := p.Floats("y")
	if err != nil || !slices.Equal(tensor.ToSlice[float32](y), []float32{1.5, -2, 3}) {
		t.Errorf("%v, %v", y, err)
	}
	labels, classes, err := p.Labels("class", nil)
	if err != nil || !slices.Equal(classes, []string{"a", "b"}) || !slices.Equal(tensor.ToSlice[int64](labels), []int64{1, 0, 1}) {
		t.Errorf("%v, %v, %v", labels, classes, err)
	}
	// Numbers are ordered by value: "10" comes behind "7".
	labels, classes, err = p.Labels("digit", nil)
	if err != nil || !slices.Equal(classes, []string{"7", "10"}) || !slices.Equal(tensor.ToSlice[int64](labels), []int64{0, 1, 0}) {
		t.Errorf("%v, %v, %v", labels, classes, err)
	}
	_, _, err = p.Labels("class", []string{"b", "c"})
	if err == nil || err.Error() != `use table: line 3, entry "class": expected one of the classes "b", "c", got "a"` {
		t.Error(err)
	}
	q := mustDecode(t, "y,class\nNA,a\n1,NA\n", Config{})
	if _, err := q.Floats("y"); err == nil || !strings.Contains(err.Error(), `line 2, entry "y": expected a value, got a missing one`) {
		t.Error(err)
	}
	if _, _, err := q.Labels("class", nil); err == nil || !strings.Contains(err.Error(), `line 3, entry "class": expected a class, got a missing value`) {
		t.Error(err)
	}
}

// The values are computed by hand: ages 31, 40, 29 have mean 33.333 and
// population variance 22.889.
func TestEncoder(t *testing.T) {
	train := mustDecode(t, people, Config{})
	e, err := EncoderConfig{Target: "score", Drop: []string{"name"}}.Fit(train)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Names(); !slices.Equal(got, []string{"age", "city=Oslo", "city=Rome", "city=NA"}) || e.Width() != 4 {
		t.Errorf("features %q", got)
	}
	x, err := e.Apply(train)
	if err != nil {
		t.Fatal(err)
	}
	std := math.Sqrt(206.0 / 9)
	mean := 100.0 / 3
	want := []float32{
		float32((31 - mean) / std), 1, 0, 0,
		0, 0, 1, 0,
		float32((40 - mean) / std), 0, 0, 1,
		float32((29 - mean) / std), 1, 0, 0,
	}
	for i, got := range tensor.ToSlice[float32](x) {
		if math.Abs(float64(got-want[i])) > 1e-6 {
			t.Fatalf("got %v, want %v", tensor.ToSlice[float32](x), want)
		}
	}
}

func TestEncoderOnOtherTables(t *testing.T) {
	train := mustDecode(t, people, Config{})
	e, err := EncoderConfig{Target: "score", Drop: []string{"name"}, KeepScale: true}.Fit(train)
	if err != nil {
		t.Fatal(err)
	}
	// Columns in another order, one more, no target.
	x, err := e.Apply(mustDecode(t, "extra,city,age\n1,Rome,NA\n2,NA,50\n", Config{Like: train}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tensor.ToSlice[float32](x), []float32{100.0 / 3, 0, 1, 0, 50, 0, 0, 1}; !slices.Equal(got, want) || !slices.Equal(x.Shape(), []int{2, 4}) {
		t.Errorf("got %v, want %v", got, want)
	}
	unseen := mustDecode(t, "city,age\nOslo,1\nBonn,1\n", Config{Like: train})
	_, err = e.Apply(unseen)
	if want := `use table: line 3, entry "city": expected one of the training table's 2 categories ("Oslo", "Rome"), got "Bonn"; set EncoderConfig.Unseen to UnseenZeros to allow it`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	e.Config.Unseen = UnseenZeros
	x, err = e.Apply(unseen)
	if err != nil || !slices.Equal(tensor.ToSlice[float32](x), []float32{1, 1, 0, 0, 1, 0, 0, 0}) {
		t.Errorf("%v, %v", x, err)
	}
	for text, want := range map[string]string{
		"age\n1\n":           `expected the columns that the encoder was fitted on, got a table without 1 of them: "city"`,
		"city,age\n1,1\n":    `entry "city": expected a categorical column, as in the training table, got a numeric one; read the table with Config.Like`,
		"something\nelse\n":  `without 2 of them: "age", "city"`,
		"city,age\nOslo,x\n": `entry "age": expected a numeric column, as in the training table, got a categorical one`,
	} {
		if _, err := e.Apply(mustDecode(t, text, Config{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := (EncoderConfig{Target: "scoer"}).Fit(train); err == nil || !strings.Contains(err.Error(), `entry "scoer": expected a column of this name`) {
		t.Error(err)
	}
	if _, err := (EncoderConfig{MaxCategories: 3}).Fit(train); err == nil || !strings.Contains(err.Error(), `entry "name": expected at most 3 categories, got more; drop the column, or raise MaxCategories`) {
		t.Error(err)
	}
}

// A column that never changes, or has no values at all, doesn't make NaNs.
func TestEncoderDividesByNoZero(t *testing.T) {
	p := mustDecode(t, "a,b\n5,NA\n5,NA\n", Config{})
	e, err := EncoderConfig{}.Fit(p)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Apply(p)
	if err != nil || !slices.Equal(tensor.ToSlice[float32](x), []float32{0, 0, 0, 0}) {
		t.Errorf("%v, %v", x, err)
	}
}

func TestStream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(people[:strings.LastIndex(people, "Dee")]+"Dee,29,Oslo,8\nEve,7,NA,9\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	whole, err := Read(path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := EncoderConfig{Target: "score", Drop: []string{"name"}}.Fit(whole)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := e.Apply(whole)
	y, _ := whole.Floats("score")
	for _, size := range []int{1, 2, 3, 5, 9} {
		for first := range 2 {
			var xs, ys []float32
			rows := first * size
			for b, err := range (Stream{Path: path, Encoder: e, Batch: size}).EpochFrom(t.Context(), 0, first) {
				if err != nil {
					t.Fatal(err)
				}
				if b.Index[0] != rows {
					t.Errorf("batch begins with row %d, want %d", b.Index[0], rows)
				}
				rows += b.Len()
				xs = append(xs, tensor.ToSlice[float32](b.X)...)
				ys = append(ys, tensor.ToSlice[float32](b.Y)...)
			}
			skip := min(first*size, 5)
			if !slices.Equal(xs, tensor.ToSlice[float32](x)[skip*e.Width():]) || !slices.Equal(ys, tensor.ToSlice[float32](y)[skip:]) {
				t.Errorf("batches of %d from %d: %v %v", size, first, xs, ys)
			}
		}
	}
	// Classes, stopping early, cancelling.
	e.Config.Target = "city"
	n := 0
	for b, err := range (Stream{Path: path, Encoder: &Encoder{Config: EncoderConfig{Target: "city"}, Features: e.Features[:1]}, Classes: []string{"Rome", "Oslo"}, Batch: 2}).Epoch(t.Context(), 0) {
		if n++; n == 1 && (err != nil || !slices.Equal(tensor.ToSlice[int64](b.Y), []int64{1, 0})) {
			t.Errorf("%v, %v", b.Y, err)
		}
		if n == 2 && (err == nil || !strings.Contains(err.Error(), `people.csv:4, entry "city": expected a class, got a missing value`)) {
			t.Errorf("%v, %v", b.Y, err)
		}
	}
	if n != 2 {
		t.Errorf("%d batches", n)
	}
	e.Config.Target = ""
	for range (Stream{Path: path, Encoder: e, Batch: 2}).Epoch(t.Context(), 0) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n = 0
	for _, err := range (Stream{Path: path, Encoder: e, Batch: 2}).Epoch(ctx, 0) {
		if n++; n == 2 && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n != 2 {
		t.Errorf("%d batches after cancelling", n)
	}
	os.WriteFile(path, []byte("age,city\n1,Oslo\nx,Oslo\n"), 0o666)
	for _, err := range (Stream{Path: path, Encoder: e, Batch: 4}).Epoch(t.Context(), 0) {
		if err == nil || !strings.Contains(err.Error(), path+`:3:1, entry "age": expected a number, got "x"`) {
			t.Error(err)
		}
	}
}

func dataFile(t *testing.T, name string) string {
	root := os.Getenv("GRADUS_DATA")
	if root == "" {
		t.Skip("needs GRADUS_DATA, a folder with tabular")
	}
	return filepath.Join(root, "tabular", name)
}

// Sizes and class names are those of the sets' documentation.
func TestRealTables(t *testing.T) {
	for _, c := range []struct {
		name           string
		rows, features int
		classes        string
	}{
		{"iris.csv", 150, 4, "[setosa versicolor virginica]"}, {"wine_data.csv", 178, 13, "[class_0 class_1 class_2]"},
		{"breast_cancer.csv", 569, 30, "[malignant benign]"}, {"boston_house_prices.csv", 506, 13, "[]"},
	} {
		p, err := ReadScikit(dataFile(t, c.name))
		if err != nil {
			t.Fatal(err)
		}
		if p.Rows != c.rows || len(p.Columns) != c.features+1 || fmt.Sprint(p.Classes) != c.classes {
			t.Errorf("%s: %d rows, %d columns, classes %v", c.name, p.Rows, len(p.Columns), p.Classes)
		}
		for _, col := range p.Columns {
			if col.Kind != Numeric {
				t.Errorf("%s: column %q is %v", c.name, col.Name, col.Kind)
			}
		}
	}
	iris, _ := ReadScikit(dataFile(t, "iris.csv"))
	labels, classes, err := iris.Labels("target", nil)
	if err != nil || tensor.ToSlice[int64](labels)[149] != 2 || classes[2] != "virginica" {
		t.Errorf("iris: %v, %v", classes, err)
	}
	boston, _ := ReadScikit(dataFile(t, "boston_house_prices.csv"))
	if y, err := boston.Floats("MEDV"); err != nil || tensor.ToSlice[float32](y)[0] != 24 {
		t.Errorf("boston: %v", err)
	}

	for _, c := range []struct {
		name          string
		cfg           Config
		rows, columns int
		numeric       int
	}{
		{"penguins.csv", Config{}, 344, 7, 4}, {"mpg.csv", Config{}, 398, 9, 7}, {"titanic_train.csv", Config{}, 891, 12, 7}, {"flights.csv", Config{}, 144, 3, 2},
		{"digits.csv.gz", Config{NoHeader: true}, 1797, 65, 65}, {"diabetes_data.csv.gz", Config{NoHeader: true, Comma: ' '}, 442, 10, 10},
		{"diabetes_data_raw.csv.gz", Config{NoHeader: true, Comma: ' '}, 442, 10, 10}, {"linnerud_exercise.csv", Config{Comma: ' '}, 20, 3, 3},
		{"kaggle_house_pred_train.csv", Config{}, 1460, 81, 38}, {"kaggle_house_pred_test.csv", Config{}, 1459, 80, 37},
	} {
		p, err := Read(dataFile(t, c.name), c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		numeric := 0
		for _, col := range p.Columns {
			if col.Kind == Numeric {
				numeric++
			}
		}
		if p.Rows != c.rows || len(p.Columns) != c.columns || numeric != c.numeric {
			t.Errorf("%s: %d rows, %d columns, %d numeric; want %d, %d, %d", c.name, p.Rows, len(p.Columns), numeric, c.rows, c.columns, c.numeric)
		}
	}
}

// D2L (section 5.7) gets 331 features from the house prices by
// pandas.get_dummies(dummy_na=True) over both tables; without the indicators
// of missing values that no column needs, and of categories that only the test
// table has, fewer are left: by Python's csv module, the training table has 36
// columns of numbers, 252 categories in the others, and 16 of these miss cells.
func TestHousePrices(t *testing.T) {
	train, err := Read(dataFile(t, "kaggle_house_pred_train.csv"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	test, err := Read(dataFile(t, "kaggle_house_pred_test.csv"), Config{Like: train})
	if err != nil {
		t.Fatal(err)
	}
	e, err := EncoderConfig{Target: "SalePrice", Drop: []string{"Id"}, Unseen: UnseenZeros}.Fit(train)
	if err != nil {
		t.Fatal(err)
	}
	if e.Width() != 304 {
		t.Errorf("%d features", e.Width())
	}
	for _, p := range []*Table{train, test} {
		x, err := e.Apply(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range tensor.ToSlice[float32](x) {
			if math.IsNaN(float64(v)) || math.Abs(float64(v)) > 60 {
				t.Fatalf("a feature of %v", v)
			}
		}
	}
	y, err := train.Floats("SalePrice")
	if err != nil || tensor.ToSlice[float32](y)[0] != 208500 {
		t.Error(err)
	}
}

func TestCaliforniaHousing(t *testing.T) {
	f, err := os.Open(dataFile(t, "california_housing.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(z)
	if _, err := archive.Next(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	p := mustDecode(t, string(text), Config{})
	missing := 0
	bedrooms, err := p.Find("total_bedrooms")
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Rows {
		if bedrooms.Missing(i) {
			missing++
		}
	}
	if p.Rows != 20640 || len(p.Columns) != 10 || missing != 207 {
		t.Errorf("%d rows, %d columns, %d missing", p.Rows, len(p.Columns), missing)
	}
}

func Example() {
	train, err := Decode(strings.NewReader("rooms,town,price\n3,Oslo,120\n5,Rome,200\n4,NA,150\n"), Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	enc, err := EncoderConfig{Target: "price"}.Fit(train)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(enc.Names())
	x, err := enc.Apply(train)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f\n", tensor.ToSlice[float32](x))
	// Output:
	// [rooms town=Oslo town=Rome town=NA]
	// [-1.22 1.00 0.00 0.00 1.22 0.00 1.00 0.00 0.00 0.00 0.00 1.00]
}
