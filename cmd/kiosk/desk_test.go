package main

import (
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// serverDeskTest is a desk with a reader and three cards, and its server.
type serverDeskTest struct {
	*testing.T
	server          *fleetServer
	driver          *simulator.Driver
	slot            *simulator.Reader
	cards           map[string]*simulator.Card
	caFiles         []string
	terminal, clerk string // bundles
}

func newServerDesk(t *testing.T) *serverDeskTest {
	t.Helper()
	d := &serverDeskTest{T: t, driver: simulator.New(), cards: map[string]*simulator.Card{}}
	d.slot = d.driver.AddReader("Reader")
	var cas []*x509.Certificate
	for _, seed := range []string{"first", "second", "third"} {
		card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(seed))
		require.NoError(t, err)
		d.cards[seed] = card
		path := filepath.Join(t.TempDir(), seed)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.CACertificate().Raw}), 0o600))
		cas, d.caFiles = append(cas, card.CACertificate()), append(d.caFiles, "--ca-certificate", path)
	}
	d.server = newFleetServer(t, cas...)
	d.terminal, d.clerk = d.server.bundle(t, "office"), d.server.bundleFor(t, "c-7", registry.RoleClerk)
	return d
}

// insert replaces the card in the reader.
func (d *serverDeskTest) insert(seed string) {
	d.slot.Remove()
	require.NoError(d, d.slot.Insert(d.cards[seed]))
}

// reserve makes the identifier of a card.
func (d *serverDeskTest) reserve(seed string) mykey.ID {
	d.Helper()
	r, err := d.server.registry.Reserve(d.Context(), registry.NewOperation(), holderOf(d, seed), registry.NewRecoveryCode())
	require.NoError(d, err)
	return r.ID
}

// runs runs a command with a bundle.
func (d *serverDeskTest) runs(command, bundle string, p *fakeTerminal, more ...string) outcome {
	d.Helper()
	args := append([]string{command, "--server", d.server.url, "--bundle", bundle}, d.caFiles...)
	out := testEnv{driver: d.driver, tty: p}.run(d, append(args, more...)...)
	for seed, card := range d.cards {
		assert.False(d, card.State().AuthVerified, seed)
	}
	assert.NotContains(d, out.stdout+out.stderr+p.shown.String(), simulator.PIN)
	return out
}

// given checks that a holder was given an identifier and a recovery code.
func (d *serverDeskTest) given(id mykey.ID, out outcome) {
	d.Helper()
	require.Zero(d, out.exit, out.stderr)
	assert.Contains(d, out.stdout, id.Display())
	assert.Regexp(d, recoveryCode, out.stdout)
}

// verified verifies the audit log with the keys of the server and of the desk's bundles. It
// returns the clerk whom the last record of a kind names.
func (d *serverDeskTest) verified(kind string) (clerk string) {
	d.Helper()
	keys := []registry.TerminalKey{testTerminal().Public()}
	for _, path := range []string{d.terminal, d.clerk} {
		text, err := os.ReadFile(path)
		require.NoError(d, err)
		bundle, err := fleettls.ParseBundle(text)
		require.NoError(d, err)
		key, err := bundle.Terminal()
		require.NoError(d, err)
		keys = append(keys, key.Public())
	}
	operator, err := registry.OpenOperator(d.Context(), "sqlite:"+d.server.database, "points.example", keys)
	require.NoError(d, err)
	defer operator.Close()
	_, err = operator.Verify(d.Context())
	require.NoError(d, err)
	db, err := sql.Open("sqlite", d.server.database)
	require.NoError(d, err)
	defer db.Close()
	require.NoError(d, db.QueryRow(`SELECT clerk FROM audit WHERE kind = $1 ORDER BY number DESC LIMIT 1`, kind).Scan(&clerk))
	return clerk
}

// typesPIN is a terminal at which a holder types the PIN.
func typesPIN() *fakeTerminal { return &fakeTerminal{types: []string{simulator.PIN}} }

// At a desk with a server, a clerk moves and merges identifiers. The audit log has the clerk's
// name from the certificate, and the clerk's signature.
//
// Faults: F116.
func TestClerkAtAServer(t *testing.T) {
	d := newServerDesk(t)
	id, second := d.reserve("first"), d.reserve("second")
	d.insert("second")
	refused := d.runs("renew", d.clerk, typesPIN(), id.String())
	assert.Contains(t, refused.stderr, "[HAS_IDENTIFIER]")
	d.given(id, d.runs("merge", d.clerk, typesPIN(), id.String()))
	assert.Equal(t, "c-7", d.verified("merge-clerk"))
	withdrawn, err := d.server.registry.Lookup(t.Context(), second)
	require.NoError(t, err)
	assert.Equal(t, registry.Withdrawn, withdrawn.State)
	d.insert("third")
	p := typesPIN()
	d.given(id, d.runs("renew", d.clerk, p, id.String()))
	assert.Contains(t, p.shown.String(), "Place the new card")
	assert.Equal(t, "c-7", d.verified("renew-clerk"))
}

