//go:build !unix

package main

// suspension does nothing here: there is no suspending.
type suspension struct{}

func newSuspension() *suspension { return nil }

func (*suspension) hold() (release func()) { return func() {} }

func (*suspension) prompt() (done func()) { return func() {} }

func (*suspension) hide(t *systemTerminal) error { return t.hideTyped() }

func (*suspension) show(t *systemTerminal) { t.showTyped() }
