package imagefolder

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/tensor"
)

// Image is a decoded image: Pix[(c*Height+y)*Width+x] is channel c at row y,
// column x, from 0 (dark) to 255.
type Image struct {
	Channels, Height, Width int
	Pix                     []uint8
}

// Tensor returns the image as float32 [channels, height, width] in [0, 1].
func (im *Image) Tensor() *tensor.Tensor {
	x := tensor.Empty(tensor.Float32, im.Channels, im.Height, im.Width)
	out := tensor.MutableData[float32](x)
	var parts [256]float32 // quicker than dividing
	for i := range parts {
		parts[i] = float32(i) / 255
	}
	for i, p := range im.Pix {
		out[i] = parts[p]
	}
	return x
}

// ReadImage reads and decodes the image in the file at path. cfg's Height and
// Width don't count.
func ReadImage(path string, cfg Config) (*Image, error) {
	f, size, err := format.Open(readOp, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decode(f, size, path, cfg)
}

// Decode decodes the image that data holds. cfg's Height and Width don't
// count.
func Decode(data []byte, cfg Config) (*Image, error) {
	return decode(bytes.NewReader(data), int64(len(data)), "", cfg)
}

// codec is one of the formats that we read.
type codec struct {
	name, magic string
	config      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
	// room is the most pixels that a complete file of n bytes can hold. A
	// header that promises more lies, whatever the limit.
	room func(n int64) int64
	// tail is what a whole file ends in.
	tail string
}

var codecs = []codec{
	// Deflate shrinks at most 1,032-fold; 8 one-bit pixels are a byte.
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, func(n int64) int64 { return 8 * 1032 * n }, "IEND\xaeB`\x82"},
	// Each block of 64 pixels takes at least one bit. Cameras append previews
	// and videos to JPEGs, so that their end says nothing.
	{"JPEG", "\xff\xd8", jpeg.DecodeConfig, jpeg.Decode, func(n int64) int64 { return 8 * 64 * n }, ""},
	// An LZW code, at least 3 bits, stands for at most 4,096 pixels.
	{"GIF", "GIF8", gif.DecodeConfig, gif.Decode, func(n int64) int64 { return 8 * 4096 * n / 3 }, "\x3b"},
}

func decode(r io.ReadSeeker, size int64, path string, cfg Config) (*Image, error) {
	fail := func(want, got string, err error) error {
		return &format.Error{Op: readOp, Path: path, Offset: -1, Want: want, Got: got, Err: err}
	}
	if size == 0 {
		return nil, fail("an image", "an empty file", nil)
	}
	start := make([]byte, min(size, 16))
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, fail("an image", "", whole(err))
	}
	var c *codec
	for i := range codecs {
		if bytes.HasPrefix(start, []byte(codecs[i].magic)) {
			c = &codecs[i]
		}
	}
	if c == nil {
		got := format.Foreign(start)
		if got == "" {
			got = "a file that begins with " + format.Quote(start)
		}
		return nil, fail("a PNG, JPEG or GIF image", got, nil)
	}

	in := &source{r: r}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fail("", "", err)
	}
	header, err := c.config(in)
	if err != nil {
		return nil, fail("an intact "+c.name+" header", "", in.cause(err))
	}
	if header.Width <= 0 || header.Height <= 0 {
		return nil, fail("a width and height from 1 on", fmt.Sprintf("%d × %d", header.Width, header.Height), nil)
	}
	most := int64(cfg.MaxPixels)
	if most <= 0 {
		most = 1 << 25
	}
	pixels := int64(header.Width) * int64(header.Height) // each below 2^31
	if pixels > most {
		e := fail(fmt.Sprintf("at most %d pixels", most), fmt.Sprintf("%d × %d", header.Width, header.Height), nil).(*format.Error)
		e.Hint = "if the image is genuine, make it smaller or raise MaxPixels"
		return nil, e
	}
	if pixels > c.room(size) {
		return nil, fail(fmt.Sprintf("at most %d pixels in a %s file of %d bytes", c.room(size), c.name, size), fmt.Sprintf("%d × %d", header.Width, header.Height), io.ErrUnexpectedEOF)
	}
	if c.tail != "" {
		end := make([]byte, len(c.tail))
		if _, err := r.Seek(size-int64(len(end)), io.SeekStart); err != nil {
			return nil, fail("", "", err)
		}
		if _, err := io.ReadFull(r, end); err != nil {
			return nil, fail("the end of a "+c.name+" image", "", whole(err))
		}
		if string(end) != c.tail {
			return nil, fail("the end of a "+c.name+" image", format.Quote(end)+" (the file is cut short, or has junk behind its end)", nil)
		}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fail("", "", err)
	}
	picture, err := c.decode(in)
	if err != nil {
		return nil, fail("intact "+c.name+" data", "", in.cause(err))
	}
	im := convert(picture, header.Width, header.Height, cfg)
	if cfg.Upright && c.name == "JPEG" {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, fail("", "", err)
		}
		start, err := io.ReadAll(io.LimitReader(r, exifWithin))
		if err != nil {
			return nil, fail("", "", err)
		}
		im = im.turned(orientation(start))
	}
	return im, nil
}

