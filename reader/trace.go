package reader

import (
	"bytes"
	"context"

	"github.com/mykeykit/mykeykit/apdu"
)

// Exchange describes a command and its response for a log. It holds only the header
// of a command with a secret, and only the length and the status word of a response.
type Exchange struct {
	Command   apdu.Command // without the secret and its length
	Length    int          // number of bytes of response data
	Status    apdu.Status  // 0 if there was no response
	Err       error        // the error of Transmit
	Malformed bool         // the response was shorter than a status word
}

// Trace returns a Card that forwards to card and calls report after each exchange, on
// the caller's goroutine. No secret is passed to report.
func Trace(card Card, report func(Exchange)) Card {
	return &traced{Card: card, report: report}
}

type traced struct {
	Card
	report func(Exchange)
}

// KeepPower implements PowerKeeper if the wrapped card does.
func (t *traced) KeepPower() {
	if card, ok := t.Card.(PowerKeeper); ok {
		card.KeepPower()
	}
}

func (t *traced) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	response, err := t.Card.Transmit(ctx, command)

	e := Exchange{Err: err}
	if parsed, parseErr := apdu.ParseCommand(command); parseErr == nil {
		// The caller may wipe its bytes, so report gets a copy.
		e.Command = parsed.Redacted()
		e.Command = e.Command.WithData(bytes.Clone(e.Command.Data()))
	}
	if err == nil {
		if r, parseErr := apdu.ParseResponse(response); parseErr == nil {
			e.Length, e.Status = len(r.Data()), r.Status
		} else {
			e.Malformed = true
		}
	}
	t.report(e)
	return response, err
}
