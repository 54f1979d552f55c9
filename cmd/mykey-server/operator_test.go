package main

import (
	"database/sql"
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// applied returns an office with the operator's keys and one application for each account.
func applied(t testing.TB, accounts ...string) (o *office, ids []string) {
	t.Helper()
	o = initialized(t)
	o.does("operator-keygen", o.path("operator.private"), o.path("operator.public"))
	for i, account := range accounts {
		ids = append(ids, o.applies(prooftest.Card{Kind: "operator", Number: i + 1, NotAfter: time.Now().AddDate(2, 0, 0)}, account))
	}
	return o, ids
}

// applies makes an identifier and an application in the registry, as the server does.
func (o *office) applies(card prooftest.Card, account string) string {
	o.Helper()
	c, err := cli.New(command, nil, o.Output(), o.Output(), os.Getenv)
	require.NoError(o, err)
	campaign, err := registrycli.ReadCampaign(c, demo)
	require.NoError(o, err)
	options, err := registrycli.ApplicationOptions(c, o.path("operator.public"), campaign, today)
	require.NoError(o, err)
	r := o.registry(options...)
	defer r.Close()
	holder := card.Holder(time.Now())
	reserved, err := r.Reserve(o.Context(), registry.NewOperation(), holder, registry.NewRecoveryCode())
	require.NoError(o, err)
	preview, err := r.Preview(o.Context(), holder, registry.NewAccount("sample-pay", account, "4649"))
	require.NoError(o, err)
	_, err = r.Confirm(o.Context(), registry.NewOperation(), preview)
	require.NoError(o, err)
	return reserved.ID.String()
}

func (o *office) exports(more ...string) []string {
	return o.with("applications", append([]string{"--operator-private-key", o.path("operator.private")}, more...)...)
}

// exported returns the accounts that an export wrote, by identifier.
func exported(t testing.TB, output string) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(output)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"identifier", "service", "account", "code", "applied"}, rows[0])
	accounts := map[string]string{}
	for _, row := range rows[1:] {
		accounts[row[0]] = row[2]
	}
	return accounts
}

// The operator's private key opens the applications, and the desk of the server's folder signs the
// record of the export. Neither terminals nor servers are listed by hand.
func TestApplications(t *testing.T) {
	o, ids := applied(t, "0123456789", "1111111111")
	o.does(o.enrolls("--out", o.path("counter-1.pem"), "counter-1")...)
	asJSON := o.run(o.exports("--json")...)
	assert.Equal(t, cli.ExitUsage, asJSON.exit)
	assert.Empty(t, asJSON.stdout, "no JSON and no CSV")
	heads := o.write("heads", o.does(o.with("audit")...))
	out := o.does(o.exports("--heads", heads)...)
	assert.Equal(t, map[string]string{ids[0]: "0123456789", ids[1]: "1111111111"}, exported(t, out))
	assert.Regexp(t, `(?m)^server\.example-desk 2 [0-9a-f]{64}$`, o.does(o.with("audit")...), "the enrollment and the export")

	o.does("operator-keygen", o.path("other.private"), o.path("other.public"))
	sealed := o.run(o.with("applications", "--operator-private-key", o.path("other.private"))...)
	assert.Equal(t, cli.ExitFailed, sealed.exit)
	assert.Contains(t, sealed.stderr, "[ACCOUNT_SEALED]")
	assert.Contains(t, sealed.stderr, ids[0])
	assert.Empty(t, exported(t, sealed.stdout))

	o.alter(`DELETE FROM audit WHERE number = 4`)
	o.fails("AUDIT_BROKEN", cli.ExitTampered, o.exports("--heads", heads)...)
}

// A desk of another server of the fleet exports with the public keys of all servers and desks.
func TestDeskOfAnotherServer(t *testing.T) {
	o, ids := applied(t, "0123456789")
	o.does("init", "--folder", o.path("second"), "--name", "second.example", "--from", o.folder)
	with := func(more ...string) []string {
		return append(o.exports(more...), "--folder", o.path("second"))
	}
	o.fails("AUDIT_BROKEN", cli.ExitTampered, with()...)
	keys := ""
	for _, folder := range []string{o.folder, o.path("second")} {
		for _, file := range []pki.File{pki.ServerPublic, pki.DeskPublic} {
			text, err := os.ReadFile(pki.Path(folder, file))
			require.NoError(t, err)
			keys += string(text)
		}
	}
	out := o.does(with("--keys", o.write("servers", keys))...)
	assert.Contains(t, exported(t, out), ids[0])
	assert.Regexp(t, `(?m)^second\.example-desk 1 `, o.does(o.with("audit", "--keys", o.path("servers"))...))
}

