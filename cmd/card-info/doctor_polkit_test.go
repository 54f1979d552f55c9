package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// asUser is a Linux on which a user of that name runs the program.
func asUser(name string) system {
	s := machine(nil)
	s.user = func() string { return name }
	return s
}

var ruleUser = regexp.MustCompile(`subject\.user == (".*")\) \{`)

// Where polkit refuses the program, doctor prints the rule for its user alone,
// whatever the name has in it.
//
// Faults: F04, F74.
func TestDoctorPrintsThePolkitRule(t *testing.T) {
	denied := broken{simulator.New(), reader.ErrDenied}
	for _, name := range []string{
		"kiosk", "svc-kiosk.1", `EXAMPLE\taro`, `" || true || "`, "a\"); });//", "太郎", "𠮷野", "a\u2028b", "a\x1b[2Jb", "a\nb", "a\x7fb", "a\u0085b",
	} {
		for _, language := range []string{"en", "ja"} {
			o := desk{driver: denied, system: asUser(name)}.run(t, "doctor", "--lang", language)
			assert.Equal(t, cli.ExitNoReader, o.exit)
			assert.Contains(t, o.stdout, polkitRules)
			assert.Contains(t, o.stdout, "org.debian.pcsc-lite.access_pcsc")
			assert.Contains(t, o.stdout, "org.debian.pcsc-lite.access_card")
			users := ruleUser.FindAllStringSubmatch(o.stdout, -1)
			require.Len(t, users, 1, o.stdout)
			assert.Regexp(t, `^"([ !#-\[\]-~]|\\["\\bfnrt]|\\u[0-9a-f]{4})*"$`, users[0][1], "a literal in ASCII that ends where it should")
			var user string
			require.NoError(t, json.Unmarshal([]byte(users[0][1]), &user))
			assert.Equal(t, name, user)
			assert.Equal(t, 1, strings.Count(o.stdout, "polkit.Result.YES"))
			if name == "kiosk" {
				fits(t, o.stdout)
			}
		}
	}
}

// There is no rule where it would not help, or would help everybody.
//
// Faults: F04.
func TestDoctorPrintsNoOtherPolkitRule(t *testing.T) {
	for name, d := range map[string]desk{
		"a user without a name": {driver: broken{simulator.New(), reader.ErrDenied}, system: asUser("")},
		"another system":        {driver: broken{simulator.New(), reader.ErrDenied}, system: system{os: "windows"}},
		"the socket's mode":     {driver: broken{simulator.New(), reader.ErrNoService}, system: machine(syscall.EACCES)},
		"no service":            {driver: broken{simulator.New(), reader.ErrNoService}, system: machine(nil)},
	} {
		o := d.run(t, "doctor")
		assert.Equal(t, cli.ExitNoReader, o.exit, name)
		assert.NotContains(t, o.stdout, "polkit.addRule", name)
	}
}

// polkit may let a program list readers and refuse it their cards.
//
// Faults: F04.
func TestDoctorPrintsThePolkitRuleForCards(t *testing.T) {
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	require.NoError(t, slot.Insert(card))
	slot.Fail(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrDenied)})
	d := desk{driver: driver, system: asUser("kiosk")}
	found, o := diagnose(t, d)
	assert.Equal(t, cli.ExitNoReader, o.exit)
	assert.Equal(t, "ok ok ok -- ng -- --", marksOf(found))
	assert.Contains(t, found.Steps[4].Next.EN, `subject.user == "kiosk"`)
}

// The rule that is installed with the kiosk is the one that doctor prints.
//
// Faults: F04.
func TestTheInstalledRuleIsDoctors(t *testing.T) {
	text, err := os.ReadFile("../kiosk/packaging/mykeykit.polkit.rules")
	require.NoError(t, err)
	assert.Contains(t, string(text), "\n"+polkitRule("mykeykit-kiosk")+"\n")
}
