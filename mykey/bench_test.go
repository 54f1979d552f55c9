package mykey_test

import (
	"testing"

	"github.com/mykeykit/mykeykit/mykey"
)

func BenchmarkDerive(b *testing.B) {
	key, err := mykey.ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	if err != nil {
		b.Fatal(err)
	}
	namespace, err := mykey.NewNamespace("library.example", key)
	if err != nil {
		b.Fatal(err)
	}
	holder := holding(unhex(b, vectors(b)[0].SPKI)) // an RSA-2048 key
	b.ReportAllocs()
	for b.Loop() {
		if _, err := namespace.Derive(holder); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, typed := range map[string]string{"plain": "WAC9F8EY", "as typed": "ｗａｃ９－ｆ８ｅｙ"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := mykey.Parse(typed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
