package main

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/fleettls"
)

func initialized(t *testing.T) *office {
	o := newOffice(t)
	o.does("init", "--folder", o.folder, "--name", "server.example", "--name", "127.0.0.1")
	return o
}

func (o *office) enrolls(more ...string) []string {
	return append([]string{"enroll", "--folder", o.folder, "--campaign", demo}, more...)
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
	assert.Regexp(t, `Number of the namespace key: [0-9a-f]{8}\nNumber of the registry key: [0-9a-f]{8}\nName that signs audit records: server\.example\n`, said)
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
	for file, role := range map[string]fleettls.Role{"counter-1.pem": fleettls.RoleTerminal, "clerk.pem": fleettls.RoleClerk} {
		b := o.bundle(file)
		e, err := o.terminals.Find(t.Context(), b.Identity().Name)
		require.NoError(t, err)
		assert.Equal(t, enrollment{Name: b.Identity().Name, Role: role, Key: b.Identity().Key, Serial: b.Serial(), NotAfter: b.NotAfter(), Enrolled: today}, e)
	}
	o.does("revoke", "--folder", o.folder, "--campaign", demo, "counter-1")
	_, err := o.terminals.Find(t.Context(), "counter-1")
	require.ErrorIs(t, err, errRevoked)
	o.fails("TERMINAL_ENROLLED", 1, o.enrolls("--out", o.path("again.pem"), "counter-1")...)
	assert.NoFileExists(t, o.path("again.pem"))
}

// An enrollment that was interrupted is completed by the same command: whether the key was enrolled
// or not, the terminal gets the bundle of the enrolled key.
func TestEnrollIsCompleted(t *testing.T) {
	unavailable := errors.New("the answer was lost")
	for name, interrupt := range map[string]func(*fakeTerminals){
		"before it was enrolled": func(f *fakeTerminals) { f.fail = unavailable },
		"after it was enrolled":  func(f *fakeTerminals) { f.lost = unavailable },
	} {
		t.Run(name, func(t *testing.T) {
			o := initialized(t)
			enroll := o.enrolls("--out", o.path("counter-1.pem"), "counter-1")
			interrupt(o.terminals)
			require.Equal(t, 1, o.run(enroll...).exit)
			written := o.read("counter-1.pem")
			o.terminals.fail, o.terminals.lost = nil, nil
			assert.Contains(t, o.does(enroll...), "counter-1 was enrolled.")
			assert.Equal(t, written, o.read("counter-1.pem"))
			e, err := o.terminals.Find(t.Context(), "counter-1")
			require.NoError(t, err)
			assert.Equal(t, o.bundle("counter-1.pem").Identity().Key, e.Key)
		})
	}
	o := initialized(t)
	enroll := o.enrolls("--out", o.path("counter-1.pem"), "counter-1")
	o.does(enroll...)
	o.does(enroll...)
	for name, other := range map[string][]string{
		"another role": o.enrolls("--out", o.path("counter-1.pem"), "--clerk", "counter-1"),
		"another CA":   {"enroll", "--folder", initialized(t).folder, "--campaign", demo, "--out", o.path("counter-1.pem"), "counter-1"},
	} {
		o.fails("FILE_EXISTS", 1, other...)
		require.NotEmpty(t, name)
	}
	o.does("revoke", "--folder", o.folder, "--campaign", demo, "counter-1")
	o.fails("TERMINAL_REVOKED", 1, enroll...)
	o.now = today.AddDate(2, 0, 0)
	o.fails("FILE_EXISTS", 1, enroll...)
	assert.FileExists(t, o.path("counter-1.pem"), "a bundle that this run did not write stays")
}

// status shows who is enrolled and what needs attention.
func TestStatus(t *testing.T) {
	o := newOffice(t)
	status := []string{"status", "--campaign", demo}
	assert.Equal(t, "No terminal is enrolled yet.\n", o.does(status...))
	assert.JSONEq(t, `{"terminals": []}`, o.does(append(status, "--json")...))
	o.terminals.list = []enrollment{
		{Name: "counter-1", Role: fleettls.RoleTerminal, NotAfter: today.AddDate(1, 0, 0), Enrolled: today.AddDate(0, -1, 0), Seen: today.Add(-time.Minute), Version: "v1.2.0", Visits: 17},
		{Name: "counter-2", Role: fleettls.RoleTerminal, NotAfter: today.AddDate(0, 0, 29), Enrolled: today},
		{Name: "counter-3", Role: fleettls.RoleTerminal, NotAfter: today.AddDate(0, 0, -1), Enrolled: today},
		{Name: "c-7", Role: fleettls.RoleClerk, NotAfter: today.AddDate(1, 0, 0), Enrolled: today, Revoked: today, Version: "\x1b[2J"},
	}
	assert.Equal(t, `Name       State            Until       Last seen         Visits  Version
counter-1  enrolled         2027-04-01  2026-04-01 17:59  17      v1.2.0
counter-2  expires soon     2026-04-30  never
counter-3  expired          2026-03-31  never
c-7        revoked (clerk)  2027-04-01  never                     ?[2J
`, o.does(status...))
	var report struct{ Terminals []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(o.does(append(status, "--json")...)), &report))
	require.Len(t, report.Terminals, 4)
	assert.Equal(t, map[string]any{
		"name": "counter-1", "role": "terminal", "state": "enrolled", "not_after": "2027-04-01T09:00:00Z", "enrolled": "2026-03-01T09:00:00Z",
		"revoked": nil, "seen": "2026-04-01T08:59:00Z", "version": "v1.2.0", "visits": 17.0,
	}, report.Terminals[0])
	o.locale = "ja_JP.UTF-8"
	assert.Contains(t, o.does(status...), "c-7        失効（担当者）    2027-04-01  なし")
}
