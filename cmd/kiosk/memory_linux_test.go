package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/counter"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/democard"
	"github.com/mykeykit/mykeykit/internal/surfacetest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// maxCopies is the number of copies of one secret that may remain in memory. Between 0
// and 4 were found, depending on the garbage collector.
const maxCopies = 8

// What a resident types and sees is no longer in the terminal's memory after the visit.
// The resident runs in another process and reports its secrets disguised, so that the
// test itself leaves no copies.
//
// Faults: F120.
func TestMemoryAfterAVisit(t *testing.T) {
	s := newFixtureFor(t, func(c *campaign.Campaign) { c.Services[0].Code = c.Services[0].AccountID }) // long enough to search for
	self, err := os.Executable()
	require.NoError(t, err)
	s.insert(t, simulator.Contact)
	visitor := exec.Command(self, "-test.run", "^TestMemoryVisitor$", "-test.v")
	visitor.Env = append(os.Environ(), "MYKEYKIT_VISIT="+s.page.StartURL())
	output, err := visitor.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, visitor.Start())
	s.await(t, terminal.Take)
	s.slot.Remove()
	s.await(t, terminal.Welcome)
	s.insert(t, simulator.ResidentCard)
	s.await(t, terminal.Take)
	s.slot.Remove()
	s.await(t, terminal.Welcome)
	printed, err := io.ReadAll(output)
	require.NoError(t, err)
	require.NoError(t, visitor.Wait(), string(printed))

	require.Eventually(t, func() bool { return s.overwritten.Load() == 2 }, time.Minute, 10*time.Millisecond, "two visits")

	copies := searchMemory(t, printed)
	assert.Len(t, copies, 6)
	for name, n := range copies {
		assert.LessOrEqual(t, n, maxCopies, name)
	}
}

// What a clerk sees of a card is no longer in the counter's memory when the card has been taken.
//
// Faults: F147.
func TestMemoryAfterACheck(t *testing.T) {
	card, err := democard.New(simulator.Contact)
	require.NoError(t, err)
	s := newCounterFixture(t, surfacetest.Policy(t, card))
	self, err := os.Executable()
	require.NoError(t, err)
	clerk := exec.Command(self, "-test.run", "^TestMemoryClerk$", "-test.v")
	clerk.Env = append(os.Environ(), "MYKEYKIT_CHECK="+s.page.StartURL())
	output, err := clerk.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, clerk.Start())
	lines := bufio.NewReader(output)
	for line := ""; line != "ready\n"; {
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, s.slot.Insert(card))
	printed, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, clerk.Wait(), string(printed))
	found := searchMemory(t, printed)
	assert.Positive(t, found["png"], "it is found while it is shown")

	require.NoError(t, s.counter.Do(counter.Action{Step: s.await(t, counter.Shown).Step, Name: counter.Finish}))
	s.await(t, counter.Take)
	s.slot.Remove()
	s.await(t, counter.Place)
	require.Eventually(t, func() bool { return s.overwritten.Load() == 1 }, time.Minute, 10*time.Millisecond)
	for name, copies := range searchMemory(t, printed) {
		assert.Zero(t, copies, name)
	}
}

// searchMemory counts the copies, in this process's memory, of the secrets that another process has printed.
func searchMemory(t *testing.T, printed []byte) map[string]int {
	t.Helper()
	found := map[string]int{}
	secrets := regexp.MustCompile(`secret (\S+) ([0-9a-f]+)`).FindAllStringSubmatch(string(printed), -1)
	require.NotEmpty(t, secrets, string(printed))
	for _, secret := range secrets {
		disguised, err := hex.DecodeString(secret[2])
		require.NoError(t, err)
		copies := inMemory(t, disguised)
		t.Logf("%s: %d copies", secret[1], copies)
		found[secret[1]] = copies
	}
	return found
}

// disguise reversibly encodes a secret.
func disguise(b []byte) []byte {
	other := bytes.Clone(b)
	for i := range other {
		other[i] ^= 0xa5
	}
	return other
}

// inMemory counts the copies of a disguised secret in the memory of this process.
func inMemory(t *testing.T, disguised []byte) (copies int) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	const most = 1 << 20
	chunk, err := unix.Mmap(-1, 0, most, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON) // excluded from the search
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(chunk)) }()
	own := fmt.Sprintf("%p", chunk)[2:]
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	memory, err := os.Open("/proc/self/mem")
	require.NoError(t, err)
	defer memory.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var rights string
		_, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights)
		require.NoError(t, err)
		if !strings.HasPrefix(rights, "rw") || strings.HasPrefix(line, own) {
			continue
		}
		for at := from; at < to; at += uint64(most - len(disguised) + 1) {
			n, err := memory.ReadAt(chunk[:min(most, to-at)], int64(at))
			if err != nil && n == 0 {
				break // a guard page
			}
			for i := 0; i+len(disguised) <= n; i++ {
				j := 0
				for j < len(disguised) && chunk[i+j]^0xa5 == disguised[j] {
					j++
				}
				if j == len(disguised) {
					copies++
				}
			}
		}
	}
	return copies
}

