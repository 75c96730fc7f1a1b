package voc

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gradus-ml/gradus/format"
	"github.com/gradus-ml/gradus/internal/malformed"
)

func parseErr(text []byte) error {
	_, err := parse(text)
	return err
}

func malformedAnnotations() []malformed.Case {
	c := func(name, text string, want ...string) malformed.Case {
		return malformed.Case{Name: name, Data: []byte(text), Want: append(want, "read VOC: ")}
	}
	good := thing("dog", "1", "2", "7", "9")
	return []malformed.Case{
		c("empty", "", "expected an annotation in XML, got an empty file"),
		c("blank", " \n\n", "expected an annotation in XML, got an empty file"),
		c("text", "hello", `line 1`, `expected nothing outside the <annotation> element, got "hello"`),
		c("no elements", "<?xml version='1.0'?>", "expected an <annotation> element, got the end of the file"),
		c("another element", "<html></html>", "line 1", "expected one <annotation> element, got <html>"),
		c("two roots", one()+"<annotation/>", "line 5: expected one <annotation> element, got <annotation>"),
		c("junk behind", one()+"junk", `expected nothing outside the <annotation> element, got "junk"`),
		c("cut", "<annotation><size>", "the file ends early: unexpected EOF"),
		c("crossed", "<annotation>\n<size></annotation></size>", "line 2", "expected well-formed XML"),
		c("UTF-16", "\xff\xfe<\x00a\x00", "expected UTF-8, got UTF-16"),
		c("Latin-1 bytes", one("<owner>M\xfcller</owner>"), "expected UTF-8, got bytes that aren't"),
		c("other encoding", "<?xml version='1.0' encoding='Shift_JIS'?>"+one(), "line 1: expected well-formed XML", "not UTF-8: Shift_JIS"),
		c("DTD", "<?xml version='1.0'?>\n<!DOCTYPE annotation [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>\n"+one(), "line 2", "expected plain elements, got a document type definition"),
		c("external entity", "<!DOCTYPE annotation SYSTEM 'file:///etc/passwd'>"+one(), "line 1", "expected plain elements"),
		c("unknown entity", one("<owner>&lol;</owner>"), "line 3: expected well-formed XML", "invalid character entity &lol;"),
		c("control characters", one("<owner>\x01</owner>"), "line 3: expected well-formed XML", "illegal character code"),
		c("deep", "<annotation>"+strings.Repeat("<part>", 50_000), "expected at most 16 levels of elements, got more"),
		c("no size", "<annotation>"+good+"</annotation>", "expected a <size> with <width> and <height>, got none"),
		c("empty size", "<annotation><size></size></annotation>", "expected a <width> in <size>, got none"),
		c("no height", "<annotation><size><width>3</width></size></annotation>", "expected a <height> in <size>, got none"),
		c("two sizes", strings.Replace(one(), "</size>", "</size>\n<size>", 1), "line 3: expected one <size>, got a second one"),
		c("two widths", strings.Replace(one(), "<height>", "<width>4</width><height>", 1), "line 2: expected one <width>, got a second one"),
		c("zero width", strings.Replace(one(), ">20<", ">0<", 1), `line 2: expected the picture's width in pixels, from 1 to 16777216, got "0"`),
		c("negative height", strings.Replace(one(), ">10<", ">-10<", 1), `line 2: expected the picture's height in pixels`, `got "-10"`),
		c("giant", strings.Replace(one(), ">20<", ">9223372036854775808<", 1), `got "9223372036854775808"`),
		c("width in words", strings.Replace(one(), ">20<", ">twenty<", 1), `got "twenty"`),
		c("no name", one(strings.Replace(good, "<name>dog</name>", "", 1)), "line 3: expected a <name> in <object>, got none"),
		c("empty name", one(thing(" ", "1", "2", "3", "4")), "line 3: expected the name of a class, got nothing"),
		c("two names", one(strings.Replace(good, "<name>", "<name>cat</name><name>", 1)), "line 3: expected one <name>, got a second one"),
		c("no box", one("<object><name>dog</name></object>"), "line 3: expected a <xmin> in <object>, got none"),
		c("no ymax", one(strings.Replace(good, "<ymax>9</ymax>", "", 1)), "expected a <ymax> in <object>, got none"),
		c("two boxes", one(strings.Replace(good, "</object>", "<bndbox><xmin>1</xmin></bndbox></object>", 1)), "expected one <xmin>, got a second one"),
		c("NaN", one(thing("dog", "1", "nan", "3", "4")), `line 3: expected a finite number as <ymin>, got "nan"`),
		c("infinity", one(thing("dog", "1", "2", "inf", "4")), `line 3: expected a finite number as <xmax>, got "inf"`),
		c("1e999", one(good, thing("dog", "1", "2", "3", "1e999")), `line 4: expected a finite number as <ymax>, got "1e999"`),
		c("words", one(thing("dog", "left", "2", "3", "4")), `line 3: expected a finite number as <xmin>, got "left"`),
		c("nothing", one(thing("dog", "", "2", "3", "4")), `line 3: expected a finite number as <xmin>, got ""`),
		c("long number", one(thing("dog", strings.Repeat("9", 100_000), "2", "3", "4")), "(100000 bytes)"),
		c("long names", "<annotation>"+strings.Repeat("<"+strings.Repeat("a", 1000)+">", 20), "expected at most 16 levels"),
		c("long root", "<"+strings.Repeat("a", 100_000)+">", "expected one <annotation> element, got <aaaa"),
	}
}