// With a terminal's bundle, the holder's card gets a new recovery code, and an earlier card
// moves its identifier.
//
// Faults: F116, F117.
func TestOldCardAtAServer(t *testing.T) {
	d := newServerDesk(t)
	id := d.reserve("first")
	d.insert("first")
	d.given(id, d.runs("new-code", d.terminal, typesPIN()))
	d.insert("second")
	p := &fakeTerminal{types: []string{simulator.PIN, simulator.PIN}, does: func(output string) {
		if strings.Contains(output, "Remove the new card") {
			d.insert("first")
		}
	}}
	d.given(id, d.runs("renew", d.terminal, p, "--old-card"))
	assert.Less(t, strings.Index(p.shown.String(), "Place the new card"), strings.Index(p.shown.String(), "Place the earlier card"))
	assert.Empty(t, d.verified("renew-old-card"))
	d.insert("first")
	assert.Contains(t, d.runs("new-code", d.terminal, typesPIN()).stderr, "[SUPERSEDED]")
}

// Before anybody enters a PIN, a desk reports a bundle of another role, a wrong ID, and a
// server that is away or does not accept the desk.
func TestRefusedAtAServer(t *testing.T) {
	d := newServerDesk(t)
	id := d.reserve("first").String()
	d.insert("second")
	for _, test := range []struct {
		command, bundle string
		more            []string
		code            string
		state           interface{ Store(bool) }
	}{
		{"renew", d.terminal, []string{id}, "NOT_CLERK", nil},
		{"merge", d.terminal, []string{id}, "NOT_CLERK", nil},
		{"new-code", d.clerk, nil, "USAGE", nil},
		{"renew", d.clerk, []string{"--old-card"}, "USAGE", nil},
		{"renew", d.clerk, []string{"0000"}, "ID_FORMAT", nil},
		{"renew", d.clerk, []string{id}, "DATABASE_UNAVAILABLE", &d.server.away},
		{"new-code", d.terminal, nil, "DATABASE_UNAVAILABLE", &d.server.away},
		{"renew", d.clerk, []string{id}, "TERMINAL_NOT_ENROLLED", &d.server.revoked},
	} {
		if test.state != nil {
			test.state.Store(true)
		}
		p := typesPIN()
		out := d.runs(test.command, test.bundle, p, test.more...)
		assert.NotZero(t, out.exit)
		assert.Contains(t, out.stderr, "["+test.code+"]", "%s %v", test.command, test.more)
		assert.Zero(t, p.asked, "no PIN is asked for")
		if test.state != nil {
			test.state.Store(false)
		}
	}
	wrong := &fakeTerminal{types: []string{"9999"}}
	assert.Equal(t, cli.ExitPIN, d.runs("renew", d.clerk, wrong, id).exit)
	out := d.runs("renew", d.clerk, typesPIN(), "00000000")
	assert.Contains(t, out.stderr, "[ID_NOT_FOUND]")
	assert.Equal(t, cli.ExitUsage, testEnv{}.run(t, "--server", d.server.url, "--bundle", d.clerk).exit, "a terminal with a clerk's bundle")
}

// The server itself rejects a clerk's changes from a terminal's bundle.
func TestTerminalIsNotAClerk(t *testing.T) {
	d := newServerDesk(t)
	id := d.reserve("first")
	d.insert("second")
	p := &program{environment: testEnv{driver: d.driver, tty: typesPIN()}.environment(io.Discard, io.Discard)}
	var err error
	p.Console, err = cli.New("kiosk", nil, io.Discard, io.Discard, p.getenv)
	require.NoError(t, err)
	o := options{server: d.server.url, bundle: d.terminal}
	for i := 1; i < len(d.caFiles); i += 2 {
		o.caCertificates = append(o.caCertificates, d.caFiles[i])
	}
	err = p.atServer(t.Context(), o, registry.RoleTerminal, func(desk serverDesk) (change, error) {
		v, _, err := desk.identify(t.Context(), textPlaceNewCard)
		return func(operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
			return v.RenewByClerk(t.Context(), operation, id, code)
		}, err
	})
	require.ErrorIs(t, err, registry.ErrNotClerk)
	_, err = d.server.registry.Find(t.Context(), holderOf(t, "second"))
	require.ErrorIs(t, err, registry.ErrNotFound)
}

// Flags of a desk with a registry are refused with --server.
func TestServerFlagsOfADesk(t *testing.T) {
	server := []string{"--server", "https://s", "--bundle", "x"}
	for _, args := range [][]string{
		append([]string{"renew", "--clerk", "c-7", "7K2M9QXR"}, server...), append([]string{"merge", "--clerk", "c-7", "7K2M9QXR"}, server...),
		append([]string{"renew", "--old-card", "--registry", "sqlite:x"}, server...), append([]string{"renew", "--old-card", "7K2M9QXR"}, server...),
		append([]string{"renew"}, server...), append([]string{"merge"}, server...), append([]string{"new-code", "--terminal-key", "x"}, server...),
		append([]string{"new-code", "--campaign", demo}, server...), append([]string{"merge", "--namespace-key", "x", "7K2M9QXR"}, server...),
		{"new-code", "--bundle", "x"}, {"renew", "--old-card", "--bundle", "x"}, {"merge", "--clerk", "c-7", "--bundle", "x", "7K2M9QXR"},
	} {
		out := testEnv{}.run(t, args...)
		assert.Equal(t, cli.ExitUsage, out.exit, "%v: %s", args, out.stderr)
		assert.Contains(t, out.stderr, "[USAGE]", "%v", args)
	}
}
