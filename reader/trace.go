package reader

import (
	"bytes"
	"context"

	"github.com/mykeykit/mykeykit/apdu"
)

// Exchange is one command and what became of it, fit for a log: of a command
// with a secret it has the header alone, and of a response the length and the
// status word.
type Exchange struct {
	Command   apdu.Command // without a secret's bytes and their number
	Length    int          // bytes of response data
	Status    apdu.Status  // 0 if there was no answer
	Err       error        // the transport's
	Malformed bool         // the answer was shorter than a status word
}

// Trace returns card with report called after each exchange, on the caller's
// goroutine. What report gets holds no secret, by construction.
func Trace(card Card, report func(Exchange)) Card {
	return &traced{Card: card, report: report}
}

type traced struct {
	Card
	report func(Exchange)
}

// KeepPower implements PowerKeeper, if the card does.
func (t *traced) KeepPower() {
	if card, ok := t.Card.(PowerKeeper); ok {
		card.KeepPower()
	}
}

func (t *traced) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	response, err := t.Card.Transmit(ctx, command)

	e := Exchange{Err: err}
	if parsed, parseErr := apdu.ParseCommand(command); parseErr == nil {
		// The caller wipes its bytes; what is reported is a copy.
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
