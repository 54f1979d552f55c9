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
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// asUser returns a Linux system on which the named user runs the program.
func asUser(name string) system {
	s := machine(nil)
	s.user = func() string { return name }
	return s
}

var ruleUser = regexp.MustCompile(`subject\.user == (".*")\) \{`)

// If polkit refuses the program, doctor prints a rule for its user only, whatever the
// user's name contains.
//
// Faults: F04, F74.
func TestDoctorPrintsThePolkitRule(t *testing.T) {
	denied := failingDriver{simulator.New(), reader.ErrDenied}
	for _, name := range []string{
		"kiosk", "svc-kiosk.1", `EXAMPLE\taro`, `" || true || "`, "a\"); });//", "太郎", "𠮷野", "a\u2028b", "a\x1b[2Jb", "a\nb", "a\x7fb", "a\u0085b",
	} {
		for _, language := range []string{"en", "ja"} {
			o := runner{driver: denied, system: asUser(name)}.run(t, "doctor", "--lang", language)
			assert.Equal(t, cli.ExitNoReader, o.exit)
			assert.Contains(t, o.stdout, polkitRules)
			assert.Contains(t, o.stdout, "org.debian.pcsc-lite.access_pcsc")
			assert.Contains(t, o.stdout, "org.debian.pcsc-lite.access_card")
			users := ruleUser.FindAllStringSubmatch(o.stdout, -1)
			require.Len(t, users, 1, o.stdout)
			assert.Regexp(t, `^"([ !#-\[\]-~]|\\["\\bfnrt]|\\u[0-9a-f]{4})*"$`, users[0][1], "a complete ASCII literal")
			var user string
			require.NoError(t, json.Unmarshal([]byte(users[0][1]), &user))
			assert.Equal(t, name, user)
			assert.Equal(t, 1, strings.Count(o.stdout, "polkit.Result.YES"))
			if name == "kiosk" {
				clitest.Fits(t, o.stdout)
			}
		}
	}
}

// doctor prints no rule that would not help or would allow everybody.
//
// Faults: F04.
func TestDoctorPrintsNoUselessPolkitRule(t *testing.T) {
	for name, d := range map[string]runner{
		"a user without a name": {driver: failingDriver{simulator.New(), reader.ErrDenied}, system: asUser("")},
		"another system":        {driver: failingDriver{simulator.New(), reader.ErrDenied}, system: system{os: "windows"}},
		"the socket's mode":     {driver: failingDriver{simulator.New(), reader.ErrNoService}, system: machine(syscall.EACCES)},
		"no service":            {driver: failingDriver{simulator.New(), reader.ErrNoService}, system: machine(nil)},
	} {
		o := d.run(t, "doctor")
		assert.Equal(t, cli.ExitNoReader, o.exit, name)
		assert.NotContains(t, o.stdout, "polkit.addRule", name)
	}
}

// polkit may allow a program to list readers but not to use cards.
//
// Faults: F04.
func TestDoctorPrintsThePolkitRuleForCards(t *testing.T) {
	driver := simulator.New()
	slot := driver.AddReader("Reader")
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed(simulatorSeed))
	require.NoError(t, err)
	require.NoError(t, slot.Insert(card))
	slot.AddFault(simulator.Fault{On: simulator.Connect, Do: simulator.FailBefore(reader.ErrDenied)})
	d := runner{driver: driver, system: asUser("kiosk")}
	found, o := diagnose(t, d)
	assert.Equal(t, cli.ExitNoReader, o.exit)
	assert.Equal(t, "ok ok ok -- ng -- --", marksOf(found))
	assert.Contains(t, found.Steps[4].Next.EN, `subject.user == "kiosk"`)
}

// The rule that is installed with the kiosk is the same that doctor prints.
//
// Faults: F04.
func TestInstalledPolkitRuleMatchesDoctor(t *testing.T) {
	text, err := os.ReadFile("../kiosk/packaging/mykeykit.polkit.rules")
	require.NoError(t, err)
	assert.Contains(t, string(text), "\n"+polkitRule("mykeykit-kiosk")+"\n")
}
