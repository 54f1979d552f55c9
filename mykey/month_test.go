package mykey_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
)

// Months are counted in Japan's time, can be printed and read back, and contain no day and
// no time.
//
// Faults: F92.
func TestMonthConversions(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Date(2030, 2, 17, 14, 59, 59, 0, time.UTC):    "2030-02",
		time.Date(2030, 2, 28, 14, 59, 59, 0, time.UTC):    "2030-02",
		time.Date(2030, 2, 28, 15, 0, 0, 0, time.UTC):      "2030-03", // 1 March in Japan
		time.Date(2029, 12, 31, 15, 0, 0, 0, time.UTC):     "2030-01",
		time.Date(9999, 5, 17, 0, 0, 0, 0, time.UTC):       "9999-05",
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC):           "0001-01",
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC):   "9999-12", // RFC 5280's "no end", in Japan the year 10000
		time.Date(2030, 1, 31, 23, 0, 0, 0, time.Local):    mykey.MonthOf(time.Date(2030, 1, 31, 23, 0, 0, 0, time.Local).UTC()).String(),
		time.Unix(1_900_000_000, 999_999_999).In(time.UTC): "2030-03",
	} {
		m := mykey.MonthOf(at)
		assert.Equal(t, want, m.String())
		parsed, err := mykey.ParseMonth(want)
		require.NoError(t, err)
		assert.Equal(t, m, parsed)
		for _, verb := range []string{"%v", "%+v", "%s"} {
			assert.Equal(t, want, fmt.Sprintf(verb, m))
		}
		encoded, err := json.Marshal(map[string]mykey.Month{"valid_until": m})
		require.NoError(t, err)
		assert.JSONEq(t, `{"valid_until":"`+want+`"}`, string(encoded))
		var decoded map[string]mykey.Month
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		assert.Equal(t, m, decoded["valid_until"])
	}
	for _, text := range []string{"", "2030", "2030-00", "2030-13", "2030-2", "2030-02-17", "2030/02", " 2030-02", "２０３０-02", "-001-01", "10000-01", "2030-02T00:00:00Z"} {
		m, err := mykey.ParseMonth(text)
		require.ErrorIs(t, err, mykey.ErrMonth, "%q", text)
		assert.True(t, m.IsZero())
	}
	var m mykey.Month
	require.Error(t, json.Unmarshal([]byte(`"2030-02-17"`), &m))
	assert.Empty(t, m.String())
	m = mykey.MonthOf(time.Now())
	require.NoError(t, json.Unmarshal([]byte(`""`), &m))
	assert.True(t, m.IsZero())
	february := mykey.MonthOf(time.Date(2030, 2, 17, 0, 0, 0, 0, time.UTC))
	assert.Equal(t, 2030, february.Year())
	assert.Equal(t, time.February, february.Month())
	assert.False(t, february.IsZero())
}

// A month has passed when the next one has begun in Japan.
//
// Faults: F92.
func TestMonthPassed(t *testing.T) {
	for _, expires := range []time.Time{
		time.Date(2030, 2, 17, 14, 59, 59, 0, time.UTC), time.Date(2031, 12, 1, 0, 0, 0, 0, time.UTC),
	} {
		m := mykey.MonthOf(expires)
		end := time.Date(m.Year(), m.Month()+1, 1, 0, 0, 0, 0, time.UTC).Add(-9 * time.Hour)
		assert.False(t, m.Passed(expires.AddDate(-1, 0, 0)))
		assert.False(t, m.Passed(expires))
		assert.False(t, m.Passed(end.Add(-1)))
		assert.True(t, m.Passed(end))
		assert.True(t, m.Passed(end.AddDate(1, 0, 0)))
	}
	assert.True(t, mykey.Month{}.Passed(time.Now()), "the zero Month has always passed")
}

// The table in the documentation of Month matches a simulation of 200,000 holders
// whose cards were issued evenly over 5 years: the share of holders whose day or
// month of expiry is unique in their group.
//
// Faults: F92.
func TestMonthTable(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	expiry := func() time.Time {
		issued := time.Date(2021, 11, 25, 0, 0, 0, 0, time.UTC).AddDate(0, 0, random.IntN(5*365))
		born := time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, random.IntN(70*365))
		birthday := time.Date(issued.Year(), born.Month(), born.Day(), 0, 0, 0, 0, time.UTC)
		if !birthday.After(issued) {
			birthday = birthday.AddDate(1, 0, 0)
		}
		return birthday.AddDate(4, 0, 0) // the fifth birthday after the issue
	}
	unique := func(counts map[string]int) (n float64) {
		for _, count := range counts {
			if count == 1 {
				n++
			}
		}
		return n
	}
	percent := func(holders int) (byDay, byMonth float64) {
		populations := 200_000 / holders
		for range populations {
			days, months := map[string]int{}, map[string]int{}
			for range holders {
				expires := expiry()
				days[expires.Format(time.DateOnly)]++
				months[mykey.MonthOf(expires).String()]++
			}
			byDay, byMonth = byDay+unique(days), byMonth+unique(months)
		}
		return 100 * byDay / float64(populations*holders), 100 * byMonth / float64(populations*holders)
	}
	text, err := os.ReadFile("month.go")
	require.NoError(t, err)
	for _, holders := range []int{100, 1_000, 10_000} {
		byDay, byMonth := percent(holders)
		line := fmt.Sprintf("//\t%-10s%21s%24s\n", thousands(fmt.Sprint(holders)), fmt.Sprintf("%.0f%%", byDay), fmt.Sprintf("%.1f%%", byMonth))
		assert.True(t, strings.Contains(string(text), line), line)
	}
}
