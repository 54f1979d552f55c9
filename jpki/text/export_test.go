package text

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// ParseAttributes parses a file with these elements.
func ParseAttributes(t testing.TB, elements string) error {
	t.Helper()
	value, err := hex.DecodeString(strings.ReplaceAll(elements, " ", ""))
	require.NoError(t, err)
	file, err := tlv.Append(nil, tagAttributes, value)
	require.NoError(t, err)
	_, _, err = parseAttributes(file)
	return err
}
