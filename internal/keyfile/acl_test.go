package keyfile

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Rights of other accounts in a Windows access control list become mode bits.
//
// Faults: F125.
func TestModeOf(t *testing.T) {
	const (
		owner, other, everyone, users = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002", "S-1-1-0", "S-1-5-32-545"
		full, readAndExecute, modify  = 0x1f01ff, 0x1200a9, 0x1301bf
		attributesOnly                = 0x100080
	)
	for name, c := range map[string]struct {
		list []ace
		want fs.FileMode
	}{
		"only the owner":             {[]ace{{0, 0, full, owner}}, 0o600},
		"empty":                      {nil, 0o600},
		"also the system":            {[]ace{{0, 0, full, owner}, {0, 0x10, full, "S-1-5-18"}, {0, 0x10, full, "S-1-5-32-544"}, {0, 0, full, "S-1-3-4"}}, 0o600},
		"users may read":             {[]ace{{0, 0x10, full, owner}, {0, 0x10, readAndExecute, users}}, 0o644},
		"everyone may change it":     {[]ace{{0, 0, modify, everyone}}, 0o666},
		"everyone has full access":   {[]ace{{0, 0, genericAll, everyone}}, 0o666},
		"another may write only":     {[]ace{{0, 0, 0x2, other}}, 0o622},
		"another may append":         {[]ace{{0, 0, 0x4, other}}, 0o622},
		"another may delete it":      {[]ace{{0, 0, 0x10000, other}}, 0o622},
		"another may change rights":  {[]ace{{0, 0, 0x40000, other}}, 0o622},
		"another may take ownership": {[]ace{{0, 0, 0x80000, other}}, 0o622},
		"generic reading":            {[]ace{{0, 0, 0x80000000, other}}, 0o644},
		"generic writing":            {[]ace{{0, 0, 0x40000000, other}}, 0o622},
		"conditional":                {[]ace{{9, 0, readAndExecute, users}}, 0o644},
		"attributes only":            {[]ace{{0, 0, attributesOnly, users}}, 0o600},
		"for a folder's files only":  {[]ace{{0, 0x8 | 0x3, full, everyone}}, 0o600},
		"denied":                     {[]ace{{1, 0, full, everyone}}, 0o600},
		"denied to some, and read":   {[]ace{{1, 0, full, other}, {0, 0, readAndExecute, everyone}}, 0o644},
		"audited":                    {[]ace{{2, 0, full, ""}}, 0o600},
	} {
		got := modeOf(c.list, owner)
		assert.Equal(t, fmt.Sprintf("%o", c.want), fmt.Sprintf("%o", got), name)
		assert.Equal(t, c.want != 0o600, Exposed(got), name)
	}
}
