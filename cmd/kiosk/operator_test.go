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
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// office is an operator's folder, with keys, a terminal's registry and a desk.
type office struct {
	testing.TB
	dir, database, authority string
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{TB: t, dir: t.TempDir()}
	o.database = "sqlite:" + o.path("kiosk.db")
	card, err := newCard(simulator.Contact)
	require.NoError(t, err)
	o.authority = o.write("authority.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.CACertificate().Raw})))
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

// does runs a command that succeeds.
func (o *office) does(args ...string) outcome {
	o.Helper()
	result := desk{}.run(o, args...)
	require.Zero(o, result.exit, "%v: %s", args, result.stderr)
	return result
}

// keys are the flags of who has the registry's keys.
func (o *office) keys(key string) []string {
	return []string{"--campaign", demo, "--registry", o.database, "--namespace-key", o.path("namespace.key"), "--registry-key", o.path("registry.key"), "--terminal-key", o.path(key)}
}

// looks are the flags of who looks at the registry.
func (o *office) looks(command string, more ...string) []string {
	return append([]string{command, "--campaign", demo, "--registry", o.database, "--terminals", o.path("terminals")}, more...)
}

func (o *office) exports(more ...string) []string {
	return o.looks("applications", append([]string{"--terminal-key", o.path("office.key"), "--operator-private-key", o.path("operator.private")}, more...)...)
}

// visit is a resident's at the terminal, who applies with an account.
func (o *office) visit(holder *jpki.Authentication, account registry.Account) string {
	o.Helper()
	p := newProgram(os.Stdout, os.Stderr)
	parts, err := p.parts(options{
		campaign: demo, registry: o.database, generation: 1, namespaceKey: o.path("namespace.key"), registryKey: o.path("registry.key"),
		operatorKey: o.path("operator.public"), terminalKey: o.path("counter-1.key"),
	})
	require.NoError(o, err)
	r, err := parts.open(o.Context())
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

// holderOf proves with a simulated card of a seed.
func holderOf(t testing.TB, seed string) *jpki.Authentication {
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

// The audit reads what it printed before: a chain that was cut at its end shows, with an
// exit code of its own.
//
// Faults: F111.
func TestAudit(t *testing.T) {
	o := newOffice(t)
	o.does(append([]string{"migrate"}, o.keys("")[:8]...)...)
	empty := o.does(o.looks("audit")...)
	assert.Contains(t, empty.stdout, "empty")
	heads := o.write("heads-0", empty.stdout)
	o.does(o.looks("audit", "--heads", heads)...)

	o.visit(proved(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	audit := o.does(o.looks("audit", "--heads", heads)...)
	assert.Regexp(t, `^# verified: records 2, terminals 1, identifiers 1, applications 1\ncounter-1 2 [0-9a-f]{64}\n$`, audit.stdout)
	told := o.does(o.looks("audit", "--json")...)
	var report struct{ Records, Terminals, Reservations, Applications int }
	require.NoError(t, json.Unmarshal([]byte(told.stdout), &report))
	assert.Equal(t, struct{ Records, Terminals, Reservations, Applications int }{2, 1, 1, 1}, report)
	for name, kept := range map[string]string{"its output": audit.stdout, "its JSON": told.stdout, "several nights": empty.stdout + audit.stdout + "\n" + audit.stdout} {
		o.does(o.looks("audit", "--heads", o.write("heads", kept))...)
		require.NotEmpty(t, name)
	}

	for name, kept := range map[string]string{
		"empty": "", "white": " \n", "words": "no heads\n", "a short hash": "counter-1 2 00ff\n", "no number": "counter-1 x " + strings.Repeat("00", 32),
		"no JSON": "{", "a negative number": "counter-1 -1 " + strings.Repeat("00", 32),
	} {
		refused := desk{}.run(t, o.looks("audit", "--heads", o.write("bad", kept))...)
		assert.Equal(t, cli.ExitUsage, refused.exit, name)
		assert.Contains(t, refused.stderr, "[HEADS_FILE]", name)
	}

	o.write("heads", audit.stdout)
	o.alter(`DELETE FROM audit WHERE number = 2`)
	o.alter(`DELETE FROM applications`)
	for _, args := range [][]string{o.looks("audit", "--heads", o.path("heads")), o.exports("--heads", o.path("heads"))} {
		tampered := desk{}.run(t, args...)
		assert.Equal(t, cli.ExitTampered, tampered.exit, tampered.stderr)
		assert.Contains(t, tampered.stderr, "[AUDIT_BROKEN]")
	}
}

// Rows that were altered show without any kept head, and a terminal whose key was not
// given.
//
// Faults: F104.
func TestAuditOfAlteredRows(t *testing.T) {
	o := newOffice(t)
	o.visit(proved(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	o.write("terminals", o.read("office.public"))
	missing := desk{locale: "ja_JP.UTF-8"}.run(t, o.looks("audit")...)
	assert.Equal(t, cli.ExitTampered, missing.exit)
	assert.Contains(t, missing.stderr, "すべての端末と窓口の公開鍵があるか")
	o.write("terminals", o.read("counter-1.public"))
	o.does(o.looks("audit")...)
	o.alter(`UPDATE reservations SET expiry = '2031-01'`)
	assert.Equal(t, cli.ExitTampered, desk{}.run(t, o.looks("audit")...).exit)
}

// Every application that opens is written, with one of several private keys; the others
// are listed. The export leaves a record.
//
// Faults: F112.
func TestApplications(t *testing.T) {
	o := newOffice(t)
	first := o.visit(proved(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	o.does("operator-keygen", o.path("later.private"), o.path("later.public"))
	require.NoError(t, os.Rename(o.path("operator.public"), o.path("earlier.public")))
	require.NoError(t, os.Rename(o.path("later.public"), o.path("operator.public")))
	second := o.visit(holderOf(t, "another"), registry.NewAccount("sample-pay", "=2+5+cmd", "+1"))

	one := desk{}.run(t, o.exports()...)
	assert.Equal(t, cli.ExitFailed, one.exit)
	assert.Contains(t, one.stdout, first+",sample-pay,0123456789,4649,20")
	assert.NotContains(t, one.stdout, second)
	assert.Contains(t, one.stderr, "does not open: "+second)
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
	altered := desk{}.run(t, o.exports("--operator-private-key", o.path("later.private"))...)
	assert.Equal(t, cli.ExitTampered, altered.exit)
	assert.Contains(t, altered.stderr, first)
	assert.Contains(t, altered.stdout, second)
	assert.NotContains(t, altered.stdout, first)
}

// A spreadsheet takes no cell for a formula, and what was put before one can be removed
// again.
//
// Faults: F113.
func TestCellsAreNoFormulas(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "0123456789": "0123456789", "a=b": "a=b", "１２": "１２",
		"=1+1": "'=1+1", "+81": "'+81", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
		"'x": "''x", " =1": "' =1", "　＝1": "'　＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x",
	} {
		got := harmless(value)
		assert.Equal(t, want, got, value)
		assert.Equal(t, value, strings.TrimPrefix(strings.Replace(got, "''", "'", 1), map[bool]string{true: "'"}[got != value && !strings.HasPrefix(value, "'")]))
	}
}

// Who mistypes the registry's file at a change of keys is told that there is another one
// now.
//
// Faults: F138.
func TestMigrateTellsOfANewRegistry(t *testing.T) {
	o := newOffice(t)
	migrate := append([]string{"migrate"}, o.keys("")[:8]...)
	made := o.does(migrate...)
	assert.Contains(t, made.stdout, "made:\n"+o.database)
	fits(t, made.stdout)
	assert.NotContains(t, o.does(migrate...).stdout, "made")
}

// Keys are rotated as documented: the earlier generation is given, or nothing starts.
//
// Faults: F108.
func TestRotation(t *testing.T) {
	o := newOffice(t)
	holder := proved(t)
	first := o.visit(holder, registry.NewAccount("sample-pay", "0123456789", "4649"))
	old := []string{o.path("namespace.key"), o.path("registry.key")}
	o.write("namespace2.key", strings.Repeat("5a", 32))
	o.write("registry2.key", strings.Repeat("a5", 32))
	flags := []string{
		"migrate", "--campaign", demo, "--registry", o.database, "--generation", "2", "--namespace-key", o.path("namespace2.key"), "--registry-key", o.path("registry2.key"),
	}
	forgotten := desk{}.run(t, flags...)
	assert.Equal(t, cli.ExitUsage, forgotten.exit)
	assert.Contains(t, forgotten.stderr, "--earlier")
	earlier := "1=" + old[0] + "," + old[1]
	o.does(append(flags, "--earlier", earlier)...)

	p := newProgram(os.Stdout, os.Stderr)
	parts, err := p.parts(options{
		campaign: demo, registry: o.database, generation: 2, namespaceKey: o.path("namespace2.key"), registryKey: o.path("registry2.key"), earlier: []string{earlier},
		operatorKey: o.path("operator.public"), terminalKey: o.path("counter-1.key"),
	})
	require.NoError(t, err)
	r, err := parts.open(t.Context())
	require.NoError(t, err)
	reserved, err := r.Reserve(t.Context(), registry.NewOperation(), holder, registry.RecoveryCode{})
	require.NoError(t, err)
	assert.Equal(t, first, reserved.ID.String())
	require.NoError(t, r.Close())
	o.does(o.looks("audit")...)
}

// A backup is made and restored with two commands, neither of which overwrites anything
// or works on a registry in use.
//
// Faults: F97.
func TestBackupAndRestore(t *testing.T) {
	o := newOffice(t)
	first := o.visit(proved(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	o.does("backup", "--registry", o.database, o.path("copy"))
	again := desk{}.run(t, "backup", "--registry", o.database, o.path("copy"))
	assert.Equal(t, cli.ExitFailed, again.exit)
	assert.Contains(t, again.stderr, "[FILE_EXISTS]")
	assert.NotContains(t, again.stderr, "key")
	o.visit(holderOf(t, "another"), registry.NewAccount("sample-pay", "1111111111", "4649"))
	invalid := desk{}.run(t, "restore", "--registry", o.database, demo)
	assert.Equal(t, cli.ExitUsage, invalid.exit)
	assert.Contains(t, invalid.stderr, "[BACKUP_INVALID]")
	o.does("restore", "--registry", o.database, o.path("copy"))
	out := o.does(o.exports()...)
	assert.Contains(t, out.stdout, first)
	assert.Equal(t, 2, strings.Count(out.stdout, "\n"))
	missing := desk{}.run(t, "backup", "--registry", "sqlite:"+o.path("none.db"), o.path("other"))
	assert.Equal(t, cli.ExitFailed, missing.exit)
	assert.NoFileExists(t, o.path("none.db"))
	assert.NoFileExists(t, o.path("other"))
}

// An account is erased on request, and everything after the campaign, each with a record
// after which the audit still passes.
//
// Faults: F110.
func TestEraseAndPurge(t *testing.T) {
	o := newOffice(t)
	first := o.visit(proved(t), registry.NewAccount("sample-pay", "0123456789", "4649"))
	second := o.visit(holderOf(t, "another"), registry.NewAccount("sample-pay", "1111111111", "4649"))
	at := []string{"--terminal-key", o.path("office.key"), "--clerk", "c-7"}
	unknown := desk{}.run(t, append(o.looks("erase", at...), "00000000")...)
	assert.Contains(t, unknown.stderr, "[ID_NOT_FOUND]")
	assert.Contains(t, desk{}.run(t, append(o.looks("erase", at[:2]...), first)...).stderr, "[CLERK_CODE]")
	o.does(append(o.looks("erase", at...), first[:4]+"-"+strings.ToLower(first[4:]))...)
	out := o.does(o.exports()...)
	assert.NotContains(t, out.stdout, first)
	assert.Contains(t, out.stdout, second)
	o.does(o.looks("audit")...)

	assert.Equal(t, cli.ExitUsage, desk{}.run(t, o.looks("purge", at...)...).exit)
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
