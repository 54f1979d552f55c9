package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// initialized returns an office with a server's keys and a registry.
func initialized(t testing.TB) *office {
	o := newOffice(t)
	o.does("init", "--folder", o.folder, "--name", "server.example", "--name", "127.0.0.1")
	o.does(o.with("migrate")...)
	return o
}

// with returns a command with the flags of the office.
func (o *office) with(command string, more ...string) []string {
	return append([]string{command, "--folder", o.folder, "--campaign", demo, "--registry", "sqlite:" + o.path("registry.db")}, more...)
}

func (o *office) enrolls(more ...string) []string { return o.with("enroll", more...) }

// enrolled returns the enrolled terminals and clerks by name.
func (o *office) enrolled() map[string]registry.Enrolled {
	o.Helper()
	r, err := registry.OpenOperator(o.Context(), "sqlite:"+o.path("registry.db"), "points.example", nil)
	require.NoError(o, err)
	defer r.Close()
	list, err := r.Enrolled(o.Context())
	require.NoError(o, err)
	found := map[string]registry.Enrolled{}
	for _, e := range list {
		found[e.Name] = e
	}
	return found
}

func (o *office) bundle(name string) fleettls.Bundle {
	o.Helper()
	b, err := fleettls.ParseBundle(o.read(name))
	require.NoError(o, err)
	return b
}

// init says what it made and what to keep.
func TestInit(t *testing.T) {
	o := newOffice(t)
	said := o.does("init", "--folder", o.path("server"), "--name", "server.example")
	assert.Regexp(t, `ID of the namespace key: [0-9a-f]{8}\nID of the registry key: [0-9a-f]{8}\nName that signs audit records: server\.example\n`, said)
	asJSON := o.does("init", "--folder", o.path("second"), "--name", "second.example", "--server", "b", "--from", o.path("server"), "--json")
	var made pki.Made
	require.NoError(t, json.Unmarshal([]byte(asJSON), &made))
	assert.Equal(t, "b", made.Name)
	assert.Contains(t, said, made.NamespaceKey, "the same key")
	renewed := o.does("renew-certificate", "--folder", o.path("server"))
	assert.Equal(t, "The server's certificate was renewed: server.example (until 2027-05-01)\n", renewed)
	assert.JSONEq(t, `{"names": ["192.0.2.7"], "not_after": "2027-05-01T09:00:00Z"}`, o.does("renew-certificate", "--folder", o.path("server"), "--name", "192.0.2.7", "--json"))
}

// A terminal and a clerk are enrolled with the key of their bundle, under the role that its
// certificate names.
func TestEnroll(t *testing.T) {
	o := initialized(t)
	said := o.does(o.enrolls("--out", o.path("counter-1.pem"), "counter-1")...)
	assert.Contains(t, said, "counter-1 was enrolled.")
	assert.Contains(t, said, "(until 2027-05-02)")
	asJSON := o.does(o.enrolls("--out", o.path("clerk.pem"), "--clerk", "--days", "30", "--json", "c-7")...)
	assert.JSONEq(t, `{"name": "c-7", "role": "clerk", "file": "`+o.path("clerk.pem")+`", "not_after": "2026-05-01T09:00:00Z"}`, asJSON)
	for file, role := range map[string]registry.Role{"counter-1.pem": registry.RoleTerminal, "clerk.pem": registry.RoleClerk} {
		b := o.bundle(file)
		e := o.enrolled()[b.Identity().Name]
		assert.Equal(t, registry.Enrolled{Name: b.Identity().Name, Role: role, Key: b.Identity().Key, Serial: b.Serial(), NotAfter: b.NotAfter(), Since: e.Since}, e)
	}
	o.does(o.with("revoke", "counter-1")...)
	assert.False(t, o.enrolled()["counter-1"].Revoked.IsZero())
	o.does(o.with("revoke", "counter-1")...)
	o.fails("TERMINAL_ENROLLED", 1, o.enrolls("--out", o.path("again.pem"), "counter-1")...)
	assert.NoFileExists(t, o.path("again.pem"))
}

// lossyDesk loses the answer of an enrollment, before or after it is made.
type lossyDesk struct {
	desk
	enrolls bool
}

