package main

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// office is an operator's folder with keys, a registry and a desk.
type office struct {
	testing.TB
	dir, database, caCertificate string
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{TB: t, dir: t.TempDir()}
	o.database = "sqlite:" + o.path("kiosk.db")
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	o.caCertificate = o.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.CACertificate().Raw})))
	o.write("namespace.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	o.write("registry.key", "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f")
	o.does("operator-keygen", o.path("operator.private"), o.path("operator.public"))
	o.does("terminal-keygen", "counter-1", o.path("counter-1.key"), o.path("counter-1.public"))
	o.does("terminal-keygen", "office", o.path("office.key"), o.path("office.public"))
	o.write("terminals", o.read("counter-1.public")+"# the office\n"+o.read("office.public"))
	return o
}

func (o *office) path(name string) string { return filepath.Join(o.dir, name) }

func (o *office) write(name, content string) string {
	require.NoError(o, os.WriteFile(o.path(name), []byte(content), 0o600))
	return o.path(name)
}

func (o *office) read(name string) string {
	b, err := os.ReadFile(o.path(name))
	require.NoError(o, err)
	return string(b)
}

// does runs a command that must succeed.
func (o *office) does(args ...string) outcome {
	o.Helper()
	result := testEnv{}.run(o, args...)
	require.Zero(o, result.exit, "%v: %s", args, result.stderr)
	return result
}

// keys returns the flags for the registry's keys.
func (o *office) keys(key string) []string {
	return []string{"--campaign", demo, "--registry", o.database, "--namespace-key", o.path("namespace.key"), "--registry-key", o.path("registry.key"), "--terminal-key", o.path(key)}
}

// looks returns a command with the flags for reading the registry.
func (o *office) looks(command string, more ...string) []string {
	return append([]string{command, "--campaign", demo, "--registry", o.database, "--terminals", o.path("terminals")}, more...)
}

func (o *office) exports(more ...string) []string {
	return o.looks("applications", append([]string{"--terminal-key", o.path("office.key"), "--operator-private-key", o.path("operator.private")}, more...)...)
}

// visit makes an identifier and an application.
func (o *office) visit(holder *proof.Holder, account registry.Account) string {
	o.Helper()
	p := newProgram(os.Stdout, os.Stderr)
	setup, err := p.setUp(options{
		campaign: demo, registry: o.database, generation: 1, namespaceKey: o.path("namespace.key"), registryKey: o.path("registry.key"),
		operatorKey: o.path("operator.public"), terminalKey: o.path("counter-1.key"),
	})
	require.NoError(o, err)
	r, err := setup.open(o.Context())
	require.NoError(o, err)
	defer r.Close()
	reserved, err := r.Reserve(o.Context(), registry.NewOperation(), holder, registry.NewRecoveryCode())
	require.NoError(o, err)
	preview, err := r.Preview(o.Context(), holder, account)
	require.NoError(o, err)
	_, err = r.Confirm(o.Context(), registry.NewOperation(), preview)
	require.NoError(o, err)
	return reserved.ID.String()
}

func (o *office) alter(statement string) {
	db, err := sql.Open("sqlite", o.path("kiosk.db"))
	require.NoError(o, err)
	defer db.Close()
	_, err = db.Exec(statement)
	require.NoError(o, err)
}

// holderOf authenticates the holder of a simulated card with a seed.
func holderOf(t testing.TB, seed string) *proof.Holder {
	t.Helper()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(seed))
	require.NoError(t, err)
	require.NoError(t, driver.AddReader("Reader").Insert(card))
	connection, err := driver.Connect(t.Context(), "Reader")
	require.NoError(t, err)
	defer connection.Close()
	pin, err := jpki.ParsePIN([]byte(simulator.PIN))
	require.NoError(t, err)
	holder, err := jpki.Authenticate(t.Context(), connection, pin, jpki.WithChain(card.CACertificate()))
	require.NoError(t, err)
	return holder
}