// erase deletes one application and purge all, and audits pass afterwards. The statistics count them.
func TestEraseAndPurge(t *testing.T) {
	o, ids := applied(t, "0123456789", "1111111111")
	o.does(o.enrolls("--out", o.path("counter-1.pem"), "counter-1")...)
	o.beats("counter-1", "v1.2.0", 3)
	at := []string{"--clerk", "c-7"}
	o.fails("ID_NOT_FOUND", cli.ExitFailed, append(o.with("erase", at...), "00000000")...)
	o.fails("ID_FORMAT", cli.ExitUsage, append(o.with("erase", at...), "0000")...)
	o.fails("CLERK_CODE", cli.ExitUsage, o.with("erase", ids[0])...)
	assert.Equal(t, `{"erased":"`+ids[0]+`"}`+"\n", o.does(append(o.with("erase", at...), ids[0], "--json")...))
	accounts := exported(t, o.does(o.exports()...))
	assert.NotContains(t, accounts, ids[0])
	assert.Contains(t, accounts, ids[1])
	o.does(o.with("audit")...)

	o.fails("USAGE", cli.ExitUsage, o.with("purge", at...)...)
	assert.Contains(t, o.does(o.with("purge", append(at, "--confirm", "points.example")...)...), "All IDs and applications of points.example were deleted.")
	assert.Contains(t, o.does(o.with("audit")...), "identifiers 0, applications 0")
	statistics := []string{"statistics", "--campaign", demo, "--registry", "sqlite:" + o.path("registry.db")}
	assert.Regexp(t, `^Visits +3\nNew identifiers +2\nApplications +2\nExports +1\nErasures on request +1\nPurges +1\nEnrollments +1\n$`, o.does(statistics...))
	assert.Contains(t, o.does(append(statistics, "--json")...), `"terminal":"counter-1","event":"visit","number":3`)
	assert.Equal(t, `{"counts":[]}`+"\n", o.does(append(statistics, "--json", "--day", "2001-01-01")...))
}

// backup and restore overwrite no file, and no registry that a server uses.
func TestBackupAndRestore(t *testing.T) {
	o, ids := applied(t, "0123456789")
	url := "sqlite:" + o.path("registry.db")
	backup, restore := []string{"backup", "--registry", url}, []string{"restore", "--registry", url}
	o.does(append(backup, o.path("copy"))...)
	o.fails("FILE_EXISTS", cli.ExitFailed, append(backup, o.path("copy"))...)
	o.applies(prooftest.Card{Kind: "operator", Number: 9, NotAfter: time.Now().AddDate(2, 0, 0)}, "1111111111")
	o.fails("BACKUP_INVALID", cli.ExitUsage, append(restore, demo)...)
	running := o.registry()
	assert.Contains(t, o.fails("DATABASE_IN_USE", cli.ExitFailed, append(restore, o.path("copy"))...), "systemctl stop mykey-server")
	o.does(append(backup, o.path("in-use"))...)
	require.NoError(t, running.Close())
	assert.Equal(t, `{"restored":"`+o.path("copy")+`"}`+"\n", o.does(append(restore, o.path("copy"), "--json")...))
	assert.Equal(t, map[string]string{ids[0]: "0123456789"}, exported(t, o.does(o.exports()...)))
}

// The name of a server and of its desk belongs to one key. The message says so if a terminal is
// enrolled under it, or if the keys were made again.
func TestNamesOfOtherKeys(t *testing.T) {
	o, _ := applied(t)
	o.does(o.enrolls("--out", o.path("terminal.pem"), "server.example")...)
	said := o.run(o.with("serve", "--operator-key", o.path("operator.public"), "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0")...)
	assert.Equal(t, cli.ExitUsage, said.exit, said.stderr)
	assert.Contains(t, said.stderr, "[SERVER_NAME_USED]")
	assert.Contains(t, said.stderr, "server.example is enrolled with another key")

	o, _ = applied(t)
	o.does(o.enrolls("--out", o.path("counter-1.pem"), "counter-1")...)
	o.does("init", "--folder", o.path("again"), "--name", "server.example", "--from", o.folder)
	o.fails("SERVER_NAME_USED", cli.ExitUsage, append(o.with("revoke", "counter-1"), "--folder", o.path("again"))...)
	o.locale = "ja_JP.UTF-8"
	o.fails("SERVER_NAME_USED", cli.ExitUsage, append(o.with("revoke", "counter-1"), "--folder", o.path("again"))...)
}

func (o *office) alter(statement string) {
	o.Helper()
	db, err := sql.Open("sqlite", o.path("registry.db"))
	require.NoError(o, err)
	defer db.Close()
	_, err = db.Exec(statement)
	require.NoError(o, err)
}
