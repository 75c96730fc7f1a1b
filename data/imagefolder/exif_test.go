package imagefolder

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// withOrientation returns a JPEG file with an Exif segment that holds another tag and the orientation.
func withOrientation(t *testing.T, picture image.Image, order binary.AppendByteOrder, value uint16) []byte {
	t.Helper()
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, picture, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint16(order.AppendUint32(tiff, 8), 2) // two entries
	for _, e := range [][2]uint16{{0x0100, 5}, {0x0112, value}} {
		tiff = order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, e[0]), 3), 1)
		tiff = order.AppendUint16(order.AppendUint16(tiff, e[1]), 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	file := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(2+len(segment)))...)
	return append(append(file, segment...), plain.Bytes()[2:]...)
}

// Where the upper left and the upper right corner of the stored picture are seen, by the Exif standard's table of orientations.
func TestUprightTurnsAsExifSays(t *testing.T) {
	const w, h = 48, 32
	stored := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := uint8(0)
			switch {
			case x < 16 && y < 16:
				v = 255 // upper left
			case x >= 32 && y < 16:
				v = 136 // upper right
			}
			stored.SetGray(x, y, color.Gray{v})
		}
	}
	places := []string{"", "left top, right top", "right top, left top", "right bottom, left bottom", "left bottom, right bottom",
		"left top, left bottom", "right top, right bottom", "right bottom, right top", "left bottom, left top"}
	for o := uint16(1); o <= 8; o++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			file := withOrientation(t, stored, order, o)
			im, err := Decode(file, Config{Mode: Gray, Upright: true})
			if err != nil {
				t.Fatal(err)
			}
			at := map[uint8]string{}
			for _, y := range []struct {
				row  int
				name string
			}{{2, "top"}, {im.Height - 3, "bottom"}} {
				at[im.Pix[y.row*im.Width+2]&0xf0] = "left " + y.name
				at[im.Pix[y.row*im.Width+im.Width-3]&0xf0] = "right " + y.name
			}
			if got := at[0xf0] + ", " + at[0x80]; got != places[o] {
				t.Errorf("orientation %d: corners are at %s, want %s", o, got, places[o])
			}
			if wide := im.Width == w && im.Height == h; wide != (o < 5) {
				t.Errorf("orientation %d: the picture is %d × %d", o, im.Width, im.Height)
			}
			if im, err := Decode(file, Config{Mode: Gray}); err != nil || im.Width != w {
				t.Errorf("orientation %d turns without being asked: %v, %v", o, im, err)
			}
		}
	}
}

// Exif that makes no sense is no reason to refuse a picture.
func TestUprightPassesOverBrokenExif(t *testing.T) {
	whole := withOrientation(t, image.NewGray(image.Rect(0, 0, 9, 5)), binary.LittleEndian, 6)
	for at := 4; at < 60; at++ {
		for _, v := range []byte{0, 0xff, whole[at] ^ 0x41} {
			broken := bytes.Clone(whole)
			broken[at] = v
			if at := orientation(broken[:min(len(broken), 20+at)]); at < 1 || at > 8 {
				t.Fatalf("orientation %d", at)
			}
		}
	}
	if o := orientation(withOrientation(t, image.NewGray(image.Rect(0, 0, 9, 5)), binary.LittleEndian, 9)); o != 1 {
		t.Errorf("orientation 9 is taken for %d", o)
	}
}