func TestRefusesMalformedAnnotations(t *testing.T) {
	malformed.Run(t, parseErr, malformedAnnotations())
}

func TestCutsAndFlips(t *testing.T) {
	good := []byte(strings.TrimSpace(one("<filename>a.jpg</filename>", thing("dog", "1", "2", "7", "9"))))
	malformed.Prefixes(t, good, parseErr)
	malformed.Flips(t, good, len(good), parseErr)
}

// What is strange but clear is read.
func TestReadsOddAnnotations(t *testing.T) {
	text := "\ufeff<?xml version='1.0' encoding='utf-8'?><!-- comment -->\n<annotation verified='yes'><x:size xmlns:x='y'><x:width> 20\n</x:width><height>10</height></x:size>" +
		"<object><name><![CDATA[d&g]]>&amp;&#x31;</name><bndbox><xmin>1e0</xmin><ymin> 2 </ymin><xmax>7</xmax><ymax>9</ymax></bndbox><difficult>1</difficult></object><unknown><deep/></unknown></annotation>\n\n"
	a, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if a.width != 20 || a.height != 10 || len(a.objects) != 1 || a.objects[0].name != "d&g&1" || a.objects[0].box.X1 != 1 || !a.objects[0].difficult {
		t.Errorf("%+v", a)
	}
}

// Memory stays in bounds for what makes package xml work most.
func TestLargeAnnotations(t *testing.T) {
	for name, text := range map[string]string{
		"attributes": "<annotation " + strings.Repeat("a='' ", maxXML/5-10) + ">",
		"elements":   "<annotation>" + strings.Repeat("<a/>", maxXML/4-10),
		"fewer":      "<annotation>" + strings.Repeat("<a/>", maxTags-10),
		"text":       "<annotation>" + strings.Repeat("text ", maxXML/5-10),
		"objects":    one(strings.Repeat(thing("dog", "1", "2", "7", "9"), 4500)),
		"long name":  "<annotation><" + strings.Repeat("a", maxXML/2) + ">" + strings.Repeat("<a/>", maxXML/8-20),
	} {
		if len(text) > maxXML {
			t.Fatal(name, len(text))
		}
		start := time.Now()
		parseErr([]byte(text))
		t.Logf("%s: %v", name, time.Since(start))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		malformed.Heap(t, len(text), func() { parseErr([]byte(text)) })
	}
}

func FuzzAnnotation(f *testing.F) {
	for _, c := range malformedAnnotations() {
		if len(c.Data) < 4096 {
			f.Add(c.Data)
		}
	}
	f.Add([]byte(one("<filename>a.jpg</filename>", thing("dog", "1", "2", "7", "9"))))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parse(text)
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		if a.width < 1 || a.height < 1 {
			t.Fatalf("%d × %d", a.width, a.height)
		}
		for _, o := range a.objects {
			for _, v := range []float64{o.box.X1, o.box.Y1, o.box.X2, o.box.Y2} {
				if math.IsNaN(v) || math.IsInf(v, 0) || o.name == "" {
					t.Fatalf("%+v", o)
				}
			}
		}
	})
}

// An archive may hold anything; scenes that come out are sound.
func FuzzArchive(f *testing.F) {
	f.Add(pack(f, "x-master/x/", files(f)))
	f.Add(pack(f, "", files(f)))
	f.Add(pack(f, "", map[string]string{"Annotations/a.xml": one(), "JPEGImages/a": ""}))
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := format.NewZip(readOp, "x.zip", bytes.NewReader(data), int64(len(data)))
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		tr, err := zipTree(z)
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		set, err := read(tr, Config{})
		if err != nil {
			malformed.Refused(t, err)
			return
		}
		for _, s := range set.Scenes {
			for _, o := range s.Objects {
				if o.Box.Empty() || o.Box.Clip(float64(s.Width), float64(s.Height)) != o.Box || o.Class < 0 || o.Class >= len(set.Classes) {
					t.Fatalf("%+v in %d × %d", o, s.Width, s.Height)
				}
			}
			if im, err := s.Open(); err != nil {
				var e *format.Error
				if !errors.As(err, &e) || e.Path == "" {
					t.Fatalf("%v", err)
				}
			} else if im.Width != s.Width || im.Height != s.Height {
				t.Fatal("another size")
			}
		}
	})
}
