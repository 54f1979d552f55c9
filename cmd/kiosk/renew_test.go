package main

import (
	"encoding/pem"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

var recoveryCode = regexp.MustCompile(`Recovery code: ([0-9A-Z-]{19})\n`)

// At a desk, the identifier of an earlier card is moved by the clerk's code or by the
// earlier card, two identifiers are merged, and a holder gets a new recovery code. A
// wrong clerk's code or ID is reported before the PIN is asked for.
//
// Faults: F116, F117.
func TestRenewAtADesk(t *testing.T) {
	o := newOffice(t)
	card := func(seed string) *simulator.Card {
		c, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(seed))
		require.NoError(t, err)
		o.write("ca-"+seed, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.CACertificate().Raw})))
		return c
	}
	first, second, third := card("first"), card("second"), card("third")
	id := o.visit(holderOf(t, "first"), registry.NewAccount("sample-pay", "0123456789", "4649"))

	driver := simulator.New()
	slot := driver.AddReader("Reader")
	at := func(command string, p *fakeTerminal, more ...string) outcome {
		t.Helper()
		args := append([]string{command}, o.keys("office.key")...)
		for _, seed := range []string{"first", "second", "third"} {
			args = append(args, "--ca-certificate", o.path("ca-"+seed))
		}
		return testEnv{driver: driver, tty: p}.run(t, append(args, more...)...)
	}
	given := func(out outcome, p *fakeTerminal) {
		t.Helper()
		require.Zero(t, out.exit, out.stderr)
		assert.Contains(t, out.stdout, id[:4]+"-"+id[4:])
		assert.Regexp(t, recoveryCode, out.stdout)
		assert.NotContains(t, out.stdout+out.stderr+p.shown.String(), simulator.PIN)
	}

	require.NoError(t, slot.Insert(second))
	wrong := &fakeTerminal{types: []string{"9999"}}
	out := at("renew", wrong, "--clerk", "c-7", id)
	assert.Equal(t, cli.ExitPIN, out.exit)
	assert.Contains(t, wrong.shown.String(), "3")
	assert.Equal(t, cli.ExitUsage, at("renew", nil, "--clerk", "c-7", id).exit, "no terminal")
	for _, command := range []string{"renew", "merge"} {
		for code, arguments := range map[string][]string{"CLERK_CODE": {"a name", id}, "ID_NOT_FOUND": {"c-7", "00000000"}} {
			holder := &fakeTerminal{types: []string{simulator.PIN}}
			assert.Contains(t, at(command, holder, append([]string{"--clerk"}, arguments...)...).stderr, "["+code+"]")
			assert.Empty(t, holder.shown.String(), "no PIN is asked for")
		}
	}
	p := &fakeTerminal{types: []string{simulator.PIN}}
	given(at("renew", p, "--clerk", "c-7", id), p)
	assert.Contains(t, p.shown.String(), "Place the new card")

	p = &fakeTerminal{types: []string{simulator.PIN, simulator.PIN}, does: func(output string) {
		if strings.Contains(output, "Remove the earlier card") {
			slot.Remove()
			require.NoError(t, slot.Insert(third))
		}
	}}
	given(at("renew", p, "--old-card"), p)
	assert.Contains(t, p.shown.String(), "Place the new card")
	p = &fakeTerminal{types: []string{simulator.PIN}}
	given(at("new-code", p), p)
	slot.Remove()
	require.NoError(t, slot.Insert(first))
	p = &fakeTerminal{types: []string{simulator.PIN}}
	assert.Contains(t, at("new-code", p).stderr, "[SUPERSEDED]")
	p = &fakeTerminal{types: []string{simulator.PIN, simulator.PIN}, does: func(output string) {
		if strings.Contains(output, "Remove the earlier card") {
			slot.Remove()
			require.NoError(t, slot.Insert(third))
		}
	}}
	assert.Contains(t, at("renew", p, "--old-card").stderr, "[SUPERSEDED]")
	assert.NotContains(t, p.shown.String(), "Remove the earlier card", "the new card's PIN is not asked for")
	for _, c := range []*simulator.Card{first, second, third} {
		assert.False(t, c.State().AuthVerified)
	}
	o.does(o.looks("audit")...)
}

// merge gives a holder with a second identifier the first one back.
//
// Faults: F116.
func TestMerge(t *testing.T) {
	o := newOffice(t)
	id := o.visit(holderOf(t, "first"), registry.NewAccount("sample-pay", "0123456789", "4649"))
	setup, err := newProgram(os.Stdout, os.Stderr).setUp(options{
		campaign: demo, registry: o.database, generation: 1, namespaceKey: o.path("namespace.key"), registryKey: o.path("registry.key"),
		operatorKey: o.path("operator.public"), terminalKey: o.path("counter-1.key"),
	})
	require.NoError(t, err)
	r, err := setup.open(t.Context())
	require.NoError(t, err)
	_, err = r.Reserve(t.Context(), registry.NewOperation(), authenticated(t), registry.RecoveryCode{})
	require.NoError(t, err)
	require.NoError(t, r.Close())

	driver := simulator.New()
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	require.NoError(t, driver.AddReader("Reader").Insert(card))
	run := func(command string) outcome {
		args := append([]string{command, "--clerk", "c-7", "--ca-certificate", o.caCertificate}, o.keys("office.key")...)
		return testEnv{driver: driver, tty: &fakeTerminal{types: []string{simulator.PIN}}}.run(t, append(args, id)...)
	}
	refused := run("renew")
	assert.NotZero(t, refused.exit)
	assert.Contains(t, refused.stderr, "kiosk merge")
	merged := run("merge")
	require.Zero(t, merged.exit, merged.stderr)
	assert.Contains(t, merged.stdout, fmt.Sprintf("%s-%s", id[:4], id[4:]))
	o.does(o.looks("audit")...)
}
