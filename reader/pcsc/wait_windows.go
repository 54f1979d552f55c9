package pcsc

import (
	"bytes"
	"reflect"
	"runtime"
	"time"
	"unsafe"

	"github.com/ebfe/scard"
	"golang.org/x/sys/windows"
)

var procGetStatusChange = windows.NewLazySystemDLL("winscard.dll").NewProc("SCardGetStatusChangeW")

// systemState is SCARD_READERSTATEW. Unlike the binding's type, it holds the name as a
// pointer and not as a number, so that the garbage collector does not free the name
// while the system reads it.
type systemState struct {
	name           *uint16
	userData       uintptr
	current, event uint32
	atrLength      uint32
	atr            [36]byte
}

// waitForChange calls SCardGetStatusChange itself.
func waitForChange(c *scard.Context, states []readerState, timeout time.Duration) error {
	list := make([]systemState, len(states))
	for i, state := range states {
		name, err := windows.UTF16PtrFromString(state.name)
		if err != nil {
			return codeUnknownReader
		}
		list[i] = systemState{name: name, current: uint32(state.current)}
	}
	// The binding does not export the handle of its context, which is its only field.
	handle := uintptr(reflect.ValueOf(c).Elem().Field(0).Uint())
	code, _, _ := procGetStatusChange.Call(handle, uintptr(timeout.Milliseconds()), uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)))
	runtime.KeepAlive(list)
	if Code(code) != codeSuccess {
		return Code(code)
	}
	for i := range states {
		states[i].event = flags(list[i].event)
		states[i].atr = bytes.Clone(list[i].atr[:min(int(list[i].atrLength), len(list[i].atr))])
	}
	return nil
}
