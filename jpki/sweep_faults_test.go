package jpki_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// sweptFault is a fault and what it may lead to.
type sweptFault struct {
	name string
	do   func(*sweep) simulator.Action
	// causes: one of them is in the error wherever the fault does any harm.
	causes []error
	// spared are the steps at which it does none, or may do none.
	spared []step
	also   []simulator.Operation // met at these too, not at commands alone
	within time.Duration         // until the end, in the bubble's time

	executed bool // the card has executed the command
	passing  bool // the connection works again afterwards
	outside  bool // another program's transaction, for which there is room only before ours
	lasting  bool // it is met at every command from the first on
	reset    bool // the card may stay verified until the connection is closed
	removed  bool // the card loses its power, and is logged out by that
	forged   bool // the answer is not what the card said
}

// outcomes are the errors of which one must be there, nil among them for none.
func (f sweptFault) outcomes(at step, base error) []error {
	harmless := []error{base}
	if base != nil { // the same kind of error, made anew
		harmless = nil
		for _, e := range []error{jpki.ErrNoApplication, credential.ErrLocked, credential.ErrLastAttempt, credential.ErrWrong, jpki.ErrNoCertificate, trust.ErrExpired} {
			if errors.Is(base, e) {
				harmless = append(harmless, e)
			}
		}
	}
	switch {
	case at == readingCA && f.forged: // a card that can't show it
		return append(f.outcomes(readingAll, base), trust.ErrUnknownIssuer)
	case at == readingCA:
		return f.outcomes(readingAll, base)
	case at == probing && f.passing: // the rest is read in short blocks
		return harmless
	case len(f.causes) == 0, f.outside && at != connecting && at != beginning:
		return harmless
	case at == loggingOut && (base != nil || f.passing || f.removed): // what failed first is the cause; logging out is attempted twice
		return harmless
	case slices.Contains(f.spared, at):
		return append(harmless, f.causes...)
	}
	return f.causes
}

// rule is the fault as the simulator knows it.
func (f sweptFault) rule(s *sweep, at place) simulator.Fault {
	action := f.do(s)
	if !f.lasting {
		return simulator.Fault{On: at.on, Nth: at.nth, Do: action}
	}
	met := 0
	return simulator.Fault{On: at.on, Do: func(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
		if met++; met < at.nth {
			return next()
		}
		return action(ctx, r, next)
	}}
}

// always is a fault that needs nothing of the sweep.
func always(a simulator.Action) func(*sweep) simulator.Action {
	return func(*sweep) simulator.Action { return a }
}

var (
	errPlain         = errors.New("a plain error of a transmitter")
	errNotTransacted = fmt.Errorf("%w: SCARD_E_NOT_TRANSACTED", reader.ErrTransport)

	beforeCommands = []simulator.Operation{simulator.Connect, simulator.Begin}
	beforeBegin    = []simulator.Operation{simulator.Begin}
)

