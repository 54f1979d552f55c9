package jpki_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/link"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func freshPIN(b testing.TB) jpki.PIN {
	p, err := jpki.ParsePIN([]byte(simulator.PIN))
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// What a tap takes on each kind of link, as modeled; ns/op is what the program
// itself takes, with the simulated card's work.
func BenchmarkTap(b *testing.B) {
	for _, card := range []struct {
		form    string
		profile simulator.Profile
	}{{"extended", simulator.ContactExtended}, {"probed", simulator.Contact}, {"short", simulator.Contactless}} {
		for _, l := range []link.Link{link.Contact, link.Contactless, link.Contactless2x, link.Contactless4x} {
			for _, task := range tasks() {
				b.Run("form="+card.form+"/link="+l.Name+"/task="+task.name, func(b *testing.B) {
					d := measured(b, card.profile)
					var m *link.Meter
					for b.Loop() {
						m = link.NewMeter(d.Connection, l)
						if err := task.do(context.Background(), m, freshPIN(b)); err != nil {
							b.Fatal(err)
						}
						d.Forget()
					}
					b.ReportMetric(float64(m.Commands), "commands/op")
					b.ReportMetric(float64(m.Sent), "sent-B/op")
					b.ReportMetric(float64(m.Received), "received-B/op")
					b.ReportMetric(float64(m.Elapsed.Microseconds())/1000, "modeled-ms/op")
					b.ReportMetric(float64(m.Elapsed)/float64(m.Bound()), "times-the-bound")
				})
			}
		}
	}
}

// A whole Authenticate with a simulated card, which makes an RSA signature.
func BenchmarkAuthenticate(b *testing.B) {
	for name, p := range map[string]simulator.Profile{"form=extended": simulator.ContactExtended, "form=short": simulator.Contactless} {
		b.Run(name, func(b *testing.B) {
			d := measured(b, p)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jpki.Authenticate(context.Background(), d.OtherProgram(b), freshPIN(b)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same with a card that only repeats what one said: what is left is this
// package's, and the verification of one signature.
func BenchmarkAuthenticateRecorded(b *testing.B) {
	var card apdu.Transmitter = recordedExtended{&recordedCard{answers: recordAnswers(b), step: answeredStep{command: "no command"}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jpki.Authenticate(context.Background(), card, freshPIN(b), recordedOptions()...); err != nil {
			b.Fatal(err)
		}
	}
}

// What the same work takes with the standard library alone.
func BenchmarkFloor(b *testing.B) {
	certificate, err := open(b, cardtest.Open(b, simulator.ContactExtended)).AuthCertificate(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ParseCertificate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := x509.ParseCertificate(certificate.Raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("HMAC", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h := hmac.New(sha256.New, make([]byte, 32))
			h.Write(certificate.RawSubjectPublicKeyInfo)
			h.Sum(nil)
		}
	})
	b.Run("VerifyPKCS1v15", func(b *testing.B) {
		hash := sha256.Sum256(nil)
		signature, err := rsa.SignPKCS1v15(nil, cardtest.AttackerKey(), crypto.SHA256, hash[:])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := rsa.VerifyPKCS1v15(&cardtest.AttackerKey().PublicKey, crypto.SHA256, hash[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Cards with a session each, on all cores.
func BenchmarkCardsWithASession(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run("cards="+strconv.Itoa(n), func(b *testing.B) {
			if n == 10_000 && testing.Short() {
				b.Skip("takes seconds")
			}
			cardtest.Open(b, simulator.Contact) // makes the keys
			for b.Loop() {
				var next atomic.Int64
				done := make(chan error)
				for range runtime.GOMAXPROCS(0) {
					go func() {
						var err error
						for err == nil && next.Add(1) <= int64(n) {
							err = oneSession()
						}
						done <- err
					}()
				}
				for range runtime.GOMAXPROCS(0) {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func oneSession() error {
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("bench"))
	if err != nil {
		return err
	}
	driver := simulator.New()
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		return err
	}
	connection, err := driver.Connect(context.Background(), "Reader")
	if err != nil {
		return err
	}
	defer connection.Close()
	pin, err := jpki.ParsePIN([]byte(simulator.PIN))
	if err != nil {
		return err
	}
	_, err = jpki.Authenticate(context.Background(), connection, pin)
	return err
}
