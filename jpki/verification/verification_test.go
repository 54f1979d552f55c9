package verification_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/verification"
)

// Each entry has its number of digits, in any width of characters. Anything else is rejected with its
// own error, which is also credential.ErrFormat.
func TestParse(t *testing.T) {
	parsers := map[string]struct {
		parse  func(string) error
		digits int
		err    error
	}{
		"number A": {func(s string) error { _, err := verification.ParseNumberA([]byte(s)); return err }, 12, verification.ErrNumberAFormat},
		"number B": {func(s string) error { _, err := verification.ParseNumberB([]byte(s)); return err }, 14, verification.ErrNumberBFormat},
		"birth":    {func(s string) error { _, err := verification.ParseBirth([]byte(s)); return err }, 6, verification.ErrBirthFormat},
	}
	const half, full = "0123456789012345", "０１２３４５６７８９０１２３４５"
	for name, p := range parsers {
		t.Run(name, func(t *testing.T) {
			assert.NoError(t, p.parse(half[:p.digits]))
			assert.NoError(t, p.parse(full[:3*p.digits]))
			for _, entry := range []string{"", half[:p.digits-1], half[:p.digits+1], half[:p.digits-1] + "A", half[:p.digits-1] + "-", " " + half[:p.digits-1], half[:p.digits] + "\n"} {
				err := p.parse(entry)
				require.ErrorIs(t, err, p.err, "%q", entry)
				require.ErrorIs(t, err, credential.ErrFormat)
			}
		})
	}
}
