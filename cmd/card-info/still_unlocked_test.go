package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// atLogout returns a fault at each command that logs the card out.
func atLogout(do simulator.Action) simulator.Fault {
	return simulator.Fault{Command: func(command []byte) bool {
		return command[1] == apdu.InsSelect && len(command) > 5 && command[5] == 0xA0
	}, Do: do}
}

// slotWith returns a driver with one reader that holds a card, and the reader.
func slotWith(t testing.TB, profile simulator.Profile, faults ...simulator.Fault) (*simulator.Driver, *simulator.Reader) {
	t.Helper()
	card, err := simulator.NewCard(profile, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	require.NoError(t, slot.Insert(card))
	for _, fault := range faults {
		slot.AddFault(fault)
	}
	return driver, slot
}

// A card that may still be unlocked is reported in addition to the first failure, which
// determines the exit code: as text in both languages, and in JSON.
//
// Faults: F75.
func TestStillUnlockedIsReportedWithTheCause(t *testing.T) {
	still := message.For(jpki.ErrStillUnlocked)
	for name, tt := range map[string]struct {
		pin    string
		faults []simulator.Fault // in addition to the one at logout
		code   message.Code
		exit   int
	}{
		"a wrong PIN":   {"9999", nil, message.PINWrong, cli.ExitPIN},
		"a wrong proof": {"1234", []simulator.Fault{{INS: apdu.InsPerformSecurityOperation, Do: simulator.ChangeLength(-1)}}, message.PossessionFailed, cli.ExitCertificate},
		"nothing else":  {"1234", nil, message.CardStillUnlocked, cli.ExitFailed},
	} {
		for logoutResult, fault := range map[string]simulator.Action{
			"reset": simulator.ResetCard(), "lost": simulator.FailBefore(reader.ErrTransport), "refused": simulator.AnswerStatus(apdu.StatusFileNotFound),
		} {
			for _, language := range []message.Language{message.Japanese, message.English} {
				t.Run(name+", "+logoutResult+" "+string(language), func(t *testing.T) {
					driver, _ := slotWith(t, simulator.Contact, append(tt.faults, atLogout(fault))...)
					o := runner{driver: driver, stdin: tt.pin + "\n"}.run(t, idArgs(t, "--pin-stdin", "--lang", string(language))...)
					assert.Equal(t, tt.exit, o.exit)
					assert.Contains(t, o.stderr, "["+string(tt.code)+"]")
					assert.Equal(t, 1, strings.Count(o.stderr, "["+string(message.CardStillUnlocked)+"]"))
					assert.Equal(t, 1, strings.Count(o.stderr, cli.Indented(still.What.In(language))))
					assert.Contains(t, o.stderr, still.Next.In(language))
					clitest.Fits(t, o.stderr)
				})
			}
			driver, _ := slotWith(t, simulator.Contact, append(tt.faults, atLogout(fault))...)
			o := runner{driver: driver, stdin: tt.pin + "\n"}.run(t, idArgs(t, "--pin-stdin", "--json")...)
			code, _ := failureOf(t, o)
			assert.Equal(t, string(tt.code), code)
			assert.Equal(t, tt.exit, o.exit)
			var f struct {
				Error struct {
					Also []struct {
						Code          message.Code
						Message, Next Text
					}
				}
			}
			require.NoError(t, json.Unmarshal([]byte(o.stderr), &f))
			if tt.code == message.CardStillUnlocked {
				assert.Empty(t, f.Error.Also)
				continue
			}
			require.Len(t, f.Error.Also, 1)
			assert.Equal(t, message.CardStillUnlocked, f.Error.Also[0].Code)
			assert.Equal(t, still.What, f.Error.Also[0].Message)
			assert.Equal(t, still.Next, f.Error.Also[0].Next)
		}
	}
}

// An error of Close after the card was logged out is ignored.
//
// Faults: F75.
func TestConnectionThatFailsToClose(t *testing.T) {
	for _, args := range [][]string{nil, {"retries"}, {"cert"}, {"ssh-key"}, {"doctor"}, idArgs(t, "--pin-stdin")} {
		driver, slot := slotWith(t, simulator.Contact)
		o := runner{driver: closeErrorDriver{driver}, stdin: "1234\n", system: machine(nil)}.run(t, args...)
		assert.Zero(t, o.exit, "%v: %s", args, o.stderr)
		assert.NotEmpty(t, o.stdout, args)
		assert.Empty(t, o.stderr, args)
		assert.False(t, slot.Card().State().AuthVerified)
	}
	// Also when the PIN is typed.
	driver, _ := slotWith(t, simulator.Contact)
	o := runner{driver: closeErrorDriver{driver}, typed: "1234"}.run(t, idArgs(t)...)
	assert.Zero(t, o.exit, o.stderr)
}

// closeErrorDriver is a driver whose connections return an error from Close.
type closeErrorDriver struct{ reader.Driver }

func (d closeErrorDriver) Connect(ctx context.Context, name string) (reader.Card, error) {
	card, err := d.Driver.Connect(ctx, name)
	return closeErrorCard{card}, err
}

type closeErrorCard struct{ reader.Card }

func (c closeErrorCard) Close() error {
	_ = c.Card.Close()
	return reader.ErrBusy
}
