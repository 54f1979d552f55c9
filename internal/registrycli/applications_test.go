package registrycli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A spreadsheet treats no value as a formula, and the escaping can be reversed.
//
// Faults: F113.
func TestEscapeFormula(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "0123456789": "0123456789", "a=b": "a=b", "１２": "１２",
		"=1+1": "'=1+1", "+81": "'+81", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
		"'x": "''x", " =1": "' =1", "　＝1": "'　＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x",
	} {
		got := escapeFormula(value)
		assert.Equal(t, want, got, value)
		assert.Equal(t, value, strings.TrimPrefix(strings.Replace(got, "''", "'", 1), map[bool]string{true: "'"}[got != value && !strings.HasPrefix(value, "'")]))
	}
}