func (d lossyDesk) Enroll(ctx context.Context, operation registry.Operation, e registry.Enrolled) error {
	if d.enrolls {
		if err := d.desk.Enroll(ctx, operation, e); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: the answer was lost", registry.ErrUnavailable)
}

// An enrollment that was interrupted is completed by the same command: whether the key was enrolled
// or not, the terminal gets the bundle of the enrolled key.
func TestEnrollIsCompleted(t *testing.T) {
	for name, enrolls := range map[string]bool{"before it was enrolled": false, "after it was enrolled": true} {
		t.Run(name, func(t *testing.T) {
			o := initialized(t)
			enroll := o.enrolls("--out", o.path("counter-1.pem"), "counter-1")
			o.openDesk = func(ctx context.Context, url, namespace string, as registry.Terminal) (desk, error) {
				d, err := openDesk(ctx, url, namespace, as)
				return lossyDesk{d, enrolls}, err
			}
			o.fails("DATABASE_UNAVAILABLE", 1, enroll...)
			written := o.read("counter-1.pem")
			o.openDesk = openDesk
			assert.Contains(t, o.does(enroll...), "counter-1 was enrolled.")
			assert.Equal(t, written, o.read("counter-1.pem"))
			assert.Equal(t, o.bundle("counter-1.pem").Identity().Key, o.enrolled()["counter-1"].Key)
		})
	}
	o := initialized(t)
	enroll := o.enrolls("--out", o.path("counter-1.pem"), "counter-1")
	o.does(enroll...)
	o.does(enroll...)
	for name, other := range map[string][]string{
		"another role": o.enrolls("--out", o.path("counter-1.pem"), "--clerk", "counter-1"),
		"another CA":   initialized(t).enrolls("--out", o.path("counter-1.pem"), "counter-1"),
	} {
		o.fails("FILE_EXISTS", 1, other...)
		require.NotEmpty(t, name)
	}
	o.does(o.with("revoke", "counter-1")...)
	o.fails("TERMINAL_REVOKED", 1, enroll...)
	o.now = today.AddDate(2, 0, 0)
	o.fails("FILE_EXISTS", 1, enroll...)
	assert.FileExists(t, o.path("counter-1.pem"), "a bundle that this run did not write stays")
}

// status shows who is enrolled and what needs attention.
func TestStatus(t *testing.T) {
	o := initialized(t)
	o.now = time.Now()
	status := []string{"status", "--campaign", demo, "--registry", "sqlite:" + o.path("registry.db")}
	assert.Equal(t, "No terminal is enrolled yet.\n", o.does(status...))
	assert.JSONEq(t, `{"terminals": []}`, o.does(append(status, "--json")...))
	for name, more := range map[string][]string{"counter-1": nil, "counter-2": {"--days", "29"}, "counter-3": {"--days", "1"}, "c-7": {"--clerk"}} {
		o.does(o.enrolls(append(more, "--out", o.path(name+".pem"), name)...)...)
	}
	o.does(o.with("revoke", "c-7")...)
	o.beats("counter-1", "v1.2.0", 17)
	o.beats("counter-2", "v1.1.0", 0)
	o.now = o.now.AddDate(0, 0, 2)
	text := o.does(status...)
	for _, row := range []string{
		`(?m)^Name       State            Until       Last seen \(JST\)   Visits  Version$`,
		`(?m)^counter-1  enrolled         \S{10}  \S{10} \S{5}  17      v1\.2\.0$`,
		`(?m)^counter-2  expires soon     \S{10}  \S{10} \S{5}  0       v1\.1\.0$`,
		`(?m)^counter-3  expired          \S{10}  never$`,
		`(?m)^c-7        revoked \(clerk\)  \S{10}  never$`,
	} {
		assert.Regexp(t, row, text)
	}
	var report struct{ Terminals []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(o.does(append(status, "--json")...)), &report))
	require.Len(t, report.Terminals, 4)
	first := report.Terminals[1]
	for _, when := range []string{"not_after", "enrolled", "seen"} {
		_, err := time.Parse(time.RFC3339, first[when].(string))
		require.NoError(t, err, when)
		delete(first, when)
	}
	assert.Equal(t, map[string]any{"name": "counter-1", "role": "terminal", "state": "enrolled", "revoked": nil, "version": "v1.2.0", "visits": 17.0}, first)
	o.locale = "ja_JP.UTF-8"
	assert.Regexp(t, `(?m)^c-7        失効（担当者）    \S{10}  なし$`, o.does(status...))
}

// beats sends a heartbeat of a terminal to the registry of the office.
func (o *office) beats(name, version string, visits int) {
	o.Helper()
	r := o.registry()
	defer r.Close()
	require.NoError(o, r.Heartbeat(o.Context(), name, version, visits))
}

// registry opens the registry as the server does.
func (o *office) registry(options ...registry.Option) *registry.Registry {
	o.Helper()
	var b bytes.Buffer
	c, err := cli.New(command, nil, &b, &b, func(string) string { return "" })
	require.NoError(o, err)
	keys, err := registrycli.ReadKeys(c, keysIn(o.folder, registrycli.KeyFiles{Generation: 1}), "points.example")
	require.NoError(o, err)
	as, err := registrycli.ReadTerminal(c, "", pki.Path(o.folder, pki.ServerKey))
	require.NoError(o, err)
	r, err := registry.Open(o.Context(), "sqlite:"+o.path("registry.db"), as, keys.Current, options...)
	require.NoError(o, err)
	return r
}

// An audit covers who was enrolled and revoked, needs no list of the terminals' keys, and detects a
// key that no desk has enrolled.
func TestAudit(t *testing.T) {
	o := initialized(t)
	o.does(o.enrolls("--out", o.path("counter-1.pem"), "counter-1")...)
	o.does(o.with("revoke", "counter-1")...)
	heads := o.does(o.with("audit")...)
	assert.Regexp(t, `(?m)^# verified: records 2, .*\nserver\.example-desk 2 [0-9a-f]{64}$`, heads)
	o.does(o.with("audit", "--heads", o.write("heads", heads))...)
	both := o.write("both", string(o.read("keys", "server.public"))+string(o.read("keys", "desk.public")))
	o.does(o.with("audit", "--keys", both)...)
	o.fails("AUDIT_BROKEN", 9, o.with("audit", "--keys", pki.Path(o.folder, pki.ServerPublic))...)

	o.alter(`UPDATE enrolled SET key = x'` + strings.Repeat("00", 32) + `'`)
	o.fails("AUDIT_BROKEN", 9, o.with("audit")...)
}
