package simulator

import (
	"bytes"
	"context"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// Operation is an operation on a reader or on a connection to its card.
type Operation int

// The operations that a [Fault] can match.
const (
	Transmit Operation = iota // send a command
	Connect                   // connect to the card
	Begin                     // begin a transaction
)

// Fault is a fault of a reader: which operations it matches, and what happens then. With
// only Do set it matches every command.
type Fault struct {
	On Operation
	// If On is Transmit, INS restricts the fault to commands with this instruction; 0: any.
	INS byte
	// If On is Transmit, Command restricts the fault to commands for which it returns true, as
	// [SendsSecret] does; nil: any. It must not retain the command.
	Command func(command []byte) bool
	// Nth restricts the fault to the nth operation that matches, counted from 1; 0: every
	// one.
	Nth int
	Do  Action
}

// Action is what happens instead of an operation, or before or after it. It calls next
// to perform the operation. next returns the response to a command, and no bytes for
// other operations. An Action may call any function of this package.
type Action func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error)

// AddFault adds a fault to the reader. If several faults match an operation, the one added
// first applies.
func (r *Reader) AddFault(f Fault) {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.faults = append(r.faults, &rule{Fault: f})
}

// ClearFaults removes all faults from the reader.
func (r *Reader) ClearFaults() {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.faults = nil
}

// rule is a fault and the number of operations that it has matched.
type rule struct {
	Fault
	matched int
}

func (f *rule) matches(on Operation, command []byte) bool {
	return f.On == on && (f.INS == 0 || len(command) > 1 && command[1] == f.INS) && (f.Command == nil || f.Command(command))
}

// perform performs an operation, or the action of the first fault that matches. It counts
// the operation for every fault that matches, not only for the one that applies.
func (r *Reader) perform(ctx context.Context, on Operation, command []byte, next func() ([]byte, error)) ([]byte, error) {
	r.driver.mu.Lock()
	var action Action
	for _, f := range r.faults {
		if !f.matches(on, command) {
			continue
		}
		f.matched++
		if action == nil && (f.Nth == 0 || f.Nth == f.matched) {
			action = f.Do
		}
	}
	r.driver.mu.Unlock()
	if action == nil {
		return next()
	}
	return action(ctx, r, next)
}

// PullCard removes the card just before the operation.
func PullCard() Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.Remove()
		return next()
	}
}

// SwapCard exchanges the card for another one just before the operation. Cards with the
// same [Profile] have the same answer to reset.
func SwapCard(other *Card) Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.Remove()
		if err := r.Insert(other); err != nil {
			return nil, err
		}
		return next()
	}
}

// ResetCard has another program reset the card just before the operation.
func ResetCard() Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.driver.mu.Lock()
		r.reset()
		r.driver.mu.Unlock()
		return next()
	}
}

// StopService stops the driver's service just before the operation;
// [Driver.StartService] starts it again.
func StopService() Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.driver.StopService()
		return next()
	}
}

// RestartService restarts the driver's service just before the operation, which ends all
// connections.
func RestartService() Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.driver.StopService()
		r.driver.StartService()
		return next()
	}
}

// Call calls f just before the operation. Use it to act as another program, or to
// advance a clock. f may call any function of this package.
func Call(f func(*Reader)) Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		f(r)
		return next()
	}
}

// After performs the operation first, then action, and then returns the response.
// After(PullCard()) removes a card that has executed the command, before the response
// arrives.
func After(action Action) Action {
	return func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		response, err := next()
		return action(ctx, r, func() ([]byte, error) { return response, err })
	}
}

// FailBefore returns err. The card does not receive the command.
func FailBefore(err error) Action {
	return func(context.Context, *Reader, func() ([]byte, error)) ([]byte, error) { return nil, err }
}

// FailAfter returns err after the card has executed the command.
func FailAfter(err error) Action {
	return func(_ context.Context, _ *Reader, next func() ([]byte, error)) ([]byte, error) {
		if _, nextErr := next(); nextErr != nil {
			return nil, nextErr
		}
		return nil, err
	}
}

