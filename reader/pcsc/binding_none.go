//go:build !cgo && !windows

package pcsc

import (
	"fmt"

	"github.com/mykeykit/mykeykit/reader"
)

// systemBinding returns a binding that always fails, since PC/SC needs cgo.
func systemBinding() binding { return noBinding{} }

type noBinding struct{}

func (noBinding) establish() (scope, error) {
	return nil, fmt.Errorf("%w: this program was built with CGO_ENABLED=0; "+
		"build it with cgo and the headers of pcsc-lite (Debian and Ubuntu: apt-get install libpcsclite-dev pkg-config)",
		reader.ErrUnsupported)
}
