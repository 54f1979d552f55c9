package jpki_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An option is accepted only where it has an effect: everything else does not compile.
func TestOptionsOfOtherFunctionsDoNotCompile(t *testing.T) {
	file := filepath.Join("testdata", "options", "options.go")
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	want := map[int]bool{}
	n := 0
	for line := range strings.Lines(string(source)) {
		n++
		if strings.HasSuffix(line, "// rejected\n") {
			want[n] = true
		}
	}
	require.NotEmpty(t, want)

	output, err := exec.Command("go", "build", "-gcflags=-e", "-o", os.DevNull, file).CombinedOutput()
	require.Error(t, err)
	rejected := map[int]bool{}
	for _, at := range regexp.MustCompile(`(?m)options\.go:(\d+):`).FindAllStringSubmatch(string(output), -1) {
		line, err := strconv.Atoi(at[1])
		require.NoError(t, err)
		rejected[line] = true
	}
	assert.Equal(t, want, rejected, "%s", output)
}
