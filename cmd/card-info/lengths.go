package main

import (
	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/reader"
)

// lengths finds out from the exchanges with a card how an apdu.Channel reads
// files, for a trace. Its zero value is ready to use.
type lengths struct {
	read   apdu.Command // the last READ BINARY
	failed bool         // it was not answered with all that it asked for
	told   bool         // the first object's length was told
	probed bool         // and that undeclared extended lengths are accepted
}

// smallestBlock is how much a channel asks for at least at the start of an object.
const smallestBlock = 253

// next returns what to say before and after an exchange; either may be empty.
func (l *lengths) next(e reader.Exchange) (before, after Text) {
	c := e.Command
	switch {
	case c.INS == apdu.InsSelect && c.P1 == 0x04: // another channel, or none
		*l = lengths{}
		return
	case c.INS != apdu.InsReadBinary:
		return
	}
	starts := c.P2 == 0 && (c.P1 == 0 || c.P1&0x80 != 0)
	failed := e.Err != nil || e.Malformed || e.Length == 0 || e.Status != apdu.StatusOK && e.Status != apdu.StatusEndOfFile
	again := l.failed && c.P1 == l.read.P1 && c.P2 == l.read.P2 && !c.Extended
	switch {
	case !l.told && starts && c.Extended:
		l.told, before = true, textReadsDeclared
	case !l.told && starts && c.Ne > smallestBlock:
		l.told, before = true, textReadsShort
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
