package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/mykey/registry"
)

// A change whose answer may be lost is repeated once, with the same operation.
func TestRetry(t *testing.T) {
	other := errors.New("other")
	ended, end := context.WithCancel(t.Context())
	end()
	unavailable := fmt.Errorf("%w: the answer was lost", registry.ErrUnavailable)
	for name, test := range map[string]struct {
		ctx     context.Context
		answers []error // of the calls
		want    error
	}{
		"a change":                {t.Context(), []error{nil}, nil},
		"another error":           {t.Context(), []error{other}, other},
		"a lost answer":           {t.Context(), []error{unavailable, nil}, nil},
		"two lost answers":        {t.Context(), []error{unavailable, unavailable}, registry.ErrUnavailable},
		"a lost answer, rejected": {t.Context(), []error{unavailable, other}, other},
		"a context that ended":    {ended, []error{unavailable}, registry.ErrUnavailable},
	} {
		var used []registry.Operation
		call, err := registry.Retry(test.ctx, func(o registry.Operation) (int, error) {
			used = append(used, o)
			return len(used), test.answers[len(used)-1]
		})
		assert.ErrorIs(t, err, test.want, name)
		assert.Equal(t, len(test.answers), call, name)
		for _, o := range used {
			assert.Equal(t, used[0], o, name)
			assert.NotZero(t, o, name)
		}
	}
}
