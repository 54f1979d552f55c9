package jpki_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// All 65536 status words in answer to every command of Authenticate. Those that may lead to
// success are listed. Every other one is an error that wraps it. The other answers are a
// recording, because signatures are slow.
//
// Faults: F33, F39, F41, F42, F43, F58.
func TestSweepOfStatusWords(t *testing.T) {
	recorded := recordAnswers(t)
	var cases atomic.Int64
	steps := answeredSteps()
	t.Run("in answer to", func(t *testing.T) {
		for _, step := range steps {
			t.Run(step.name, func(t *testing.T) {
				t.Parallel()
				n := 0
				for word := range 0x10000 {
					s := apdu.Status(word)
					if word%everyNthWord != 0 && !slices.Contains(step.passes, s) {
						continue
					}
					n++
					step.answered(t, recorded, s)
				}
				cases.Add(int64(n))
			})
		}
	})
	t.Logf("sweep: %d cases, %d status words, %d steps", cases.Load(), (0x10000+everyNthWord-1)/everyNthWord, len(steps))
}

// answeredStep is a command, what is answered, and what that leads to.
type answeredStep struct {
	name    string
	command string // its first bytes
	short   bool   // the certificate is read in short blocks
	byFile  bool   // the card takes no short identifiers for secrets and keys
	nth     int    // only the nth of these commands is answered so; 0: each
	data    bool   // the recorded data come with the status word

	passes   []apdu.Status          // lead to success
	harmless func(apdu.Status) bool // those do as well, if not nil
	// fails is what every other one leads to: an error, and the number of
	// commands with a PIN.
	fails func(apdu.Status) (pins int, err error)
}

const (
	selectCommand    = "\x00\xA4\x04\x0C\x0A"
	countCommand     = "\x00\x20\x00\x98"
	firstRead        = "\x00\xB0\x8A\x00"
	nextRead         = "\x00\xB0\x01\x00"
	verifyCommand    = "\x00\x20\x00\x98\x04"
	signatureCommand = "\x80\x2A"
	selectPINFile    = "\x00\xA4\x02\x0C\x02\x00\x18"
	selectKeyFile    = "\x00\xA4\x02\x0C\x02\x00\x17"
	countByFile      = "\x00\x20\x00\x80"
	verifyByFile     = "\x00\x20\x00\x80\x04"
	logOutCommand    = "\x00\xA4\x04\x0C\x07"
)

func answeredSteps() []answeredStep {
	ok, shorter := apdu.StatusOK, apdu.StatusEndOfFile
	refusals := []apdu.Status{ // then the file is selected, and asked again
		apdu.StatusIncorrectP1P2, apdu.StatusReferencedDataNotFound, apdu.StatusFileNotFound,
		apdu.StatusNoCurrentFile, apdu.StatusFunctionNotSupported, apdu.StatusWrongOffset,
	}
	steps := []answeredStep{
		{name: "SELECT", command: selectCommand, passes: []apdu.Status{ok}, fails: notSelected},
		{name: "the first SELECT", command: selectCommand, nth: 1, passes: []apdu.Status{ok, apdu.StatusNoDiagnosis}, fails: notSelected},
		{name: "the question for attempts", command: countCommand, passes: []apdu.Status{0x63C2, 0x63C3}, fails: notCounted},
		{name: "the first question for attempts", command: countCommand, nth: 1, passes: append(slices.Clone(refusals), 0x63C2, 0x63C3), fails: notCounted},
		{name: "VERIFY", command: verifyCommand, passes: []apdu.Status{ok}, fails: notVerified},
		{name: "the signature", command: signatureCommand, fails: notProved},
		{name: "the signature, with one", command: signatureCommand, data: true, passes: []apdu.Status{ok}, fails: notProved},
		{name: "logging out", command: logOutCommand, passes: []apdu.Status{ok}, fails: notLoggedOut},
		{name: "the first attempt to log out", command: logOutCommand, nth: 1, harmless: func(apdu.Status) bool { return true }}, // then it is logged out
	}
	for _, byFile := range []answeredStep{
		{name: "SELECT of the PIN's file", command: selectPINFile, nth: 1, fails: func(apdu.Status) (int, error) { return 0, credential.ErrCounterUnknown }},
		{name: "SELECT of the PIN's file again", command: selectPINFile, nth: 2, fails: func(s apdu.Status) (int, error) { return 0, s }},
		{name: "VERIFY by file", command: verifyByFile, fails: notVerified},
		{name: "SELECT of the key's file", command: selectKeyFile, fails: notProved},
		{name: "the signature by file", command: signatureCommand, data: true, fails: notProved},
	} {
		byFile.byFile, byFile.passes = true, []apdu.Status{ok}
		steps = append(steps, byFile)
	}
	for _, read := range []answeredStep{
		{name: "the read at once", command: firstRead, passes: append(slices.Clone(refusals), apdu.StatusWrongLength, ok, shorter)}, // then in blocks
		{name: "the read of the first block", command: firstRead, short: true, passes: refusals},
		{name: "the read of the next block", command: nextRead, short: true},
	} {
		end := jpki.ErrNoCertificate
		if read.command == nextRead {
			end = trust.ErrMalformed
		}
		full := read
		full.name, full.data, full.passes = read.name+", with data", true, []apdu.Status{ok, shorter}
		read.fails = func(s apdu.Status) (int, error) { return notRead(s, end, false) }
		full.fails = func(s apdu.Status) (int, error) { return notRead(s, end, read.short) }
		if !read.short { // data with an error were cut, and are read in blocks
			full.harmless = func(s apdu.Status) bool {
				return s>>8 != 0x62 && s>>8 != 0x63 && s>>8 != 0x6C // warnings, and a length to be asked for, which has no data here
			}
		}
		steps = append(steps, read, full)
	}
	return steps
}

