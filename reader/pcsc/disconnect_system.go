//go:build windows || (darwin && cgo)

package pcsc

import "github.com/ebfe/scard"

func (h scardHandle) disconnect(unpower bool) error {
	if unpower {
		return codeOf(h.card.Disconnect(scard.UnpowerCard))
	}
	return codeOf(h.card.Disconnect(scard.LeaveCard))
}
