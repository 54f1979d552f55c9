package link_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/link"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// card responds to every command with this number of bytes.
type card int

func (c card) Transmit(context.Context, []byte) ([]byte, error) { return make([]byte, c), nil }

// slow has round figures: 1000 bytes per second, 10 bytes and 100 ms per block.
var slow = link.Link{Name: "slow", BitRate: 8000, BitsPerByte: 8, Block: 10, Overhead: 2, Turnaround: 100 * time.Millisecond}

func TestMeter(t *testing.T) {
	for _, tt := range []struct {
		name     string
		command  []byte
		response int
		elapsed  time.Duration
	}{
		// two blocks of 100 ms; 4 + 2 bytes, with 2 bytes of overhead each
		{"one block each way", []byte{0, 0x20, 0, 0x98}, 2, 210*time.Millisecond + time.Second},
		// the response takes 3 blocks with 2 acknowledgements
		{"a long response", []byte{0, 0xB0, 0x8A, 0, 0}, 25, 6*100*time.Millisecond + (5+25+6*2)*time.Millisecond + time.Second},
		{"a PIN", []byte{0, 0x20, 0, 0x98, 4, '1', '2', '3', '4'}, 2, 200*time.Millisecond + (9+2+4)*time.Millisecond + 11*time.Second},
		{"a signature", []byte{0x80, 0x2A, 0, 0x97, 1, 0, 0}, 2, 200*time.Millisecond + (7+2+4)*time.Millisecond + 101*time.Second},
		{"not a command", []byte{0}, 2, 200*time.Millisecond + (1+2+4)*time.Millisecond + time.Second},
	} {
		m := link.NewMeter(card(tt.response), slow)
		m.Times = link.Times{Command: time.Second, Verify: 10 * time.Second, Sign: 100 * time.Second}
		_, err := m.Transmit(t.Context(), tt.command)
		require.NoError(t, err)
		assert.Equal(t, tt.elapsed, m.Elapsed, tt.name)
		assert.Equal(t, tt.elapsed, m.Bound(), "one exchange takes as long as its bound")
		assert.Equal(t, []int{1, len(tt.command), tt.response}, []int{m.Commands, m.Sent, m.Received})
	}
}

func TestMeterAddsExchanges(t *testing.T) {
	m := link.NewMeter(card(2), slow)
	for range 3 {
		_, err := m.Transmit(t.Context(), []byte{0, 0x20, 0, 0x98})
		require.NoError(t, err)
	}
	assert.Equal(t, 3*(210*time.Millisecond+link.AssumedTimes.Command), m.Elapsed)
	// 12 bytes in 2 blocks with an acknowledgement, and 6 bytes back in 1 block
	assert.Equal(t, 4*100*time.Millisecond+(12+6+4*2)*time.Millisecond+link.AssumedTimes.Command, m.Bound())
	assert.Nil(t, m.ATR())
}

// This estimates how long a tap at a kiosk takes.
func ExampleMeter() {
	ctx := context.Background()
	driver := simulator.New()
	resident, err := simulator.NewCard(simulator.Contactless, simulator.WithInsecureSeed("example"), simulator.WithCertificateSize(1700))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = driver.AddReader("Reader").Insert(resident)
	connection, err := driver.Connect(ctx, "Reader")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	pin, err := jpki.ParsePIN([]byte("1234"))
	if err != nil {
		fmt.Println(err)
		return
	}
	meter := link.NewMeter(connection, link.Contactless)
	_, err = jpki.Authenticate(ctx, meter, pin)
	fmt.Println(meter.Commands, "commands,", meter.Elapsed.Round(10*time.Millisecond), err)
	// Output: 12 commands, 850ms <nil>
}
