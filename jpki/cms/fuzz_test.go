package cms_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/cms"
)

func FuzzVerify(f *testing.F) {
	signer := signtest.New(f, nil)
	v := verifier(f)
	der, err := cms.Sign(context.Background(), signer, strings.NewReader(text), cms.Options{})
	require.NoError(f, err)
	stamped, err := cms.Sign(context.Background(), signer, strings.NewReader(text), cms.Options{Timestamp: func(_ context.Context, s []byte) ([]byte, error) {
		return signtest.NewAuthority(f, nil).Token(f, s, time.Now()), nil
	}})
	require.NoError(f, err)
	f.Add(der, text)
	f.Add(stamped, text)
	f.Fuzz(func(t *testing.T, der []byte, content string) {
		signatures, err := v.Verify(t.Context(), der, strings.NewReader(content))
		if err != nil {
			assert.Nil(t, signatures)
			return
		}
		require.Equal(t, text, content, "nobody signed this")
		for _, s := range signatures {
			require.Equal(t, signer.Certificate().Raw, s.Certificate().Raw)
		}
		_, _ = cms.Content(der)
	})
}