func notSelected(s apdu.Status) (int, error) {
	switch s {
	case 0x6A82, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6E00, 0x6700, 0x6985, 0x6999:
		return 0, jpki.ErrNoApplication
	}
	return 0, s
}

func notCounted(s apdu.Status) (int, error) {
	switch s {
	case 0x63C1:
		return 0, credential.ErrLastAttempt
	case 0x63C0, 0x6983, 0x6984:
		return 0, credential.ErrLocked
	}
	return 0, credential.ErrCounterUnknown
}

func notVerified(s apdu.Status) (int, error) {
	if s == 0x6300 || s >= 0x63C0 && s <= 0x63CF {
		return 1, credential.ErrWrong
	}
	return 1, credential.ErrOutcomeUnknown
}

func notProved(apdu.Status) (int, error) { return 1, jpki.ErrNoPossession }

func notLoggedOut(apdu.Status) (int, error) { return 1, jpki.ErrStillUnlocked }

// notRead: end is what a file that ends here means, and whole whether all that
// was asked for came along. The recording has no answer to GET RESPONSE.
func notRead(s apdu.Status, end error, whole bool) (int, error) {
	switch {
	case s == 0x6982: // "after the PIN", and then it says so again
		return 1, jpki.ErrPINRequired
	case s == 0x9000, s == 0x6282, s == 0x6B00:
		return 0, end
	case s == 0x6A82:
		return 0, jpki.ErrNoCertificate
	case s>>8 == 0x61 && whole:
		return 0, apdu.ErrExcessResponse
	case s>>8 == 0x61:
		return 0, apdu.StatusInstructionNotSupported
	}
	return 0, s
}

// answered is one case. Assertions that find the caller each time would take a tenth of the sweep.
func (step answeredStep) answered(t *testing.T, recorded map[string][]byte, s apdu.Status) {
	card := &recordedCard{answers: recorded, step: step, status: s}
	var transmitter apdu.Transmitter = card
	if !step.short {
		transmitter = recordedExtended{card}
	}
	got, err := jpki.Authenticate(context.Background(), transmitter, pin(t, simulator.PIN), recordedOptions()...)
	fail := func(what string) {
		t.Helper()
		require.Fail(t, what, "%s, %v: %v", step.name, s, err)
	}
	passes := slices.Contains(step.passes, s) || step.harmless != nil && step.harmless(s)
	if (err == nil) != (got != nil) || (err == nil) != passes {
		fail("passes for success, or should")
	}
	pins := 1
	if err != nil {
		var want error
		if pins, want = step.fails(s); !errors.Is(err, want) {
			fail("does not say " + want.Error())
		}
		switch want {
		case jpki.ErrNoApplication, credential.ErrCounterUnknown, credential.ErrWrong, credential.ErrOutcomeUnknown, jpki.ErrStillUnlocked:
			if !errors.Is(err, s) {
				fail("does not say what the card said")
			}
		}
		var refused *credential.Error
		if left, counted := s.Retries(); errors.As(err, &refused) && counted && (!refused.Known || refused.Remaining != min(left, 3)) {
			fail("tells another number of attempts than the card")
		}
	} else if got.Certificate() == nil {
		fail("has no certificate")
	}
	if card.pins != pins {
		fail(fmt.Sprintf("sends the PIN %d times instead of %d", card.pins, pins))
	}
	if card.loggedOut != (pins > 0) {
		fail("leaves the card verified, or logs out without a PIN")
	}
	if card.sent > 24 {
		fail(fmt.Sprintf("sends %d commands", card.sent))
	}
}

