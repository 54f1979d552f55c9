package apdu_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
)

// limited is a reader between us and a card, which fails at long answers.
type limited struct {
	*file
	fails func(answer []byte) ([]byte, error) // nil answer: passes
	lost  int
}

func (l *limited) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	answer, err := l.file.Transmit(ctx, command)
	if err != nil {
		return nil, err
	}
	if failed, err := l.fails(answer); failed != nil || err != nil {
		l.lost++
		return failed, err
	}
	return answer, nil
}

var errLength = errors.New("the reader carries no such length")

// A channel steps down where card or reader fail at its form: for one command more,
// once, and says so. The object is the right one in the end.
//
// Faults: F37.
func TestSteppingDown(t *testing.T) {
	passes := func([]byte) ([]byte, error) { return nil, nil }
	above := func(n int, failed []byte, err error) func([]byte) ([]byte, error) {
		return func(answer []byte) ([]byte, error) {
			if len(answer) > n {
				return failed, err
			}
			return nil, nil
		}
	}
	cut := func(n int) func([]byte) ([]byte, error) {
		return func(answer []byte) ([]byte, error) {
			if len(answer) > n {
				return answer[:n:n], nil
			}
			return nil, nil
		}
	}
	for _, tt := range []struct {
		name     string
		declared bool // extended lengths, by the card
		accepted bool // and it takes them
		shortest int  // what the card answers at most
		fails    func([]byte) ([]byte, error)
		commands int // for an object of 1700 bytes
		forms    []apdu.Form
	}{
		{"extended", true, true, 0, passes, 1, []apdu.Form{apdu.FormExtended}},
		{"short", false, false, 0, passes, 7, []apdu.Form{apdu.FormShort}},
		{"declared and refused", true, false, 0, passes, 1 + 7, []apdu.Form{apdu.FormExtended, apdu.FormShortRefused}},
		{"a reader that fails above 1024 bytes", true, true, 0, above(1024, nil, errLength), 1 + 7, []apdu.Form{apdu.FormExtended, apdu.FormShortRefused}},
		{"that cuts there", true, true, 0, cut(1024), 1 + 7, []apdu.Form{apdu.FormExtended, apdu.FormShortRefused}},
		{"that loses 256 bytes", false, false, 0, above(257, nil, errLength), 1 + 7, []apdu.Form{apdu.FormShort, apdu.FormSmall}},
		{"that says nothing came", false, false, 0, above(257, []byte{0x90, 0x00}, nil), 1 + 7, []apdu.Form{apdu.FormShort, apdu.FormSmall}},
		{"that gives nothing", false, false, 0, above(257, []byte{}, nil), 1 + 7, []apdu.Form{apdu.FormShort, apdu.FormSmall}},
		{"that cuts above 255 bytes", false, false, 0, cut(255), 1 + 7, []apdu.Form{apdu.FormShort, apdu.FormSmall}},
		{"neither", true, false, 0, above(257, nil, errLength), 2 + 7, []apdu.Form{apdu.FormExtended, apdu.FormShortRefused, apdu.FormSmall}},
		{"a card with short answers", false, false, 128, passes, 14, []apdu.Form{apdu.FormShort}},
		{"extended, with short answers", true, true, 512, passes, 4, []apdu.Form{apdu.FormExtended}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			card := &limited{file: &file{content: padded(object(1700), 348), extended: tt.accepted, shortest: tt.shortest}, fails: tt.fails}
			var forms []apdu.Form
			options := []apdu.Option{apdu.WithForm(func(f apdu.Form) { forms = append(forms, f) })}
			if tt.declared {
				options = append(options, apdu.WithExtendedLengths())
			}
			channel := apdu.NewChannel(card, options...)
			for n := range 2 {
				got, err := channel.ReadObject(context.Background(), 0x0A, 65536)
				require.NoError(t, err)
				assert.Equal(t, object(1700), got)
				if n == 0 {
					assert.Len(t, card.sent, tt.commands)
				}
			}
			assert.Len(t, card.sent, 2*tt.commands-(len(tt.forms)-1), "a step is made once")
			assert.Equal(t, tt.forms, forms)
		})
	}
}
