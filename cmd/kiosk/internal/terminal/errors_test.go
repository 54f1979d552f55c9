package terminal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader"
)

// Messages for residents name no command and no option.
//
// Faults: F85.
func TestResidentsSeeNoOptions(t *testing.T) {
	failures := []error{
		reader.ErrNoService, reader.ErrDenied, reader.ErrNoReader, reader.ErrNoCard, reader.ErrRemoved, reader.ErrChanged, reader.ErrBusy,
		reader.ErrTransport, reader.ErrClosed, reader.ErrNoMatch, &reader.AmbiguousError{Readers: []string{"A", "B"}},
		&reader.AmbiguousError{Readers: []string{"A", "B"}, Name: "x"}, &reader.NameError{Name: "x", Readers: []string{"A"}},
		jpki.ErrNoApplication, jpki.ErrStillUnlocked, credential.ErrCounterUnknown, jpki.ErrNoCertificate, trust.ErrMalformed,
		trust.ErrWrongKind, trust.ErrUnsupportedKey, trust.ErrUnknownIssuer, trust.ErrIssuerExpired, jpki.ErrNoPossession, jpki.ErrPINRequired,
		credential.ErrUsed, jpki.ErrPINFormat, trust.ErrExpired, trust.ErrNotYetValid, mykey.ErrKey, context.DeadlineExceeded, errors.New("anything else"),
	}
	for _, reason := range []error{credential.ErrWrong, credential.ErrLocked, credential.ErrLastAttempt, credential.ErrAttemptsChanged, credential.ErrOtherCard, credential.ErrOutcomeUnknown} {
		failures = append(failures, &credential.Error{Reason: reason, Remaining: 1, Known: true}, &credential.Error{Reason: reason})
	}
	for _, err := range failures {
		m := terminal.MessageFor(err)
		for _, text := range []string{m.What.JA, m.What.EN, m.Next.JA, m.Next.EN} {
			assert.NotRegexp(t, `(^|[^-])--[a-z]|card-info`, text, "%v", err)
		}
	}
}

// Every error that the registry and the kiosk packages export has its own message. The
// test reads the exported errors from the source.
//
// Faults: F85.
func TestEveryExportedErrorHasAMessage(t *testing.T) {
	known := map[string]error{
		"campaign.Problems":              campaign.Problems{},
		"campaign.ErrCampaign":           campaign.ErrCampaign,
		"registry.AuditError":            &registry.AuditError{},
		"registry.ErrAccount":            registry.ErrAccount,
		"registry.ErrAccountUsed":        registry.ErrAccountUsed,
		"registry.ErrApplied":            registry.ErrApplied,
		"registry.ErrAudit":              registry.ErrAudit,
		"registry.ErrCheckpoint":         registry.ErrCheckpoint,
		"registry.ErrClerk":              registry.ErrClerk,
		"registry.ErrHolderReserved":     registry.ErrHolderReserved,
		"registry.ErrBackup":             registry.ErrBackup,
		"registry.ErrEvent":              registry.ErrEvent,
		"registry.ErrEnrollmentConflict": registry.ErrEnrollmentConflict,
		"registry.ErrEnrollmentExpired":  registry.ErrEnrollmentExpired,
		"registry.ErrHeartbeat":          registry.ErrHeartbeat,
		"registry.ErrNotClerk":           registry.ErrNotClerk,
		"registry.ErrNotEnrolled":        registry.ErrNotEnrolled,
		"registry.ErrRevoked":            registry.ErrRevoked,
		"registry.ErrInUse":              registry.ErrInUse,
		"registry.ErrReplaced":           registry.ErrReplaced,
		"registry.ErrTerminalTaken":      registry.ErrTerminalTaken,
		"registry.ErrNoIdentifier":       registry.ErrNoIdentifier,
		"registry.ErrNoOperator":         registry.ErrNoOperator,
		"registry.ErrNotFound":           registry.ErrNotFound,
		"registry.ErrOperation":          registry.ErrOperation,
		"registry.ErrProof":              registry.ErrProof,
		"registry.ErrRecovery":           registry.ErrRecovery,
		"registry.ErrSchema":             registry.ErrSchema,
		"registry.ErrSealed":             registry.ErrSealed,
		"registry.ErrSuperseded":         registry.ErrSuperseded,
		"registry.ErrOtherKey":           registry.ErrOtherKey,
		"registry.ErrTerminal":           registry.ErrTerminal,
		"registry.ErrURL":                registry.ErrURL,
		"registry.ErrUnavailable":        registry.ErrUnavailable,
		"registry.ErrWithdrawn":          registry.ErrWithdrawn,
		"terminal.ErrStale":              terminal.ErrStale,
		"terminal.ErrUnread":             terminal.ErrUnread,
		"fleet.ErrBusy":                  fleet.ErrBusy,
		"fleet.ErrNotEnrolled":           fleet.ErrNotEnrolled,
		"fleet.ErrRequest":               fleet.ErrRequest,
	}
	var exported []string
	for _, directory := range []string{".", filepath.Join("..", "..", "..", "..", "internal", "campaign"), filepath.Join("..", "..", "..", "..", "internal", "fleet"), filepath.Join("..", "..", "..", "..", "mykey", "registry")} {
		exported = append(exported, sourcetest.Errors(t, directory)...)
	}
	slices.Sort(exported)
	assert.Equal(t, exported, slices.Sorted(maps.Keys(known)), "exported errors and the errors in this test")

	unknown := terminal.MessageFor(errors.New("another program's"))
	for name, err := range known {
		m := terminal.MessageFor(fmt.Errorf("wrapped: %w", err))
		assert.NotEqual(t, unknown.Code, m.Code, name)
		assert.NotEmpty(t, m.Group, name)
		assert.NotEmpty(t, m.Attempt, name)
		for _, text := range []string{m.What.JA, m.What.EN, m.Next.JA, m.Next.EN} {
			assert.NotEmpty(t, text, name)
		}
	}
}
