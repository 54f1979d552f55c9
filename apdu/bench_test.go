package apdu_test

import (
	"context"
	"testing"

	"github.com/mykeykit/mykeykit/apdu"
)

func BenchmarkAppendCommand(b *testing.B) {
	for name, c := range map[string]apdu.Command{
		"short":    apdu.Command{INS: 0x20, P2: 0x98}.WithData([]byte("1234")),
		"extended": {INS: 0xB0, P1: 0x8A, Ne: 65536, Extended: true},
	} {
		b.Run(name, func(b *testing.B) {
			buffer := make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.AppendBinary(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseCommand(b *testing.B) {
	command := []byte{0x80, 0x2A, 0x00, 0x97, 4, 1, 2, 3, 4, 0}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := apdu.ParseCommand(command); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	response := append(object(1700), 0x90, 0x00)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := apdu.ParseResponse(response); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStatus(b *testing.B) {
	b.Run("attempts left", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if n, ok := apdu.Status(0x63C2).Retries(); !ok || n != 2 {
				b.Fatal(n)
			}
		}
	})
	b.Run("meaning", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if apdu.StatusFileNotFound.Error() == "" {
				b.Fatal()
			}
		}
	})
}

// BenchmarkReadObject measures reading whole objects and counts the commands.
func BenchmarkReadObject(b *testing.B) {
	for _, tt := range []struct {
		name     string
		size     int
		extended bool
	}{
		{"size=1000/form=short", 1000, false}, {"size=1700/form=short", 1700, false}, {"size=4000/form=short", 4000, false},
		{"size=1000/form=extended", 1000, true}, {"size=1700/form=extended", 1700, true}, {"size=4000/form=extended", 4000, true},
	} {
		b.Run(tt.name, func(b *testing.B) {
			card := &file{content: padded(object(tt.size), 348), extended: tt.extended}
			var options []apdu.Option
			if tt.extended {
				options = append(options, apdu.WithExtendedLengths())
			}
			b.ReportAllocs()
			commands := 0
			for b.Loop() {
				card.sent = card.sent[:0]
				if _, err := apdu.NewChannel(card, options...).ReadObject(context.Background(), 0x0A, 65536); err != nil {
					b.Fatal(err)
				}
				commands = len(card.sent)
			}
			b.ReportMetric(float64(commands), "commands/op")
		})
	}
}
