package table

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	var text strings.Builder
	text.WriteString("a,b,c,d,e,f\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "%d,%.4f,Oslo,%d,x%d,NA\n", i, float64(i)/7, i%10, i%100)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(text.String(), Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	text := strings.Repeat("12,3.25,Oslo,7\n", 20_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(strings.NewReader(text), "")
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