// An audit reads the output of an earlier audit and detects a truncated audit log, with
// its own exit code.
//
// Faults: F111.
func TestAudit(t *testing.T) {
	o := newOffice(t)
	o.does(append([]string{"migrate"}, o.keys("")[:8]...)...)
	empty := o.does(o.looks("audit")...)
	assert.Contains(t, empty.stdout, "empty")
	heads := o.write("heads-0", empty.stdout)
	o.does(o.looks("audit", "--heads", heads)...)

	o.visit(authenticated(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	audit := o.does(o.looks("audit", "--heads", heads)...)
	assert.Regexp(t, `^# verified: records 2, terminals 1, identifiers 1, applications 1\ncounter-1 2 [0-9a-f]{64}\n$`, audit.stdout)
	asJSON := o.does(o.looks("audit", "--json")...)
	var report struct{ Records, Terminals, Reservations, Applications int }
	require.NoError(t, json.Unmarshal([]byte(asJSON.stdout), &report))
	assert.Equal(t, struct{ Records, Terminals, Reservations, Applications int }{2, 1, 1, 1}, report)
	for name, kept := range map[string]string{"its output": audit.stdout, "its JSON": asJSON.stdout, "several nights": empty.stdout + audit.stdout + "\n" + audit.stdout} {
		o.does(o.looks("audit", "--heads", o.write("heads", kept))...)
		require.NotEmpty(t, name)
	}

	for name, kept := range map[string]string{
		"empty": "", "white": " \n", "words": "no heads\n", "a short hash": "counter-1 2 00ff\n", "no number": "counter-1 x " + strings.Repeat("00", 32),
		"no JSON": "{", "a negative number": "counter-1 -1 " + strings.Repeat("00", 32),
	} {
		refused := testEnv{}.run(t, o.looks("audit", "--heads", o.write("bad", kept))...)
		assert.Equal(t, cli.ExitUsage, refused.exit, name)
		assert.Contains(t, refused.stderr, "[HEADS_FILE]", name)
	}

	o.write("heads", audit.stdout)
	o.alter(`DELETE FROM audit WHERE number = 2`)
	o.alter(`DELETE FROM applications`)
	for _, args := range [][]string{o.looks("audit", "--heads", o.path("heads")), o.exports("--heads", o.path("heads"))} {
		tampered := testEnv{}.run(t, args...)
		assert.Equal(t, cli.ExitTampered, tampered.exit, tampered.stderr)
		assert.Contains(t, tampered.stderr, "[AUDIT_BROKEN]")
	}
}

// An audit from a checkpoint replaces it, detects alterations, and rejects a file that the
// auditor did not sign.
func TestAuditFromCheckpoint(t *testing.T) {
	o := newOffice(t)
	o.visit(holderOf(t, "taro"), registry.NewAccount("Example Pay", "taro", "4649"))
	o.does("terminal-keygen", "auditor", o.path("auditor.key"), o.path("auditor.public"))
	from := o.looks("audit", "--checkpoint", o.path("checkpoint"), "--auditor-key", o.path("auditor.key"), "--work-folder", o.path("work"))
	full := o.does(from...)
	first := o.read("checkpoint")
	require.NotEmpty(t, first)
	assert.Equal(t, full.stdout, o.does(from...).stdout)
	assert.NotEqual(t, first, o.read("checkpoint"), "replaced")

	missing := testEnv{}.run(t, o.looks("audit", "--checkpoint", o.path("checkpoint"))...)
	assert.Equal(t, cli.ExitUsage, missing.exit, "no key")
	o.write("checkpoint", strings.Replace(first, `"rows":1`, `"rows":2`, 1))
	altered := testEnv{}.run(t, from...)
	assert.Equal(t, cli.ExitUsage, altered.exit)
	assert.Contains(t, altered.stderr, "CHECKPOINT_FILE")

	o.write("checkpoint", first)
	o.alter(`UPDATE reservations SET expiry = '2099-01'`)
	assert.Equal(t, cli.ExitTampered, testEnv{}.run(t, from...).exit)
	assert.Equal(t, first, o.read("checkpoint"))
}

// An audit detects altered rows without saved heads, and reports a terminal whose key
// is missing.
//
// Faults: F104.
func TestAuditOfAlteredRows(t *testing.T) {
	o := newOffice(t)
	o.visit(authenticated(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	o.write("terminals", o.read("office.public"))
	missing := testEnv{locale: "ja_JP.UTF-8"}.run(t, o.looks("audit")...)
	assert.Equal(t, cli.ExitTampered, missing.exit)
	assert.Contains(t, missing.stderr, "すべての端末と窓口の公開鍵があるか")
	o.write("terminals", o.read("counter-1.public"))
	o.does(o.looks("audit")...)
	o.alter(`UPDATE reservations SET expiry = '2031-01'`)
	assert.Equal(t, cli.ExitTampered, testEnv{}.run(t, o.looks("audit")...).exit)
}

// Every application that one of the private keys can decrypt is exported; the others
// are listed. The export leaves an audit record.
//
// Faults: F112.
func TestApplications(t *testing.T) {
	o := newOffice(t)
	first := o.visit(authenticated(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	o.does("operator-keygen", o.path("later.private"), o.path("later.public"))
	require.NoError(t, os.Rename(o.path("operator.public"), o.path("earlier.public")))
	require.NoError(t, os.Rename(o.path("later.public"), o.path("operator.public")))
	second := o.visit(holderOf(t, "another"), registry.NewAccount("sample-pay", "=2+5+cmd", "+1"))

	one := testEnv{}.run(t, o.exports()...)
	assert.Equal(t, cli.ExitFailed, one.exit)
	assert.Contains(t, one.stdout, first+",sample-pay,0123456789,4649,20")
	assert.NotContains(t, one.stdout, second)
	assert.Contains(t, one.stderr, "can't be decrypted: "+second)
	assert.NotContains(t, one.stderr, first)
	assert.Contains(t, one.stderr, "[ACCOUNT_SEALED]")

	both := o.does(o.exports("--operator-private-key", o.path("later.private"))...)
	rows, err := csv.NewReader(strings.NewReader(both.stdout)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, []string{"identifier", "service", "account", "code", "applied"}, rows[0])
	assert.Regexp(t, `\+09:00$`, rows[1][4], "the time in Japan")
	for _, row := range rows[1:] {
		want := map[string][]string{first: {"sample-pay", "0123456789", "4649"}, second: {"sample-pay", "'=2+5+cmd", "'+1"}}[row[0]]
		assert.Equal(t, want, row[1:4])
	}
	audit := o.does(o.looks("audit")...)
	assert.Regexp(t, `(?m)^office 2 [0-9a-f]{64}$`, audit.stdout, "two exports")

	o.alter(`UPDATE applications SET sealed = x'00' WHERE identifier = '` + first + `'`)
	altered := testEnv{}.run(t, o.exports("--operator-private-key", o.path("later.private"))...)
	assert.Equal(t, cli.ExitTampered, altered.exit)
	assert.Contains(t, altered.stderr, first)
	assert.Contains(t, altered.stdout, second)
	assert.NotContains(t, altered.stdout, first)
}

// migrate reports a newly created registry, so that a mistyped file name is noticed
// during a key change.
//
// Faults: F138.
func TestMigrateReportsANewRegistry(t *testing.T) {
	o := newOffice(t)
	migrate := append([]string{"migrate"}, o.keys("")[:8]...)
	made := o.does(migrate...)
	assert.Contains(t, made.stdout, "created:\n"+o.database)
	clitest.Fits(t, made.stdout)
	assert.NotContains(t, o.does(migrate...).stdout, "made")
}

// Keys are changed as documented. Without the keys of the earlier generation, nothing
// starts.
//
// Faults: F108.
func TestKeyChange(t *testing.T) {
	o := newOffice(t)
	holder := authenticated(t)
	first := o.visit(holder, registry.NewAccount("sample-pay", "0123456789", "4649"))
	old := []string{o.path("namespace.key"), o.path("registry.key")}
	o.write("namespace2.key", strings.Repeat("5a", 32))
	o.write("registry2.key", strings.Repeat("a5", 32))
	flags := []string{
		"migrate", "--campaign", demo, "--registry", o.database, "--generation", "2", "--namespace-key", o.path("namespace2.key"), "--registry-key", o.path("registry2.key"),
	}
	forgotten := testEnv{}.run(t, flags...)
	assert.Equal(t, cli.ExitUsage, forgotten.exit)
	assert.Contains(t, forgotten.stderr, "--other-keys")
	earlier := "1=" + old[0] + "," + old[1]
	o.does(append(flags, "--other-keys", earlier)...)

	p := newProgram(os.Stdout, os.Stderr)
	setup, err := p.setUp(options{
		campaign: demo, registry: o.database, generation: 2, namespaceKey: o.path("namespace2.key"), registryKey: o.path("registry2.key"), otherGenerations: []string{earlier},
		operatorKey: o.path("operator.public"), terminalKey: o.path("counter-1.key"),
	})
	require.NoError(t, err)
	r, err := setup.open(t.Context())
	require.NoError(t, err)
	reserved, err := r.Reserve(t.Context(), registry.NewOperation(), holder, registry.RecoveryCode{})
	require.NoError(t, err)
	assert.Equal(t, first, reserved.ID.String())
	require.NoError(t, r.Close())
	o.does(o.looks("audit")...)
}

// backup and restore don't overwrite files and don't replace a registry that is in use.
//
// Faults: F97.
func TestBackupAndRestore(t *testing.T) {
	o := newOffice(t)
	first := o.visit(authenticated(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	o.does("backup", "--registry", o.database, o.path("copy"))
	again := testEnv{}.run(t, "backup", "--registry", o.database, o.path("copy"))
	assert.Equal(t, cli.ExitFailed, again.exit)
	assert.Contains(t, again.stderr, "[FILE_EXISTS]")
	assert.NotContains(t, again.stderr, "key")
	o.visit(holderOf(t, "another"), registry.NewAccount("sample-pay", "1111111111", "4649"))
	invalid := testEnv{}.run(t, "restore", "--registry", o.database, demo)
	assert.Equal(t, cli.ExitUsage, invalid.exit)
	assert.Contains(t, invalid.stderr, "[BACKUP_INVALID]")
	o.does("restore", "--registry", o.database, o.path("copy"))
	out := o.does(o.exports()...)
	assert.Contains(t, out.stdout, first)
	assert.Equal(t, 2, strings.Count(out.stdout, "\n"))
	missing := testEnv{}.run(t, "backup", "--registry", "sqlite:"+o.path("none.db"), o.path("other"))
	assert.Equal(t, cli.ExitFailed, missing.exit)
	assert.NoFileExists(t, o.path("none.db"))
	assert.NoFileExists(t, o.path("other"))
}

// erase deletes one application, and purge deletes everything after the campaign. Each
// leaves an audit record, and later audits pass.
//
// Faults: F110.
func TestEraseAndPurge(t *testing.T) {
	o := newOffice(t)
	first := o.visit(authenticated(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	second := o.visit(holderOf(t, "another"), registry.NewAccount("sample-pay", "1111111111", "4649"))
	at := []string{"--terminal-key", o.path("office.key"), "--clerk", "c-7"}
	unknown := testEnv{}.run(t, append(o.looks("erase", at...), "00000000")...)
	assert.Contains(t, unknown.stderr, "[ID_NOT_FOUND]")
	assert.Contains(t, testEnv{}.run(t, append(o.looks("erase", at[:2]...), first)...).stderr, "[CLERK_CODE]")
	o.does(append(o.looks("erase", at...), first[:4]+"-"+strings.ToLower(first[4:]))...)
	out := o.does(o.exports()...)
	assert.NotContains(t, out.stdout, first)
	assert.Contains(t, out.stdout, second)
	o.does(o.looks("audit")...)

	assert.Equal(t, cli.ExitUsage, testEnv{}.run(t, o.looks("purge", at...)...).exit)
	o.does(o.looks("purge", append(at, "--confirm", "points.example")...)...)
	audit := o.does(o.looks("audit")...)
	assert.Contains(t, audit.stdout, "identifiers 0, applications 0")
	counts := o.does("statistics", "--campaign", demo, "--registry", o.database)
	assert.Regexp(t, `(?m)^New identifiers +2\nApplications +2\nExports +1\nErasures on request +1\nPurges +1\n$`, counts.stdout)
	assert.Equal(t, `{"counts":[]}`+"\n", o.does("statistics", "--campaign", demo, "--registry", o.database, "--json", "--day", "2001-01-01").stdout)
	assert.Contains(t, o.does("statistics", "--campaign", demo, "--registry", o.database, "--json").stdout, `"terminal":"counter-1","event":"record:apply","number":2`)
}

func (o *office) demo() string {
	b, err := os.ReadFile(demo)
	require.NoError(o, err)
	return string(b)
}
