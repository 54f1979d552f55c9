package keyfile

import (
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// create creates a new file. A private file belongs to its owner only from the start and
// inherits no permissions from its folder.
func create(path string, mode fs.FileMode) (*os.File, error) {
	if mode&0o004 != 0 {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	}
	file, err := createPrivate(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

// createPrivate creates a new file that only its owner can use.
func createPrivate(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	self, err := user()
	if err != nil {
		return nil, err
	}
	descriptor, err := windows.SecurityDescriptorFromString("O:" + self + "D:P(A;;FA;;;" + self + ")")
	if err != nil {
		return nil, err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE, windows.FILE_SHARE_READ, attributes, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(handle), path), nil
}

// user returns the security identifier of the current user.
func user() (string, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", err
	}
	return u.User.Sid.String(), nil
}

// access converts the access control list to a mode.
func access(file *os.File, _ fs.FileMode) (fs.FileMode, error) {
	descriptor, err := windows.GetSecurityInfo(windows.Handle(file.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return 0, err
	}
	self, err := user()
	if err != nil {
		return 0, err
	}
	trusted := []string{self}
	if owner, _, err := descriptor.Owner(); err == nil && owner != nil {
		trusted = append(trusted, owner.String())
	}
	list, _, err := descriptor.DACL()
	if err != nil || list == nil {
		return 0o666, nil // no list, as on FAT: everyone has full access
	}
	entries := make([]ace, list.AceCount)
	for i := range entries {
		var e *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, uint32(i), &e); err != nil {
			return 0, err
		}
		entries[i] = ace{kind: e.Header.AceType, flags: e.Header.AceFlags, mask: uint32(e.Mask)}
		if kind := entries[i].kind; kind == aceAllows || kind == aceAllowsIf { // other kinds have another layout
			entries[i].sid = (*windows.SID)(unsafe.Pointer(&e.SidStart)).String()
		}
	}
	return modeOf(entries, trusted...), nil
}