// newVisitor opens the page with a start URL.
func newVisitor(t *testing.T, start string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	v := &visitor{t: t, http: &http.Client{Jar: jar, Timeout: time.Minute}}
	page, err := v.http.Get(start)
	require.NoError(t, err)
	page.Body.Close()
	address, err := url.Parse(start)
	require.NoError(t, err)
	v.origin = "http://" + address.Host
	stream, err := v.http.Get(v.origin + "/events")
	require.NoError(t, err)
	t.Cleanup(func() { _ = stream.Body.Close() })
	v.stream = bufio.NewScanner(stream.Body)
	v.stream.Buffer(nil, 1<<20)
	return v
}

// TestMemoryClerk runs the clerk of TestMemoryAfterACheck.
func TestMemoryClerk(t *testing.T) {
	start := os.Getenv("MYKEYKIT_CHECK")
	if start == "" {
		t.Skip("a part of TestMemoryAfterACheck")
	}
	v := newVisitor(t, start)
	v.shows("place")
	fmt.Println("ready")
	v.shows("number")
	v.post("/form", "60\n4\n1\n2035\n5678", "number")
	v.shows("shown")
	answer, err := v.http.Get(v.origin + "/picture/photo?step=" + v.step)
	require.NoError(t, err)
	defer answer.Body.Close()
	file, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(file))
	require.NoError(t, err)
	row := picture.(*image.Gray).Pix[200*378+50:][:200] // through the face
	fmt.Printf("secret row %x\n", disguise(row))
	fmt.Printf("secret png %x\n", disguise(file[len(file)/2:][:64]))
}

// TestMemoryVisitor runs the resident of TestMemoryAfterAVisit.
func TestMemoryVisitor(t *testing.T) {
	start := os.Getenv("MYKEYKIT_VISIT")
	if start == "" {
		t.Skip("a part of TestMemoryAfterAVisit")
	}
	v := newVisitor(t, start)
	account, code := digits(10), digits(10)
	v.shows("welcome")
	v.act("start", nil)
	v.shows("pin")
	v.post("/pin", simulator.PIN, "")
	v.shows("result")
	id := regexp.MustCompile(`id="identifier">([^<]+)`).FindStringSubmatch(v.html)[1]
	first := v.secret()
	v.act("apply", nil)
	v.shows("services")
	v.act("choose", map[string]string{"service": "sample-pay"})
	v.shows("account")
	v.form("account", account[:9], code) // rejected
	v.shows("account")
	v.form("account", account, code)
	v.shows("confirm")
	time.Sleep(1100 * time.Millisecond) // minimum reading time
	v.act("agree", nil)
	v.shows("done")
	v.act("finish", nil)
	v.shows("welcome")

	v.act("renew", nil)
	v.shows("pin")
	v.post("/pin", simulator.PIN, "")
	v.shows("take-over")
	other := "0"
	if first[0] == '0' {
		other = "1"
	}
	wrong := other + first[1:]
	v.form("take-over", id, wrong)
	v.shows("take-over")
	v.form("take-over", id, first)
	v.shows("result")
	second := v.secret()
	v.act("finish", nil)
	v.shows("welcome")
	for name, secret := range map[string]string{
		"account": account, "code": code,
		"recovery-code": first, "recovery-code-symbols": strings.ReplaceAll(first, "-", ""),
		"new-recovery-code": second, "new-recovery-code-symbols": strings.ReplaceAll(second, "-", ""),
	} {
		fmt.Printf("secret %s %x\n", name, disguise([]byte(secret)))
	}
}

func digits(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return string(b)
}

// visitor is a resident with an HTTP client in place of a browser.
type visitor struct {
	t                  *testing.T
	http               *http.Client
	stream             *bufio.Scanner
	origin, step, html string
}

// shows waits for a screen.
func (v *visitor) shows(screen string) {
	v.t.Helper()
	for v.stream.Scan() {
		data, ok := strings.CutPrefix(v.stream.Text(), "data: {")
		if !ok {
			continue
		}
		var view struct{ Step, Screen, HTML string }
		require.NoError(v.t, json.Unmarshal([]byte("{"+data), &view))
		if view.Screen == screen && view.Step != v.step {
			v.step, v.html = view.Step, view.HTML
			return
		}
	}
	require.NoError(v.t, v.stream.Err())
	require.Fail(v.t, "no "+screen)
}

func (v *visitor) secret() string {
	return regexp.MustCompile(`class="secret">([^<]+)`).FindStringSubmatch(v.html)[1]
}

func (v *visitor) act(name string, more map[string]string) {
	v.t.Helper()
	a := map[string]string{"step": v.step, "name": name, "lang": "ja"}
	for key, value := range more {
		a[key] = value
	}
	body, err := json.Marshal(a)
	require.NoError(v.t, err)
	v.post("/action", string(body), "")
}

func (v *visitor) form(name, account, code string) {
	v.t.Helper()
	v.post("/form", account+"\n"+code, name)
}

func (v *visitor) post(path, body, name string) {
	v.t.Helper()
	r, err := http.NewRequest("POST", v.origin+path, strings.NewReader(body))
	require.NoError(v.t, err)
	r.Header.Set("Origin", v.origin)
	r.Header.Set("Step", v.step)
	r.Header.Set("Name", name)
	answer, err := v.http.Do(r)
	require.NoError(v.t, err)
	answer.Body.Close()
	require.Equal(v.t, http.StatusNoContent, answer.StatusCode)
}
