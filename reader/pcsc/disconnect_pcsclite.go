//go:build cgo && !windows && !darwin

package pcsc

import "github.com/ebfe/scard"

// disconnect leaves the end of the connection to the context's release, because
// SCardDisconnect of libpcsclite may crash a process with several contexts: it
// looks for the handle in all of them without the lock under which another
// thread's SCardReleaseContext frees them (SCardRemoveHandle in winscard_clnt.c,
// version 1.9.9; docs/faults.md has what was measured). Releasing a context drops
// its handles under that lock.
//
// Power is cut, and given again for whoever comes next, by a reconnection.
// Without a protocol: none is used any more.
func (h scardHandle) disconnect(unpower bool) error {
	if !unpower {
		return nil
	}
	return codeOf(h.card.Reconnect(scard.ShareDirect, scard.ProtocolUndefined, scard.UnpowerCard))
}
