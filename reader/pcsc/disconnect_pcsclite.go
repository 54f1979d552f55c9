//go:build cgo && !windows && !darwin

package pcsc

import "github.com/ebfe/scard"

// disconnect leaves closing the connection to the release of the context, because
// SCardDisconnect of libpcsclite may crash a process with several contexts: it searches
// all of them for the handle without the lock under which another thread's
// SCardReleaseContext frees them (SCardRemoveHandle in winscard_clnt.c, version 1.9.9;
// docs/faults.md lists the measurements). Releasing a context closes its handles under
// that lock.
//
// To cut the power, disconnect reconnects with SCARD_UNPOWER_CARD, which also powers the
// card up again. It selects no protocol, since no command follows.
func (h scardHandle) disconnect(unpower bool) error {
	if !unpower {
		return nil
	}
	return codeOf(h.card.Reconnect(scard.ShareDirect, scard.ProtocolUndefined, scard.UnpowerCard))
}
