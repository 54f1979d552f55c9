package keyfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// allow sets the access control list of a file or folder, in the security descriptor
// definition language.
func allow(t *testing.T, path, list string) {
	t.Helper()
	descriptor, err := windows.SecurityDescriptorFromString(list)
	require.NoError(t, err)
	dacl, _, err := descriptor.DACL()
	require.NoError(t, err)
	require.NoError(t, windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil))
}

// Only the owner may read a key, even if everyone may read its folder. Additional
// rights are detected.
//
// Faults: F125.
func TestOnlyTheOwnerMayReadAKey(t *testing.T) {
	folder := t.TempDir()
	allow(t, folder, "D:(A;OICI;FA;;;WD)") // everyone
	mode := func(path string) os.FileMode {
		t.Helper()
		_, mode, err := Read(path, 100)
		require.NoError(t, err)
		return mode
	}
	inherits := filepath.Join(folder, "inherits")
	require.NoError(t, os.WriteFile(inherits, []byte("secret"), 0o600))
	assert.True(t, Exposed(mode(inherits)), "mode 0600 has no effect on Windows")

	private, public := filepath.Join(folder, "private"), filepath.Join(folder, "public")
	require.NoError(t, WritePair(private, []byte("secret"), public, []byte("open")))
	assert.EqualValues(t, 0o600, mode(private))
	assert.True(t, Exposed(mode(public)))
	page := filepath.Join(folder, "page")
	for range 2 {
		require.NoError(t, Replace(page, []byte("content")))
		assert.EqualValues(t, 0o600, mode(page))
	}
	given := filepath.Join(t.TempDir(), "given")
	require.NoError(t, WriteNew(given, []byte("secret")))
	self, err := user()
	require.NoError(t, err)
	for list, want := range map[string]os.FileMode{
		"(A;;FA;;;" + self + ")":               0o600,
		"(A;;FA;;;" + self + ")(A;;FR;;;WD)":   0o644,
		"(A;;FA;;;" + self + ")(A;;FA;;;WD)":   0o666,
		"(A;;FA;;;" + self + ")(A;;FA;;;SY)":   0o600,
		"(A;;FA;;;" + self + ")(A;;FRFW;;;BA)": 0o600,
	} {
		allow(t, given, "D:P"+list)
		assert.EqualValues(t, want, mode(given), list)
	}
}
