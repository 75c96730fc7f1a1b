package imagefolder

import (
	"bytes"
	"encoding/binary"
)

// exifWithin is how many bytes of a JPEG file are searched: Exif comes first, in a segment of at most 64 KiB.
const exifWithin = 1 << 17

// orientation returns the Exif orientation of the JPEG file that starts with data, from 1 to 8, and 1, which changes nothing, if there is none or
// if what is there makes no sense: it is an ornament of the file, and no reason to refuse it.
func orientation(data []byte) int {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, size := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == 0xda || size < 2 { // the picture itself begins
			return 1
		}
		segment := data[at+4 : max(at+4, min(at+2+size, len(data)))]
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return orientationTag(tiff)
		}
		at += 2 + size
	}
	return 1
}

// orientationTag returns the tag 0x0112 of the first directory of a TIFF file (Exif 2.32, §4.6).
func orientationTag(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	first := int64(order.Uint32(tiff[4:]))
	if first+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[first+2:]
	for range order.Uint16(tiff[first:]) {
		if len(entries) < 12 {
			break
		}
		if v := order.Uint16(entries[8:]); order.Uint16(entries) == 0x0112 && v >= 1 && v <= 8 {
			return int(v)
		}
		entries = entries[12:]
	}
	return 1
}

// turned returns the image as an Exif orientation wants it to be seen.
func (im *Image) turned(orientation int) *Image {
	if orientation == 1 {
		return im
	}
	w, h := im.Width, im.Height
	out := &Image{Channels: im.Channels, Height: h, Width: w, Pix: make([]uint8, len(im.Pix))}
	if orientation >= 5 { // rows are columns
		out.Height, out.Width = w, h
	}
	for c := range im.Channels {
		from, to := im.Pix[c*w*h:][:w*h], out.Pix[c*w*h:][:w*h]
		for y := range out.Height {
			for x := range out.Width {
				u, v := x, y // place in the file
				if orientation >= 5 {
					u, v = y, x
				}
				switch orientation {
				case 2, 7, 3, 8:
					u = w - 1 - u
				}
				switch orientation {
				case 3, 4, 6, 7:
					v = h - 1 - v
				}
				to[y*out.Width+x] = from[v*w+u]
			}
		}
	}
	return out
}