// Answer returns this response. The card does not receive the command. The response may be
// empty: some drivers report success with no bytes if the card is removed during a command.
func Answer(response []byte) Action {
	response = slices.Clone(response)
	return func(context.Context, *Reader, func() ([]byte, error)) ([]byte, error) {
		return slices.Clone(response), nil
	}
}

// AnswerStatus returns a status word. The card does not receive the command.
func AnswerStatus(s apdu.Status) Action { return Answer([]byte{byte(s >> 8), byte(s)}) }

// RejectShortFileIdentifiers returns a [Fault] that answers s to every command with a short file
// identifier, so that programs have to select files. Such cards or readers are assumed to exist;
// published programs support them.
func RejectShortFileIdentifiers(s apdu.Status) Fault {
	return Fault{Command: hasShortIdentifier, Do: AnswerStatus(s)}
}

// SendsSecret reports whether a command carries a PIN or password, to verify or to change
// it. It returns false for VERIFY without data, which reads the attempts left. Use it as
// Command of a [Fault].
func SendsSecret(command []byte) bool {
	c, err := apdu.ParseCommand(command)
	return err == nil && c.Secret()
}

// ReadsAttempts reports whether a command reads the attempts left of a PIN or password,
// which is VERIFY without data. Use it as Command of a [Fault].
func ReadsAttempts(command []byte) bool {
	c, err := apdu.ParseCommand(command)
	return err == nil && c.INS == apdu.InsVerify && !c.Secret()
}

// hasShortIdentifier reports whether a READ BINARY, VERIFY, CHANGE REFERENCE DATA or
// PERFORM SECURITY OPERATION command has a short file identifier.
func hasShortIdentifier(command []byte) bool {
	switch command[1] {
	case apdu.InsReadBinary:
		return command[2]&0x80 != 0
	case apdu.InsVerify, apdu.InsChangeReferenceData, apdu.InsPerformSecurityOperation:
		return command[3]&0x1F != 0
	}
	return false
}

// ChangeLength appends n bytes to the data of the card's response, or removes the last -n
// bytes if n is negative. The status word is unchanged.
func ChangeLength(n int) Action {
	return func(_ context.Context, _ *Reader, next func() ([]byte, error)) ([]byte, error) {
		response, err := next()
		if err != nil || len(response) < 2 {
			return response, err
		}
		at := len(response) - 2
		data, status := response[:at:at], response[at:]
		if n < 0 {
			return append(data[:max(at+n, 0):max(at+n, 0)], status...), nil
		}
		return slices.Concat(data, bytes.Repeat([]byte{filler}, n), status), nil
	}
}

// Hang blocks until the card is removed, reset or powered off, or ctx ends. If the card has
// no power, as before the first connection, it does not block.
func Hang() Action {
	return func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.driver.mu.Lock()
		life := r.life
		r.driver.mu.Unlock()
		if life == nil {
			return next()
		}
		select {
		case <-life.over:
			return next()
		case <-ctx.Done():
			return next() // returns ctx's error and ends the session
		}
	}
}

// HoldTransaction has another program begin a transaction just before the operation. The
// transaction ends when release is closed, or when the card is removed, reset or powered
// off; with nil, only in the latter cases. If the card is in a transaction already,
// HoldTransaction does nothing.
func HoldTransaction(release <-chan struct{}) Action {
	return func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		if _, held := r.InUse(); held {
			return next()
		}
		other, err := r.join(ctx)
		if err != nil {
			return next()
		}
		if err := other.begin(ctx); err != nil { // not Begin: the other program meets no faults
			_ = other.Close()
			return nil, err
		}
		go func() {
			select {
			case <-release:
			case <-other.life.over:
			}
			_ = other.Close()
		}()
		return next()
	}
}
