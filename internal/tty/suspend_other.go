//go:build !unix

package tty

// Suspension does nothing on this system.
type Suspension struct{}

// NewSuspension returns nil.
func NewSuspension() *Suspension { return nil }

func (*Suspension) hold() (release func()) { return func() {} }

func (*Suspension) prompt() (done func()) { return func() {} }

func (*Suspension) hide(t *systemTerminal) error { return t.hideTyped() }

func (*Suspension) show(t *systemTerminal) { t.showTyped() }
