package sets

import "strings"

// file is one file of a set.
type file struct {
	path   string // in the set's folder, with slashes
	size   int64
	sha256 string
	urls   []string // the same bytes at each
}

// entry is a set that this package knows.
type entry struct {
	Info
	folder  string // in Dir
	files   []file // all of them are needed
	archive *file  // a tar.gz that holds files, where they aren't fetched one by one
	advice  string // how to come by files that can't be fetched
	open    func(e *entry, set *Set, dir string, cfg Config) error
	table   *tableSpec
	loose   bool // archives that others have packed serve too: what matters is that they can be read
}

// named returns where a file called name lies under each of the addresses.
func named(name string, under ...string) []string {
	var out []string
	for _, u := range under {
		out = append(out, u+name)
	}
	return out
}

var tenDigits = strings.Fields("0 1 2 3 4 5 6 7 8 9")

var cifarClasses = strings.Fields("airplane automobile bird cat deer dog frog horse ship truck")

const (
	cifarHome    = "https://www.cs.toronto.edu/~kriz/cifar.html"
	cifarTerm    = "none stated; cite A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"
	scikitImage  = "https://raw.githubusercontent.com/scikit-image/scikit-image/v0.22.0/skimage/data/"
	scikitPhotos = "https://raw.githubusercontent.com/scikit-learn/scikit-learn/main/sklearn/datasets/images/"
	scikit       = "https://raw.githubusercontent.com/scikit-learn/scikit-learn/main/sklearn/datasets/data/"
	seaborn      = "https://raw.githubusercontent.com/mwaskom/seaborn-data/master/"
	geron        = "https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/"
)

// catalogue returns all sets. Sizes and checksums are of the files as they are published.
func catalogue() []entry {
	return append([]entry{
		{
			Info: Info{
				Name: "digits", What: "digits drawn with the Go fonts and warped, grey, 28×28; generated, no files needed", Licence: "Apache-2.0, fonts BSD-3-Clause",
				Home: "this program", Shape: []int{1, 28, 28}, Classes: tenDigits, TrainSize: 12000, TestSize: 2000,
			},
			open: openDigits,
		},
		{
			Info: Info{
				Name: "mnist", What: "handwritten digits, grey, 28×28", Licence: "none stated; usually given as CC BY-SA 3.0 (LeCun, Cortes, Burges)",
				Home: "http://yann.lecun.com/exdb/mnist/", Shape: []int{1, 28, 28}, Classes: tenDigits, TrainSize: 60000, TestSize: 10000,
			},
			folder: "mnist",
			files: idxFiles([4]file{
				{size: 9912422, sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
				{size: 28881, sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
				{size: 1648877, sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
				{size: 4542, sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
			}, "https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
			open: openIDX,
		},
		{
			Info: Info{
				Name: "fashion-mnist", What: "pictures of clothes, shoes and bags, grey, 28×28", Licence: "MIT, © 2017 Zalando SE",
				Home: "https://github.com/zalandoresearch/fashion-mnist", Shape: []int{1, 28, 28}, TrainSize: 60000, TestSize: 10000,
				Classes: []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
			},
			folder: "fashion-mnist",
			files: idxFiles([4]file{
				{size: 26421880, sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
				{size: 29515, sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
				{size: 4422102, sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
				{size: 5148, sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
			}, "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
			open: openIDX,
		},
		{
			Info: Info{
				Name: "cifar10", What: "small photographs of ten kinds of things, colour, 32×32", Licence: cifarTerm,
				Home: cifarHome, Shape: []int{3, 32, 32}, Classes: cifarClasses, TrainSize: 50000, TestSize: 10000,
			},
			folder: "cifar10",
			files: []file{
				{path: "cifar-10-batches-bin/data_batch_1.bin", size: 30730000, sha256: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
				{path: "cifar-10-batches-bin/data_batch_2.bin", size: 30730000, sha256: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
				{path: "cifar-10-batches-bin/data_batch_3.bin", size: 30730000, sha256: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
				{path: "cifar-10-batches-bin/data_batch_4.bin", size: 30730000, sha256: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
				{path: "cifar-10-batches-bin/data_batch_5.bin", size: 30730000, sha256: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
				{path: "cifar-10-batches-bin/test_batch.bin", size: 30730000, sha256: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
			},
			archive: &file{
				path: "cifar-10-binary.tar.gz", size: 170052171, sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
				urls: named("cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/"),
			},
			open: openCIFAR,
		},
		{
			Info: Info{
				Name: "cifar10-subset", What: "the first 4,000 training and 1,000 test images of cifar10; to be cut from it", Licence: cifarTerm,
				Home: cifarHome, Shape: []int{3, 32, 32}, Classes: cifarClasses, TrainSize: 4000, TestSize: 1000,
			},
			folder: "cifar10-subset",
			files: []file{
				{path: "cifar-10-batches-bin/data_batch_1.bin", size: 12292000, sha256: "0993cf8b8e43bc207603aef9787006995746513f5e3fa5a52e06d1b069926330"},
				{path: "cifar-10-batches-bin/test_batch.bin", size: 3073000, sha256: "8314c96d7cd65618193bab23acdd5d4c4af15bf6dd00a1781d55beedf3be1ef5"},
			},
			advice: "the first 4,000 and 1,000 records, of 3,073 bytes each, of the files of these names in cifar10",
			open:   openCIFAR,
		},
		{
			Info: Info{
				Name: "photos", What: "seven photographs of different sizes, two of them grey", Licence: "public domain and CC0; china and flower CC BY 2.0; coins: no known restrictions",
				Home: "https://scikit-image.org/docs/stable/api/skimage.data.html", TrainSize: 7,
			},
			folder: "photos",
			files: []file{
				{path: "astronaut.png", size: 791555, sha256: "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5", urls: named("astronaut.png", scikitImage)},
				{path: "camera.png", size: 139512, sha256: "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a", urls: named("camera.png", scikitImage)},
				{path: "chelsea.png", size: 240512, sha256: "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb", urls: named("chelsea.png", scikitImage)},
				{path: "china.jpg", size: 196653, sha256: "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29", urls: named("china.jpg", scikitPhotos)},
				{path: "coffee.png", size: 466706, sha256: "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7", urls: named("coffee.png", scikitImage)},
				{path: "coins.png", size: 75825, sha256: "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba", urls: named("coins.png", scikitImage)},
				{path: "flower.jpg", size: 142987, sha256: "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638", urls: named("flower.jpg", scikitPhotos)},
			},
			open: openPhotos,
		},
	}, append(append(omniglots(), scenes()...), tables()...)...)
}

// idxFiles completes the description of the four files that MNIST and its successors have.
func idxFiles(files [4]file, under ...string) []file {
	for i, name := range []string{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"} {
		files[i].path, files[i].urls = name, named(name, under...)
	}
	return files[:]
}
