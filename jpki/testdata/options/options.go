// Package options passes every kind of option to every function that takes options.
// The lines marked "rejected" do not compile, and all others do.
package options

import (
	"context"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

var (
	ctx         = context.Background()
	card        reader.Card
	connect     func(context.Context, string) (reader.Card, error)
	askPIN      jpki.AskPIN
	askPassword jpki.AskPassword
	pin         jpki.PIN
	use         func(*jpki.Application) error
)

func everywhere() {
	_, _ = jpki.Open(ctx, card, jpki.AllowExpired())
	_ = jpki.Do(ctx, card, use, jpki.AllowLastAttempt())
	_, _ = jpki.Authenticate(ctx, card, pin, jpki.RequireChain())
	_, _ = jpki.AuthenticateWith(ctx, connect, "", askPIN, jpki.AllowLastAttempt(), jpki.WithChain())
	_, _ = jpki.NewSigner(ctx, connect, "", askPIN, jpki.AllowLastAttempt())
	_, _ = jpki.NewSignatureSigner(ctx, connect, "", askPassword, jpki.AllowExpired())
}

func ofACard() {
	_, _ = jpki.Open(ctx, card, jpki.ForCard(jpki.Readiness{}))
	_ = jpki.Do(ctx, card, use, jpki.ForCard(jpki.Readiness{}))
	_, _ = jpki.Authenticate(ctx, card, pin, jpki.ForCard(jpki.Readiness{}))
	_, _ = jpki.NewSigner(ctx, connect, "", askPIN, jpki.ForCard(jpki.Readiness{}))               // rejected
	_, _ = jpki.NewSignatureSigner(ctx, connect, "", askPassword, jpki.ForCard(jpki.Readiness{})) // rejected
}

func ofASigner() {
	_, _ = jpki.NewSigner(ctx, connect, "", askPIN, jpki.KeepUnlocked(0), jpki.AllowSHA1())
	_, _ = jpki.NewSignatureSigner(ctx, connect, "", askPassword, jpki.ReportStillUnlocked(nil))
	_, _ = jpki.Open(ctx, card, jpki.KeepUnlocked(0))                              // rejected
	_ = jpki.Do(ctx, card, use, jpki.AllowSHA1())                                  // rejected
	_, _ = jpki.Authenticate(ctx, card, pin, jpki.ReportStillUnlocked(nil))        // rejected
	_, _ = jpki.AuthenticateWith(ctx, connect, "", askPIN, jpki.KeepUnlocked(0))   // rejected
	_, _ = jpki.NewSigner(ctx, connect, "", askPassword)                           // rejected
	_, _ = jpki.NewSignatureSigner(ctx, connect, "", askPIN, jpki.KeepUnlocked(0)) // rejected
}