// recordedCard is a card that answers as a real session was answered, but for one
// command.
type recordedCard struct {
	answers map[string][]byte
	step    answeredStep
	status  apdu.Status

	met, sent, pins int
	loggedOut       bool // after a PIN, or that was attempted
}

func (r *recordedCard) Transmit(_ context.Context, command []byte) ([]byte, error) {
	r.sent++
	if is(command, verifyCommand) || is(command, verifyByFile) {
		r.pins++
	}
	r.loggedOut = r.loggedOut || r.pins > 0 && is(command, logOutCommand)

	answer, known := r.answers[string(command)]
	if !known {
		answer = []byte{0x6D, 0x00}
	}
	if r.step.byFile && namesByShortIdentifier(command) {
		answer = []byte{0x6A, 0x86}
	}
	if !r.answersOtherwise(command) {
		return slices.Clone(answer), nil
	}
	var data []byte
	if r.step.data && len(answer) > 2 {
		data = slices.Clone(answer[:len(answer)-2])
	}
	return append(data, byte(r.status>>8), byte(r.status)), nil
}

// answersOtherwise: the question for attempts is met by file as well, and the read
// at once is not met again in short blocks.
func (r *recordedCard) answersOtherwise(command []byte) bool {
	matches := is(command, r.step.command)
	switch r.step.command {
	case countCommand:
		matches = len(command) == 4 && (matches || is(command, countByFile))
	case firstRead:
		matches = matches && (r.step.short || len(command) > 5)
	}
	if matches {
		r.met++
	}
	return matches && (r.step.nth == 0 || r.step.nth == r.met)
}

// namesByShortIdentifier: of a secret or a key, not of a file to be read.
func namesByShortIdentifier(command []byte) bool {
	return (command[1] == apdu.InsVerify || command[1] == apdu.InsPerformSecurityOperation) && command[3] != 0x80
}

func is(command []byte, start string) bool {
	return len(command) >= len(start) && string(command[:len(start)]) == start
}

// recordedExtended is one whose answer to reset declares extended lengths.
type recordedExtended struct{ *recordedCard }

func (recordedExtended) ATR() []byte { return extendedATR }

var extendedATR = []byte{0x3B, 0xDA, 0x13, 0xFF, 0x81, 0x31, 0xFB, 0x46, 0x80, 0x12, 0x39, 0x2F, 0x31, 0xC1, 0x73, 0xC6, 0x01, 0xC0, 0x3B}

// recordedOptions are the options under which every run sends the same.
func recordedOptions() []jpki.CardOption {
	return []jpki.CardOption{jpki.WithClock(atNow), jpki.WithRandom(zeros{})}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// recordAnswers keeps what a card answers to each command of Authenticate: with the
// certificate read at once, in short blocks and in smaller ones, and its PIN and key
// named by short identifier and by file.
func recordAnswers(t testing.TB) map[string][]byte {
	t.Helper()
	d := cardtest.Open(t, simulator.ContactExtended, simulator.WithClock(atNow))
	recorded := map[string][]byte{}
	d.After = func(_ int, c apdu.Command, answer []byte) ([]byte, error) {
		command, err := c.MarshalBinary()
		if !slices.Equal(answer, []byte{0x6A, 0x86}) { // of the card that takes no short identifier
			recorded[string(command)] = slices.Clone(answer)
		}
		return answer, err
	}
	for _, byFile := range []bool{false, true} {
		for _, block := range []int{apdu.MaxExtendedNe, 256, 253} {
			if byFile {
				d.Slot.AddFault(simulator.Fault{Command: namesByShortIdentifier, Do: simulator.AnswerStatus(apdu.StatusIncorrectP1P2)})
			}
			transmitter := apdu.Transmitter(d.Connection)
			if block <= 256 {
				transmitter = struct{ apdu.Transmitter }{transmitter} // without the answer to reset
			}
			_, err := jpki.Authenticate(context.Background(), transmitter, pin(t, simulator.PIN),
				append(recordedOptions(), jpki.WithChannel(apdu.WithReadSize(block)))...)
			require.NoError(t, err)
		}
	}
	return recorded
}
