package pcsc

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withCard returns a service with a card in reader "A" and a function that returns how many
// contexts were established.
func withCard() (s *service, established func() int) {
	s, n := newService(), 0
	s.plug("A", 0x20)
	s.fault = func(call string) error {
		if call == "establish" {
			n++
		}
		return nil
	}
	return s, func() int { return n }
}

// A connection uses the context in which its card was found, unless the service has
// restarted since. A context that no connection uses is released.
func TestSpareContext(t *testing.T) {
	for name, tt := range map[string]struct {
		looks    int
		before   func(*service) // before the first connection
		connects int
		want     int // established contexts
	}{
		"a look and a connection":      {looks: 1, connects: 1, want: 1},
		"two connections":              {looks: 1, connects: 2, want: 2},
		"two looks and two of them":    {looks: 2, connects: 2, want: 3},
		"no look":                      {connects: 1, want: 1},
		"no connection":                {looks: 3, want: 3},
		"a connection after some time": {looks: 1, before: func(*service) { time.Sleep(2 * spareFor) }, connects: 1, want: 2},
		"a restart of the service": {looks: 1, before: func(s *service) {
			s.change(func() { s.down = true })
			s.change(func() { s.down = false })
		}, connects: 1, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, established := withCard()
				d := newDriver(s, onLinux)
				for range tt.looks {
					list, err := d.Readers(t.Context())
					require.NoError(t, err)
					require.True(t, list[0].Present)
				}
				synctest.Wait()
				if tt.before != nil {
					tt.before(s)
				}
				for range tt.connects {
					card, err := d.Connect(t.Context(), "A")
					require.NoError(t, err)
					defer card.Close()
				}
				assert.Equal(t, tt.want, established())
				time.Sleep(2 * spareFor)
				scopes, handles := s.open()
				assert.Equal(t, [2]int{tt.connects, tt.connects}, [2]int{scopes, handles}, "open contexts and connections")
			})
		})
	}
}

// A service that hangs when a context is released blocks no look and no connection.
func TestSpareContextHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.plug("A", 0x20)
		hanging := make(chan struct{})
		d := newDriver(s, onLinux)
		s.fault = func(call string) error {
			if call == "release" {
				<-hanging
			}
			return nil
		}
		_, err := d.Readers(t.Context())
		require.NoError(t, err)
		time.Sleep(2 * spareFor) // the release of the spare hangs now
		_, err = d.Readers(t.Context())
		require.NoError(t, err)
		card, err := d.Connect(t.Context(), "A")
		require.NoError(t, err)
		close(hanging)
		require.NoError(t, card.Close())
		synctest.Wait()
		s.clean(t)
	})
}