// source remembers the error of a failed read: image/gif doesn't pass it on in
// a form that errors.Is finds.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// cause returns the error of a failed read, else err, which a decoder returned.
func (s *source) cause(err error) error {
	if s.err != nil {
		return s.err
	}
	return whole(err)
}

// whole makes an early end of the file sound like one.
func whole(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends early: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// convert makes an Image of width × height out of any picture. The first frame
// of a GIF may cover only a part; the rest is transparent black.
func convert(picture image.Image, width, height int, cfg Config) *Image {
	plane := width * height
	im := &Image{Channels: cfg.Mode.Channels(), Height: height, Width: width, Pix: make([]uint8, cfg.Mode.Channels()*plane)}
	if g, ok := picture.(*image.Gray); ok && cfg.Mode == Gray && g.Stride == width && len(g.Pix) == plane { // as it is
		copy(im.Pix, g.Pix)
		return im
	}
	put := func(i int, c color.NRGBA) {
		if cfg.Background != nil {
			c = over(c, cfg.Background)
		}
		if cfg.Mode == Gray {
			im.Pix[i] = uint8((uint32(c.R)*19595 + uint32(c.G)*38470 + uint32(c.B)*7471 + 1<<15) >> 16)
			return
		}
		im.Pix[i], im.Pix[i+plane], im.Pix[i+2*plane] = c.R, c.G, c.B
	}
	b := picture.Bounds()
	if p, ok := picture.(*image.YCbCr); ok && cfg.Mode != Gray && b.Dx() == width && b.Dy() == height {
		im.photo(p)
		return im
	}
	offset := b.Min
	if b.Dx() == width && b.Dy() == height {
		offset = image.Point{}
	} else if cfg.Background != nil {
		for i := range plane {
			put(i, color.NRGBA{})
		}
	}
	at := reader(picture)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := (y - b.Min.Y + offset.Y) * width
		for x := b.Min.X; x < b.Max.X; x++ {
			put(row+x-b.Min.X+offset.X, at(x, y))
		}
	}
	return im
}

// photo is convert for what JPEG decoders give, opaque colours: most pixels of most data sets.
func (im *Image) photo(p *image.YCbCr) {
	b, plane := p.Bounds(), im.Width*im.Height
	chroma := make([]int, im.Width) // from the first one of a row
	for x := range chroma {
		chroma[x] = p.COffset(b.Min.X+x, b.Min.Y) - p.COffset(b.Min.X, b.Min.Y)
	}
	for y := range im.Height {
		at, c := p.YOffset(b.Min.X, b.Min.Y+y), p.COffset(b.Min.X, b.Min.Y+y)
		luma, cb, cr := p.Y[at:at+im.Width], p.Cb[c:], p.Cr[c:]
		red, green, blue := im.Pix[y*im.Width:], im.Pix[plane+y*im.Width:], im.Pix[2*plane+y*im.Width:]
		for x, l := range luma {
			red[x], green[x], blue[x] = color.YCbCrToRGB(l, cb[chroma[x]], cr[chroma[x]])
		}
	}
}

// reader returns a function that gives a pixel of picture, without allocating
// for the kinds that decoders give most often.
func reader(picture image.Image) func(x, y int) color.NRGBA {
	switch p := picture.(type) {
	case *image.Gray:
		return func(x, y int) color.NRGBA {
			v := p.Pix[p.PixOffset(x, y)]
			return color.NRGBA{v, v, v, 255}
		}
	case *image.YCbCr:
		return func(x, y int) color.NRGBA {
			i, j := p.YOffset(x, y), p.COffset(x, y)
			r, g, b := color.YCbCrToRGB(p.Y[i], p.Cb[j], p.Cr[j])
			return color.NRGBA{r, g, b, 255}
		}
	case *image.NRGBA:
		return p.NRGBAAt
	case *image.RGBA:
		if p.Opaque() {
			return func(x, y int) color.NRGBA { return color.NRGBA(p.RGBAAt(x, y)) }
		}
	case *image.Paletted:
		table := make([]color.NRGBA, 256)
		for i, c := range p.Palette {
			table[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
		}
		return func(x, y int) color.NRGBA { return table[p.ColorIndexAt(x, y)] }
	case *image.CMYK:
		return func(x, y int) color.NRGBA {
			c := p.CMYKAt(x, y)
			r, g, b := color.CMYKToRGB(c.C, c.M, c.Y, c.K)
			return color.NRGBA{r, g, b, 255}
		}
	case *image.NRGBA64: // 16 bits: the upper 8, also under transparency
		return func(x, y int) color.NRGBA {
			c := p.NRGBA64At(x, y)
			return color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), uint8(c.A >> 8)}
		}
	}
	return func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA) }
}

// over puts c over an opaque background.
func over(c color.NRGBA, background color.Color) color.NRGBA {
	if c.A == 255 {
		return c
	}
	b := color.NRGBAModel.Convert(background).(color.NRGBA)
	mix := func(f, g uint8) uint8 {
		return uint8((uint32(f)*uint32(c.A) + uint32(g)*(255-uint32(c.A)) + 127) / 255)
	}
	return color.NRGBA{mix(c.R, b.R), mix(c.G, b.G), mix(c.B, b.B), 255}
}
