package simulator_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestDriverConformsToReader(t *testing.T) {
	readertest.Run(t, func(t *testing.T) readertest.Fixture {
		driver := simulator.New()
		slot := driver.AddReader("Simulated Reader")
		return readertest.Fixture{
			Driver: driver,
			Reader: slot.Name(),
			Insert: func(t *testing.T, card *simulator.Card) { require.NoError(t, slot.Insert(card)) },
			Remove: func(*testing.T) { slot.Remove() },
		}
	})
}

func TestStopAndStartService(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	defer session.Close()

	var seen []string
	steps := []func(){driver.StopService, driver.StartService, cancel}
	for event, err := range driver.Watch(ctx) {
		require.NoError(t, err)
		seen = append(seen, event.Kind.String())
		if event.Kind == reader.CardInserted || event.Kind == reader.ServiceDown {
			steps[0]()
			steps = steps[1:]
		}
		if event.Kind == reader.ServiceDown {
			_, err := session.Transmit(ctx, []byte{0x00, 0x20, 0x00, 0x98})
			assert.ErrorIs(t, err, reader.ErrNoService)
		}
	}
	assert.Equal(t, []string{
		"reader-added", "card-inserted",
		"card-removed", "reader-removed", "service-down",
		"service-up", "reader-added", "card-inserted",
	}, seen)

	driver.StopService()
	_, err = driver.Readers(context.Background())
	assert.ErrorIs(t, err, reader.ErrNoService)
	_, err = driver.Connect(context.Background(), "Reader")
	assert.ErrorIs(t, err, reader.ErrNoService)
}

func TestAddAndRemoveReaders(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	_, err := reader.Find(ctx, driver, "", nil)
	require.ErrorIs(t, err, reader.ErrNoReader)

	first, second := driver.AddReader("Reader"), driver.AddReader("Reader")
	assert.Equal(t, "Reader 2", second.Name(), "names are unique")
	require.NoError(t, first.Insert(newCard(t, simulator.Contact)))
	assert.ErrorIs(t, first.Insert(newCard(t, simulator.Contact)), simulator.ErrOccupied)

	found, err := reader.Find(ctx, driver, "", nil)
	require.NoError(t, err)
	assert.Equal(t, "Reader", found.Name)

	require.NoError(t, second.Insert(newCard(t, simulator.Contact)))
	_, err = reader.Find(ctx, driver, "", nil)
	var ambiguous *reader.AmbiguousError
	require.ErrorAs(t, err, &ambiguous)
	assert.Equal(t, []string{"Reader", "Reader 2"}, ambiguous.Readers)
	found, err = reader.Find(ctx, driver, "Reader 2", nil)
	require.NoError(t, err)
	assert.Equal(t, "Reader 2", found.Name)

	session, err := driver.Connect(ctx, "Reader 2")
	require.NoError(t, err)
	driver.RemoveReader(second)
	_, err = session.Transmit(ctx, []byte{0x00, 0x20, 0x00, 0x98})
	assert.ErrorIs(t, err, reader.ErrRemoved)
	list, err := driver.Readers(ctx)
	require.NoError(t, err)
	assert.Len(t, list, 1)
	assert.Nil(t, second.Remove())
}

func TestTraceOmitsSecrets(t *testing.T) {
	ctx := context.Background()
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(newCard(t, simulator.Contact)))
	session, err := driver.Connect(ctx, "Reader")
	require.NoError(t, err)
	var seen []reader.Exchange
	traced := reader.Trace(session, func(e reader.Exchange) { seen = append(seen, e) })
	defer traced.Close()

	for _, command := range [][]byte{
		{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01},
		{0x00, 0x20, 0x00, 0x98, 0x04, '1', '2', '3', '4'},
		{0x00, 0xB0, 0x8A, 0x00, 0x10},
		{0x00},
	} {
		_, _ = traced.Transmit(ctx, command)
		clear(command) // as callers do
	}
	require.Len(t, seen, 4)
	assert.Equal(t, "00A4040C 0A D392F000260100000001", seen[0].Command.String())
	assert.Equal(t, "00200098 [redacted]", seen[1].Command.String())
	assert.Empty(t, seen[1].Command.Data())
	assert.EqualValues(t, 0x9000, seen[1].Status)
	assert.Equal(t, 16, seen[2].Length)
	assert.Error(t, seen[3].Err)

	slot.Remove()
	_, _ = traced.Transmit(ctx, []byte{0x00, 0x20, 0x00, 0x98})
	assert.ErrorIs(t, seen[4].Err, reader.ErrRemoved)
}
