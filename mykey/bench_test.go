package mykey_test

import (
	"testing"
	"time"

	"github.com/mykeykit/mykeykit/internal/prooftest"
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
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	holder := prooftest.Card{NotAfter: now.AddDate(1, 0, 0)}.Holder(now)
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
