package trust_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/jpki/trust"
)

// Faults: F56.
func TestValidityAt(t *testing.T) {
	certificate := &x509.Certificate{
		NotBefore: time.Date(2025, 10, 27, 3, 0, 0, 0, time.UTC),   // 12:00 in Japan
		NotAfter:  time.Date(2030, 2, 17, 14, 59, 59, 0, time.UTC), // 23:59:59 in Japan
	}
	farWest := time.FixedZone("UTC-12", -12*60*60)
	for _, tt := range []struct {
		now  time.Time
		want trust.Validity
	}{
		{certificate.NotBefore.Add(-time.Second), trust.NotYetValid},
		{certificate.NotBefore, trust.Valid},
		{time.Date(2029, 11, 17, 14, 59, 58, 0, time.UTC), trust.Valid},
		{time.Date(2029, 11, 17, 14, 59, 59, 0, time.UTC), trust.Expiring},
		{certificate.NotAfter, trust.Expiring},
		{certificate.NotAfter.Add(time.Second - 1), trust.Expiring},
		{certificate.NotAfter.Add(time.Second), trust.Expired},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), trust.Expired},

		// The same moments by other clocks, and the same digits on them.
		{time.Date(2025, 10, 27, 11, 59, 59, 999999999, trust.Japan), trust.NotYetValid},
		{time.Date(2025, 10, 27, 12, 0, 0, 0, trust.Japan), trust.Valid},
		{time.Date(2025, 10, 27, 3, 0, 0, 0, trust.Japan), trust.NotYetValid},
		{time.Date(2030, 2, 17, 23, 59, 59, 999999999, trust.Japan), trust.Expiring},
		{time.Date(2030, 2, 18, 0, 0, 0, 0, trust.Japan), trust.Expired},
		{time.Date(2030, 2, 17, 23, 59, 59, 0, time.UTC), trust.Expired},
		{time.Date(2030, 2, 17, 2, 59, 59, 0, farWest), trust.Expiring},
		{time.Date(2030, 2, 17, 3, 0, 0, 0, farWest), trust.Expired},

		// Clocks that were never set.
		{time.Time{}, trust.NotYetValid},
		{time.Unix(0, 0), trust.NotYetValid},
		{time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC), trust.NotYetValid},
		{time.Date(-400, 1, 1, 0, 0, 0, 0, time.UTC), trust.NotYetValid},
		{time.Unix(1<<40, 0), trust.Expired},
	} {
		assert.Equal(t, tt.want, trust.ValidityAt(certificate, tt.now), tt.now)
	}

	// RFC 5280 gives the end of time to certificates without an end.
	endless := &x509.Certificate{NotBefore: certificate.NotBefore, NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}
	assert.Equal(t, trust.Valid, trust.ValidityAt(endless, certificate.NotAfter))
	assert.Equal(t, trust.Expiring, trust.ValidityAt(endless, endless.NotAfter))
	assert.Equal(t, trust.Expired, trust.ValidityAt(endless, endless.NotAfter.Add(time.Second)))

	// One that ends before it begins is never valid.
	never := &x509.Certificate{NotBefore: certificate.NotAfter, NotAfter: certificate.NotBefore}
	for _, now := range []time.Time{never.NotAfter, never.NotAfter.AddDate(2, 0, 0), never.NotBefore} {
		assert.Contains(t, []trust.Validity{trust.NotYetValid, trust.Expired}, trust.ValidityAt(never, now))
	}
}

// On every day, a certificate goes from valid to expiring to expired and never back. It is
// expiring for about three months.
//
// Faults: F56.
func TestValidityOnlyGoesForwards(t *testing.T) {
	order := map[trust.Validity]int{trust.Valid: 0, trust.Expiring: 1, trust.Expired: 2}
	for day := range 4 * 366 {
		end := time.Date(2027, 1, 1, 23, 59, 59, 0, trust.Japan).AddDate(0, 0, day)
		certificate := &x509.Certificate{NotAfter: end}
		last, expiring := 0, 0
		for n := -100; n <= 1; n++ {
			now := order[trust.ValidityAt(certificate, end.AddDate(0, 0, n))]
			require.GreaterOrEqual(t, now, last, end)
			last = now
			if now == 1 {
				expiring++
			}
		}
		require.Equal(t, 2, last)
		require.GreaterOrEqual(t, expiring, 90, end)
		require.LessOrEqual(t, expiring, 94, end)
	}
}

// A certificate can be renewed three months before it expires, from the same day of the
// month, or from the last day of a month that is too short. Days are counted in Japan's
// time.
func TestWhenACertificateCanBeRenewed(t *testing.T) {
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2029, month, day, hour, 59, 59, 0, trust.Japan)
	}
	for _, tt := range []struct{ end, from time.Time }{
		{at(6, 30, 23), at(3, 30, 23)},
		{at(5, 28, 23), at(2, 28, 23)},
		{at(5, 29, 23), at(2, 28, 23)},
		{at(5, 30, 23), at(2, 28, 23)},
		{at(5, 31, 23), at(2, 28, 23)},
		{at(6, 1, 23), at(3, 1, 23)},
		{at(6, 3, 23), at(3, 3, 23)},
		{at(7, 31, 23), at(4, 30, 23)},
		{at(5, 31, 5), at(2, 28, 5)}, // still the 30th of May in UTC
		{at(6, 1, 5), at(3, 1, 5)},   // still the 31st
	} {
		for _, zone := range []*time.Location{time.UTC, trust.Japan} {
			certificate := &x509.Certificate{NotAfter: tt.end.In(zone)}
			assert.Equal(t, trust.Valid, trust.ValidityAt(certificate, tt.from.Add(-time.Second)), tt.end)
			assert.Equal(t, trust.Expiring, trust.ValidityAt(certificate, tt.from), tt.end)
		}
	}
}