// sweptFaults is every rule of the simulator, alone and after the card has
// executed the command where that is something else.
func sweptFaults() []sweptFault {
	afterwards := func(f sweptFault) sweptFault {
		do := f.do
		f.name, f.executed = "executed, then "+f.name, true
		f.do = func(s *sweep) simulator.Action { return simulator.After(do(s)) }
		if f.also != nil {
			f.also = beforeBegin // a connection that is over at once was made all the same
		}
		return f
	}
	gone := []sweptFault{
		{name: "pulled", do: always(simulator.PullCard()), causes: []error{reader.ErrRemoved}, also: beforeBegin, removed: true},
		{name: "swapped", do: func(s *sweep) simulator.Action { return simulator.SwapCard(s.other) },
			causes: []error{reader.ErrRemoved}, also: beforeBegin, removed: true},
		{name: "reset", do: always(simulator.ResetCard()), causes: []error{reader.ErrChanged}, also: beforeBegin, reset: true},
		{name: "service stopped", do: always(simulator.StopService()), causes: []error{reader.ErrNoService}, also: beforeCommands},
		{name: "service restarted", do: always(simulator.RestartService()), causes: []error{reader.ErrNoService}, also: beforeBegin},
	}
	var faults []sweptFault
	for _, f := range gone {
		faults = append(faults, f, afterwards(f))
	}

	// An error of the transport: the connection may go on, and a long read is
	// repeated in shorter blocks.
	for _, err := range []error{errNotTransacted, errPlain} {
		faults = append(faults,
			sweptFault{name: "fails before: " + err.Error(), do: always(simulator.FailBefore(err)),
				causes: []error{err}, spared: []step{readFirst, readingAll}, also: beforeCommands, passing: true},
			sweptFault{name: "fails after: " + err.Error(), do: always(simulator.FailAfter(err)),
				causes: []error{err}, spared: []step{readFirst, readingAll}, also: beforeCommands, passing: true, executed: true})
	}
	for _, n := range []int{0, 1} {
		faults = append(faults,
			sweptFault{name: fmt.Sprintf("%d bytes", n), do: always(simulator.Answer(make([]byte, n))),
				causes: []error{apdu.ErrShortResponse}, spared: []step{readFirst, readingAll}, passing: true},
			afterwards(sweptFault{name: fmt.Sprintf("%d bytes", n), do: always(simulator.Answer(make([]byte, n))),
				causes: []error{apdu.ErrShortResponse}, spared: []step{readFirst, readingAll}, passing: true}))
	}
	// A long read has room for a byte more; one of 70000 is repeated.
	for _, n := range []int{1, 70000} {
		faults = append(faults, sweptFault{name: fmt.Sprintf("%d bytes more", n), do: always(simulator.ChangeLength(n)),
			causes: []error{apdu.ErrExcessResponse}, spared: []step{readFirst, readingAll}, passing: true, executed: true})
	}
	faults[len(faults)-2].spared = append(faults[len(faults)-2].spared, refused)
	faults = append(faults, sweptFault{name: "a byte less", do: always(simulator.ChangeLength(-1)),
		causes: []error{jpki.ErrNoPossession}, spared: []step{selecting, counting, refused, reading, readFirst, readingAll, verifying}, passing: true, executed: true})

	// For good: the card can't be left, but for closing the connection.
	faults = append(faults,
		sweptFault{name: "fails from now on", do: always(simulator.FailBefore(errNotTransacted)),
			causes: []error{errNotTransacted}, lasting: true, reset: true},
		sweptFault{name: "loses its answers from now on", do: always(simulator.FailAfter(errNotTransacted)),
			causes: []error{errNotTransacted}, lasting: true, executed: true, reset: true},
		sweptFault{name: "0 bytes from now on", do: always(simulator.Answer(nil)),
			causes: []error{apdu.ErrShortResponse}, lasting: true, reset: true},
		sweptFault{name: "6F00 from now on", do: always(simulator.AnswerStatus(apdu.StatusNoDiagnosis)),
			causes: []error{apdu.StatusNoDiagnosis}, lasting: true, reset: true, forged: true},
	)

	// Time.
	faults = append(faults,
		sweptFault{name: "mute, then pulled", do: func(*sweep) simulator.Action {
			return func(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
				time.AfterFunc(deadline/2, func() { r.Remove() })
				return simulator.Hang()(ctx, r, next)
			}
		}, causes: []error{reader.ErrRemoved}, within: deadline / 2, removed: true},
		// From the PIN on a command is given 2 seconds more, and logging out a
		// time of its own.
		sweptFault{name: "mute", do: always(simulator.Hang()), causes: []error{context.DeadlineExceeded}, within: 5 * time.Second},
		sweptFault{name: "an idle transaction", do: func(s *sweep) simulator.Action {
			return simulator.Call(func(*simulator.Reader) { s.clock = s.clock.Add(6 * time.Second) })
		}, causes: []error{reader.ErrChanged}, reset: true},
	)

	// Other programs, which can't get in from the transaction's beginning on.
	faults = append(faults,
		sweptFault{name: "another program keeps the card", do: always(simulator.HoldTransaction(nil)),
			causes: []error{context.DeadlineExceeded}, outside: true, also: beforeCommands, executed: true, within: deadline},
		sweptFault{name: "another program has the card for a while", do: func(*sweep) simulator.Action {
			released := make(chan struct{})
			return func(ctx context.Context, r *simulator.Reader, next func() ([]byte, error)) ([]byte, error) {
				time.AfterFunc(deadline/2, func() { close(released) })
				return simulator.HoldTransaction(released)(ctx, r, next)
			}
		}, outside: true, also: beforeCommands, executed: true, within: deadline / 2},
	)
	return append(faults, sweptStatusWords()...)
}

// sweptStatusWords in place of the card's answer. TestSweepOfStatusWords has
// all of them, and says more exactly what they lead to.
func sweptStatusWords() []sweptFault {
	var faults []sweptFault
	for _, s := range []apdu.Status{
		0x6100, 0x6C00, 0x6281, 0x6282, 0x6300, 0x63C0, 0x63C1, 0x6700, 0x6982, 0x6983, 0x6984, 0x6985, 0x6A82, 0x6B00, 0x6D00, 0x6F00, 0x9000,
	} {
		causes := []error{s, credential.ErrLocked, jpki.ErrNoCertificate, trust.ErrMalformed, jpki.ErrNoPossession}
		switch s {
		case 0x6100: // the card knows no GET RESPONSE
			causes = append(causes, apdu.StatusInstructionNotSupported)
		case 0x6982: // "after the PIN", and that is wrong
			causes = append(causes, credential.ErrWrong)
		case 0x63C1: // of the counter
			causes = append(causes, credential.ErrLastAttempt)
		case 0x9000: // and in truth nothing was selected, or verified
			causes = append(causes, credential.ErrCounterUnknown, jpki.ErrPINRequired)
		}
		faults = append(faults, sweptFault{name: fmt.Sprintf("%04X", uint16(s)), do: always(simulator.AnswerStatus(s)),
			causes: causes, spared: mayPass[s], passing: true, forged: true, reset: s == apdu.StatusOK})
	}
	return faults
}

// mayPass are the steps that a status word, once, need not stop.
var mayPass = map[apdu.Status][]step{
	0x63C1: {counting},                                // enough for who allows the last attempt
	0x6700: {readingAll},                              // read in short blocks
	0x6C00: {readingAll},                              // asked again for 256 bytes
	0x6982: {refused, reading, readFirst, readingAll}, // "after the PIN", and then it answers
	0x6282: {readFirst, readingAll},                   // nothing, and asked again for less
	0x9000: {readFirst, readingAll},
	// The file is selected, and used again.
	0x6A82: {counting, refused, reading, readFirst, readingAll, signing},
	0x6B00: {counting, refused, readFirst, readingAll, signing},
	0x6F00: {selecting}, // as some cards answer after power-up
}

var selectISD = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00}
