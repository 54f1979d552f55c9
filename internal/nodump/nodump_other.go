//go:build !unix

package nodump

// Protect does nothing on this system.
func Protect() error { return nil }
