package keyfile

import (
	"io/fs"
	"slices"
)

// ace is an entry of a Windows access control list.
type ace struct {
	kind, flags uint8
	mask        uint32
	sid         string // the account
}

// Kinds, flags and rights of entries (winnt.h).
const (
	aceAllows         = 0x0
	aceAllowsIf       = 0x9 // conditional
	aceOfChildrenOnly = 0x8

	mayRead  = 0x00000001 | genericAll | 0x80000000                // FILE_READ_DATA, GENERIC_READ
	mayWrite = 0x00000002 | 0x00000004 | genericAll | 0x40000000 | // FILE_WRITE_DATA, FILE_APPEND_DATA, GENERIC_WRITE
		0x00010000 | 0x00040000 | 0x00080000 // DELETE, WRITE_DAC, WRITE_OWNER
	genericAll = 0x10000000
)

// Accounts that can read every file anyway, or that stand for the owner.
var alwaysTrusted = []string{
	"S-1-5-18",     // the system
	"S-1-5-32-544", // administrators
	"S-1-3-4",      // the owner
}

// modeOf returns the rights that an access control list gives to untrusted accounts as
// mode bits. It ignores entries that deny rights, since they may apply to some of these
// accounts only.
func modeOf(list []ace, trusted ...string) fs.FileMode {
	mode := fs.FileMode(0o600)
	for _, e := range list {
		allows := e.kind == aceAllows || e.kind == aceAllowsIf
		if !allows || e.flags&aceOfChildrenOnly != 0 || slices.Contains(alwaysTrusted, e.sid) || slices.Contains(trusted, e.sid) {
			continue
		}
		if e.mask&mayRead != 0 {
			mode |= 0o044
		}
		if e.mask&mayWrite != 0 {
			mode |= 0o022
		}
	}
	return mode
}
