package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Every error that the agent exports has words of its own. The source says which
// there are.
//
// Faults: F85.
func TestEveryErrorOfTheAgentHasItsMessage(t *testing.T) {
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

	said := map[message.Text]string{}
	for name, err := range ofClient {
		m := messageFor(ofSSH(fmt.Errorf("wrapped: %w", err)))
		assert.Contains(t, []message.Code{codeSSHRefused, codeSSHClients}, m.Code, name)
		assert.Empty(t, said[m.What], name)
		said[m.What] = name
	}
	any := messageFor(noSocket(errors.New("another program's")))
	for name, err := range ofSocket {
		m := messageFor(noSocket(fmt.Errorf("wrapped: %w", err)))
		assert.Equal(t, codeSocket, m.Code, name)
		assert.NotEqual(t, any.What, m.What, name)
	}
}

// The codes of the signature password are failures as those of the PIN.
//
// Faults: F85.
func TestThePasswordsFailuresHaveExitCodes(t *testing.T) {
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
