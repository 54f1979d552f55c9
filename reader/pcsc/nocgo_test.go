//go:build !cgo && !windows

package pcsc_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
)

func TestCallsWithoutCgoNameWhatToInstall(t *testing.T) {
	ctx := context.Background()
	_, readersErr := pcsc.New().Readers(ctx)
	_, connectErr := pcsc.New().Connect(ctx, "Reader")
	var watchErr error
	for _, err := range pcsc.New().Watch(ctx) {
		watchErr = err
	}
	for _, err := range []error{readersErr, connectErr, watchErr} {
		assert.ErrorIs(t, err, reader.ErrUnsupported)
		assert.True(t, errors.Is(err, errors.ErrUnsupported))
		assert.ErrorContains(t, err, "libpcsclite-dev")
	}
}
