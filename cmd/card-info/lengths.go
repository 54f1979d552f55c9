package main

import (
	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
)

// lengths determines from the exchanges with a card how an apdu.Channel reads files, for a
// trace. The zero value is ready to use.
type lengths struct {
	read     apdu.Command // the last READ BINARY
	failed   bool         // read did not return what it asked for
	reported bool         // how files are read was reported
	probed   bool         // undeclared extended lengths were reported as accepted
}

// smallestBlock is the smallest block that a channel reads at the start of an object.
const smallestBlock = 253

// next returns the comments before and after an exchange; either may be empty.
func (l *lengths) next(e reader.Exchange) (before, after Text) {
	c := e.Command
	switch {
	case c.INS == apdu.InsSelect && c.P1 == 0x04: // a new channel
		*l = lengths{}
		return
	case c.INS != apdu.InsReadBinary:
		return
	}
	starts := c.P2 == 0 && (c.P1 == 0 || c.P1&0x80 != 0)
	failed := e.Err != nil || e.Malformed || e.Length == 0 || e.Status != apdu.StatusOK && e.Status != apdu.StatusEndOfFile
	again := l.failed && c.P1 == l.read.P1 && c.P2 == l.read.P2 && !c.Extended
	switch {
	case !l.reported && starts && c.Extended:
		l.reported, before = true, textReadsDeclared
	case !l.reported && starts && c.Ne > smallestBlock:
		l.reported, before = true, textReadsShort
	case again && l.read.Extended && e.Err == nil && !e.Malformed:
		after = textReadsExtendedLost
	case again && starts && l.read.Ne > smallestBlock && c.Ne == smallestBlock:
		before = textReadsSmall
	case c.Extended && !starts && !l.read.Extended && !failed && e.Length > apdu.MaxShortNe && !l.probed:
		l.probed, after = true, textReadsProbed
	}
	l.read, l.failed = c, failed
	return
}
