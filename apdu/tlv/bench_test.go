package tlv_test

import (
	"testing"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

func BenchmarkLength(b *testing.B) {
	header := unhex(b, "30 82 06A0")
	b.ReportAllocs()
	for b.Loop() {
		if n, err := tlv.Length(header); err != nil || n != 1700 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	file := unhex(b, "DF21 01 01 DF22 01 02 DF23 01 03 DF24 01 04")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tlv.Find(file, 0xDF24); err != nil {
			b.Fatal(err)
		}
	}
}
