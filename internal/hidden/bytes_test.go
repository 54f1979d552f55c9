package hidden_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/hidden"
)

// Bytes is never printed, and Wipe wipes all copies and the original slice.
func TestBytes(t *testing.T) {
	given := []byte("7305730573")
	b := hidden.NewBytes(given)
	other := b
	other.Use(func(secret []byte) { assert.Equal(t, "7305730573", string(secret)) })
	assert.False(t, b.Empty())
	encoded, err := json.Marshal(struct{ B hidden.Bytes }{b})
	require.NoError(t, err)
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %x %q %s", b, b, b, b, b, []any{b}), string(encoded), b.LogValue().String()} {
		assert.NotContains(t, printed, "7305")
		assert.NotContains(t, printed, fmt.Sprintf("%x", "7305"))
	}
	b.Wipe()
	b.Wipe()
	assert.True(t, other.Empty())
	other.Use(func(secret []byte) { assert.Empty(t, secret) })
	assert.Equal(t, make([]byte, 10), given)

	var none hidden.Bytes
	none.Wipe()
	assert.True(t, none.Empty())
	none.Use(func(secret []byte) { assert.Nil(t, secret) })
}
