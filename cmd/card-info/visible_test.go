package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of the fonts in the system's folders, the better one is used, wherever it is.
func TestJapaneseFont(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	folders := []string{first, filepath.Join(first, "missing"), second}
	make := func(path ...string) string {
		name := filepath.Join(path...)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, nil, 0o600))
		return name
	}
	make(first, "DejaVuSans.ttf")
	require.NoError(t, os.Mkdir(filepath.Join(first, "ipaexg.ttf"), 0o700))
	assert.Empty(t, japaneseFont(folders), "no font with Japanese characters")
	windows := make(first, "MEIRYO.TTC")
	assert.Equal(t, windows, japaneseFont(folders))
	noto := make(second, "opentype", "noto", "NotoSansCJK-Regular.ttc")
	assert.Equal(t, noto, japaneseFont(folders))
	make(second, "msgothic.ttc")
	assert.Equal(t, noto, japaneseFont(folders))
}
