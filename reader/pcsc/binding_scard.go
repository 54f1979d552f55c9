//go:build cgo || windows

package pcsc

import (
	"errors"
	"time"

	"github.com/ebfe/scard"
)

// systemBinding returns a binding to PC/SC that uses github.com/ebfe/scard and avoids
// its known faults. It panics on empty commands, unknown protocols, empty reader lists
// and long ATRs; guard turns panics into errors. It does not set states after an error.
// On Windows its wait for changes may use the names of readers after the garbage
// collector has freed them, so waitForChange calls PC/SC itself.
func systemBinding() binding { return scardBinding{} }

type scardBinding struct{}

func (scardBinding) establish() (scope, error) {
	return guard(func() (scope, error) {
		c, err := scard.EstablishContext()
		if err != nil {
			return nil, codeOf(err)
		}
		return scardScope{c}, nil
	})
}

type scardScope struct{ c *scard.Context }

func (s scardScope) listReaders() ([]string, error) {
	return guard(func() ([]string, error) {
		names, err := s.c.ListReaders()
		return names, codeOf(err)
	})
}

func (s scardScope) getStatusChange(states []readerState, timeout time.Duration) error {
	_, err := guard(func() (struct{}, error) {
		if len(states) == 0 {
			return struct{}{}, codeNoReadersAvailable
		}
		return struct{}{}, waitForChange(s.c, states, timeout)
	})
	return err
}

func (s scardScope) connect(name string) (handle, error) {
	return guard(func() (handle, error) {
		card, err := s.c.Connect(name, scard.ShareShared, scard.ProtocolAny)
		if err != nil {
			return nil, codeOf(err)
		}
		return scardHandle{card}, nil
	})
}

func (s scardScope) cancel() error  { return codeOf(s.c.Cancel()) }
func (s scardScope) release() error { return codeOf(s.c.Release()) }

type scardHandle struct{ card *scard.Card }

func (h scardHandle) transmit(command []byte) ([]byte, error) {
	return guard(func() ([]byte, error) {
		response, err := h.card.Transmit(command)
		return response, codeOf(err)
	})
}

func (h scardHandle) begin() error { return codeOf(h.card.BeginTransaction()) }
func (h scardHandle) end() error   { return codeOf(h.card.EndTransaction(scard.LeaveCard)) }

// status returns only the ATR. The state is unusable: it is a set of flags on some
// systems and a number on others, and the binding always reads it as flags.
func (h scardHandle) status() ([]byte, error) {
	return guard(func() ([]byte, error) {
		status, err := h.card.Status()
		if err != nil {
			return nil, codeOf(err)
		}
		return status.Atr, nil
	})
}

// codeOf converts an error of the binding to a [Code].
func codeOf(err error) error {
	var code scard.Error
	if errors.As(err, &code) {
		return Code(code)
	}
	return err
}
