package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// Every exported error of package sshagent has a message of its own. The list of errors is
// read from the source.
//
// Faults: F85.
func TestEveryAgentErrorHasAMessage(t *testing.T) {
	ofSocket := map[string]error{
		"sshagent.ErrSocketExists": sshagent.ErrSocketExists,
		"sshagent.ErrSocketInUse":  sshagent.ErrSocketInUse,
		"sshagent.ErrUnsafeFolder": sshagent.ErrUnsafeFolder,
	}
	ofClient := map[string]error{
		"sshagent.ErrAlgorithm":  sshagent.ErrAlgorithm,
		"sshagent.ErrAllBusy":    sshagent.ErrAllBusy,
		"sshagent.ErrData":       sshagent.ErrData,
		"sshagent.ErrForwarded":  sshagent.ErrForwarded,
		"sshagent.ErrIdleClosed": sshagent.ErrIdleClosed,
		"sshagent.ErrOtherKey":   sshagent.ErrOtherKey,
		"sshagent.ErrOtherUser":  sshagent.ErrOtherUser,
		"sshagent.ErrReadOnly":   sshagent.ErrReadOnly,
		"sshagent.ErrSession":    sshagent.ErrSession,
	}
	listed := append(slices.Collect(maps.Keys(ofSocket)), slices.Collect(maps.Keys(ofClient))...)
	slices.Sort(listed)
	assert.Equal(t, sourcetest.Errors(t, filepath.Join("..", "..", "internal", "sshagent")), listed,
		"the exported errors, and those that this test knows")

	seen := map[message.Text]string{}
	for name, err := range ofClient {
		m := messageFor(sshFailure(fmt.Errorf("wrapped: %w", err)))
		assert.Contains(t, []message.Code{codeSSHRefused, codeSSHClients}, m.Code, name)
		assert.Empty(t, seen[m.What], name)
		seen[m.What] = name
	}
	any := messageFor(socketFailure(errors.New("another program's")))
	for name, err := range ofSocket {
		m := messageFor(socketFailure(fmt.Errorf("wrapped: %w", err)))
		assert.Equal(t, codeSocket, m.Code, name)
		assert.NotEqual(t, any.What, m.What, name)
	}
}

// Failures of the signature password have the same exit codes as those of the PIN.
//
// Faults: F85.
func TestSignaturePasswordExitCodes(t *testing.T) {
	password := func(reason error, left int) error {
		return &credential.Error{Reason: reason, Kind: credential.SignaturePassword, Known: true, Remaining: left}
	}
	for _, tt := range []struct {
		err  error
		exit int
	}{
		{jpki.ErrPasswordFormat, cli.ExitUsage},
		{password(credential.ErrWrong, 4), cli.ExitPIN},
		{password(credential.ErrLastAttempt, 1), cli.ExitPIN},
		{password(credential.ErrWrong, 0), cli.ExitLocked},
		{password(credential.ErrLocked, 0), cli.ExitLocked},
	} {
		assert.Equal(t, tt.exit, exitOf(messageFor(tt.err).Code, tt.err), tt.err)
	}
}

// A failure in JSON says who can act and whether a PIN attempt is gone, whether the
// message is the library's or the command's own.
func TestFailuresInJSONHaveGroupAndAttempt(t *testing.T) {
	driver, _ := slotWith(t, simulator.Contact)
	for _, tt := range []struct {
		pin     string
		args    []string
		code    string
		group   message.Group
		attempt message.Attempt
	}{
		{"9999", idArgs(t, "--pin-stdin"), "PIN_WRONG", message.Holder, message.AttemptUsed},
		{"99999", idArgs(t, "--pin-stdin"), "PIN_FORMAT", message.Holder, message.AttemptNotUsed},
		{"9999", idArgs(t, "--pin-stdin"), "PIN_WRONG", message.Holder, message.AttemptUsed},
		{"1234", idArgs(t, "--pin-stdin"), "PIN_LAST_TRY", message.Holder, message.AttemptNotUsed},
		{"9999", idArgs(t, "--pin-stdin", "--allow-last-attempt"), "PIN_LOCKED", message.Clerk, message.AttemptUsed},
		{"1234", idArgs(t, "--pin-stdin"), "PIN_LOCKED", message.Clerk, message.AttemptNotUsed},
		{"", []string{"--reader", "absent"}, "READER_NOT_FOUND", message.Operator, message.AttemptNone},
		{"", []string{"id"}, "USAGE", message.Operator, message.AttemptNone},
		{"", []string{"no-such-command"}, "USAGE", message.Operator, message.AttemptNone},
	} {
		o := runner{driver: driver, stdin: tt.pin + "\n"}.run(t, append([]string{"--json"}, tt.args...)...)
		var f struct {
			Error struct {
				Code    string
				Group   message.Group
				Attempt message.Attempt
			}
		}
		require.NoError(t, json.Unmarshal([]byte(o.stderr), &f), o.stderr)
		assert.Equal(t, tt.code, f.Error.Code)
		assert.Equal(t, tt.group, f.Error.Group, tt.code)
		assert.Equal(t, tt.attempt, f.Error.Attempt, tt.code)
	}
}
