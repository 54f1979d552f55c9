package main

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/reader"
)

// recordingDriver records the calls it receives.
type recordingDriver struct{ calls *[]string }

func (d recordingDriver) record(call string) { *d.calls = append(*d.calls, call) }

func (d recordingDriver) Readers(context.Context) ([]reader.Reader, error) {
	d.record("Readers")
	return nil, nil
}

func (d recordingDriver) Watch(context.Context) iter.Seq2[reader.Event, error] {
	d.record("Watch")
	return nil
}

func (d recordingDriver) Connect(context.Context, string) (reader.Card, error) {
	d.record("Connect")
	return nil, nil
}

// No card is connected before the terminating signals are caught, and no result that a
// user could see is returned before.
func TestSignalsAreCaughtFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		call func(reader.Driver)
		want []string
	}{
		"connecting": {func(d reader.Driver) { _, _ = d.Connect(t.Context(), "") }, []string{"caught", "Connect"}},
		"watching":   {func(d reader.Driver) { d.Watch(t.Context()) }, []string{"caught", "Watch"}},
		"listing":    {func(d reader.Driver) { _, _ = d.Readers(t.Context()) }, []string{"Readers", "caught"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := recordingDriver{calls: &[]string{}}
			tt.call(signalsFirst{d, func() { d.record("caught") }})
			assert.Equal(t, tt.want, *d.calls)
		})
	}
}
