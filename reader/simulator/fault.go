package simulator

import (
	"bytes"
	"context"
	"slices"

	"github.com/mykeykit/mykeykit/apdu"
)

// Operation is something that a program asks of a reader.
type Operation int

// The operations that a [Fault] can match.
const (
	Transmit Operation = iota
	Connect
	Begin
)

// Fault is a rule by which a reader misbehaves: what it matches, and what
// happens then.
type Fault struct {
	On  Operation
	INS byte // of Transmit, only commands with this instruction; 0: any
	// Command matches, of Transmit, only commands for which it is true, as
	// SendsSecret; nil: any. It must not keep the bytes.
	Command func(command []byte) bool
	Nth     int // only the nth that matches, from 1 on; 0: each of them
	Do      Action
}

// Action is what a fault does instead of the operation, or around it: next
// performs the operation and returns what came of it (no bytes but for
// Transmit). An action may call anything of this package.
type Action func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error)

// Fail adds a rule. Of several that match, the one added first acts.
func (r *Reader) Fail(f Fault) {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.faults = append(r.faults, &rule{Fault: f})
}

// Heal drops all rules.
func (r *Reader) Heal() {
	r.driver.mu.Lock()
	defer r.driver.mu.Unlock()
	r.faults = nil
}

// rule is a fault and how often it has matched.
type rule struct {
	Fault
	matched int
}

func (f *rule) matches(on Operation, command []byte) bool {
	return f.On == on && (f.INS == 0 || len(command) > 1 && command[1] == f.INS) && (f.Command == nil || f.Command(command))
}

// perform runs an operation, or the action of the first fault that it meets.
// Every fault that matches counts, also behind one that acts.
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

// PullCard takes the card out just before the operation.
func PullCard() Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.Remove()
		return next()
	}
}

// SwapCard puts another card in just before the operation; one of the same
// [Profile] has the same answer to reset.
func SwapCard(other *Card) Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.Remove()
		if err := r.Insert(other); err != nil {
			return nil, err
		}
		return next()
	}
}

// ResetCard is another program resetting the card just before the operation.
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

// RestartService stops the driver's service just before the operation and starts
// it again at once: what was connected is not any more.
func RestartService() Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		r.driver.StopService()
		r.driver.StartService()
		return next()
	}
}

// Meanwhile calls f just before the operation: another program's doings, or the
// passing of a clock's time. f may call anything of this package.
func Meanwhile(f func(*Reader)) Action {
	return func(_ context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		f(r)
		return next()
	}
}

// After has the operation performed first: what action does just before one, it
// does after it, and before the answer gets through. After(PullCard()) is a
// card that has executed the command when it is pulled.
func After(action Action) Action {
	return func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		response, err := next()
		return action(ctx, r, func() ([]byte, error) { return response, err })
	}
}

// FailBefore fails with err; the card never sees the command.
func FailBefore(err error) Action {
	return func(context.Context, *Reader, func() ([]byte, error)) ([]byte, error) { return nil, err }
}

// FailAfter has the card execute the command, and fails with err.
func FailAfter(err error) Action {
	return func(_ context.Context, _ *Reader, next func() ([]byte, error)) ([]byte, error) {
		if _, nextErr := next(); nextErr != nil {
			return nil, nextErr
		}
		return nil, err
	}
}

// Answer answers with these bytes; the card never sees the command. No bytes
// are an answer too, as PC/SC gives when a card is pulled while it computes.
func Answer(response []byte) Action {
	response = slices.Clone(response)
	return func(context.Context, *Reader, func() ([]byte, error)) ([]byte, error) {
		return slices.Clone(response), nil
	}
}

// AnswerStatus answers with a status word; the card never sees the command.
func AnswerStatus(s apdu.Status) Action { return Answer([]byte{byte(s >> 8), byte(s)}) }

// RefuseShortIdentifiers is a rule by which card or reader answer with s to every
// command that names a file by its short identifier, so that it has to be selected
// first. That there are such ones is assumed; published programs provide for them.
func RefuseShortIdentifiers(s apdu.Status) Fault {
	return Fault{Command: namesShortIdentifier, Do: AnswerStatus(s)}
}

// SendsSecret is a [Fault]'s Command that matches commands that send a PIN or
// password, to verify or to change it. It does not match the question for the
// attempts left, which is VERIFY without data.
func SendsSecret(command []byte) bool {
	c, err := apdu.ParseCommand(command)
	return err == nil && c.Secret()
}

// AsksAttempts is a [Fault]'s Command that matches the question for the attempts
// left of a PIN or password.
func AsksAttempts(command []byte) bool {
	c, err := apdu.ParseCommand(command)
	return err == nil && c.INS == apdu.InsVerify && !c.Secret()
}

// namesShortIdentifier tells whether READ BINARY, VERIFY, CHANGE REFERENCE DATA or
// PERFORM SECURITY OPERATION names its file itself, whatever file is selected.
func namesShortIdentifier(command []byte) bool {
	switch command[1] {
	case apdu.InsReadBinary:
		return command[2]&0x80 != 0
	case apdu.InsVerify, apdu.InsChangeReferenceData, apdu.InsPerformSecurityOperation:
		return command[3]&0x1F != 0
	}
	return false
}

// Lengthen adds n bytes to the data of the card's answer, and takes -n away if
// n is negative; the status word stays.
func Lengthen(n int) Action {
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

// Hang says nothing until the card is taken out or ctx ends.
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
			return next() // which finds the same, and gives the session up
		}
	}
}

// Hold is another program's transaction, begun just before the operation. It
// ends when release is closed, and when the card is taken out; with nil, only
// then. While somebody has a transaction already there is no room for another,
// and nothing happens.
func Hold(release <-chan struct{}) Action {
	return func(ctx context.Context, r *Reader, next func() ([]byte, error)) ([]byte, error) {
		if _, held := r.InUse(); held {
			return next()
		}
		other, err := r.join(ctx)
		if err != nil {
			return next()
		}
		if err := other.begin(ctx); err != nil { // past the rules: they are not for this program
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
