package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// comments returns the lines of a trace that say how files are read.
func comments(trace string) (list []string) {
	for line := range strings.Lines(trace) {
		if text, ok := strings.CutPrefix(line, "# "); ok {
			list = append(list, strings.TrimSpace(text))
		}
	}
	return list
}

// A trace shows how files are read, determined from the exchanges.
func TestTraceShowsHowFilesAreRead(t *testing.T) {
	const (
		declared = "reading files in one command: the card's ATR declares extended lengths"
		short    = "reading 256 bytes at a time: the ATR declares no extended lengths"
		lost     = "reading 256 bytes at a time: an extended length was rejected"
		probed   = "reading files in one command from here: the card accepts extended lengths, though its ATR does not declare them"
		small    = "reading 253 bytes at a time: a response of 256 bytes was lost"
	)
	errLength := errors.New("the reader carries no such length")
	loses := func(n int) simulator.Fault {
		return simulator.Fault{INS: apdu.InsReadBinary, Do: func(_ context.Context, _ *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
			answer, err := next()
			if len(answer) > n {
				return nil, errLength
			}
			return answer, err
		}}
	}
	extended := func(command []byte) bool { return len(command) == 7 }
	rejects := simulator.Fault{INS: apdu.InsReadBinary, Command: extended, Do: simulator.AnswerStatus(apdu.StatusWrongLength)}
	for _, tt := range []struct {
		name    string
		profile simulator.Profile
		args    []string
		faults  []simulator.Fault
		want    []string
	}{
		{"declared", simulator.ContactExtended, nil, nil, []string{declared}},
		{"declared absent", simulator.ContactShort, nil, nil, []string{short}},
		{"contactless", simulator.Contactless, nil, nil, []string{short}},
		{"declared and rejected", simulator.ContactExtended, nil, []simulator.Fault{rejects}, []string{declared, lost}},
		{"declared and lost", simulator.ContactExtended, nil, []simulator.Fault{loses(300)}, []string{declared, lost}},
		{"probed", simulator.Contact, nil, nil, []string{short, probed}},
		{"probe rejected", simulator.Contact, nil, []simulator.Fault{rejects}, []string{short, lost}},
		{"probe lost", simulator.Contact, nil, []simulator.Fault{loses(300)}, []string{short, lost}},
		{"256 bytes lost", simulator.Contactless, nil, []simulator.Fault{loses(257)}, []string{short, small}},
		{"both lost", simulator.ContactExtended, nil, []simulator.Fault{loses(257)}, []string{declared, small}},
		{"no file read", simulator.ContactExtended, []string{"retries"}, nil, nil},
		{"the doctor's own blocks", simulator.Contactless, []string{"doctor"}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver := simulator.New()
			slot := driver.AddReader("Reader")
			card, err := simulator.NewCard(tt.profile, simulator.WithInsecureSeed("lengths"))
			require.NoError(t, err)
			require.NoError(t, slot.Insert(card))
			for _, fault := range tt.faults {
				slot.AddFault(fault)
			}
			o := runner{driver: driver}.run(t, append(tt.args, "--trace", "--lang", "en")...)
			assert.Equal(t, tt.want, comments(o.stderr), o.stderr)
		})
	}
}
