package mykey_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
)

type vector struct {
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	Attempt   uint32 `json:"attempt"`
	SPKI      string `json:"spki"`
	ID        string `json:"mykey_id"`
	Display   string `json:"display"`
	Check     string `json:"check"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("../testdata/identifiers.json")
	require.NoError(t, err)
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	require.NoError(t, json.Unmarshal(b, &file))
	require.NotEmpty(t, file.Vectors)
	return file.Vectors
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func namespace(t testing.TB, name string, key []byte) *mykey.Namespace {
	t.Helper()
	k, err := mykey.NewKey(key)
	require.NoError(t, err)
	ns, err := mykey.NewNamespace(name, k)
	require.NoError(t, err)
	return ns
}

func TestKnownAnswers(t *testing.T) {
	known := map[mykey.ID]bool{}
	for _, v := range vectors(t) {
		ns := namespace(t, v.Namespace, unhex(t, v.Key))
		id := ns.DeriveKey(unhex(t, v.SPKI), v.Attempt)
		assert.Equal(t, v.ID, id.String())
		assert.Equal(t, v.Display, id.Display())
		assert.Equal(t, v.Check, id.CheckSymbol())
		assert.Equal(t, v.Display+"-"+v.Check, id.DisplayWithCheck())
		assert.False(t, known[id], "a different key, name, attempt or card gives a different identifier")
		known[id] = true
	}
}

// The script beside the vectors computes the same ones.
func TestVectorsAreTheScripts(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	computed, err := exec.Command(python, "../testdata/identifiers.py").Output()
	require.NoError(t, err)
	stored, err := os.ReadFile("../testdata/identifiers.json")
	require.NoError(t, err)
	assert.Equal(t, string(stored), string(computed))
}

// A holder's identifier is that of the certificate's public key. Nobody else has one.
// Package proof rejects other encodings of the key.
//
// Faults: F91.
func TestDerive(t *testing.T) {
	ns := namespace(t, "library.example", bytes.Repeat([]byte{7}, 32))
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	holder := prooftest.Card{NotAfter: now.AddDate(1, 0, 0)}.Holder(now)
	for attempt := range uint32(3) {
		id, err := ns.DeriveAttempt(holder, attempt)
		require.NoError(t, err)
		assert.Equal(t, ns.DeriveKey(holder.Certificate().RawSubjectPublicKeyInfo, attempt), id)
	}
	first, err := ns.Derive(holder)
	require.NoError(t, err)
	assert.Equal(t, ns.DeriveKey(holder.Certificate().RawSubjectPublicKeyInfo, 0), first)
	renewed, err := ns.Derive(prooftest.Card{Number: 1, NotAfter: now.AddDate(6, 0, 0)}.Holder(now.AddDate(1, 0, 0)))
	require.NoError(t, err)
	assert.NotEqual(t, first, renewed)

	for _, nobody := range []*proof.Holder{nil, {}} {
		id, err := ns.Derive(nobody)
		assert.ErrorIs(t, err, mykey.ErrHolder)
		assert.Empty(t, id)
	}
	assert.Equal(t, "library.example", ns.Name())
	assert.Len(t, ns.KeyID(), 8)
}

func TestNewKeyGenerateKeyAndParseKey(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty": nil, "31 bytes": bytes.Repeat([]byte{7}, 31), "all zero": make([]byte, 32), "all zero and long": make([]byte, 64),
	} {
		_, err := mykey.NewKey(b)
		assert.ErrorIs(t, err, mykey.ErrKey, name)
	}
	_, err := mykey.NewNamespace("library.example", mykey.Key{})
	assert.ErrorIs(t, err, mykey.ErrKey, "there is no default key")
	assert.Empty(t, mykey.Key{}.RevealText())

	generated, err := mykey.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{0xA5}, 100)))
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("a5", 32)+"\n", string(generated.RevealText()))
	_, err = mykey.GenerateKey(strings.NewReader("too short"))
	assert.Error(t, err)

	parsed, err := mykey.ParseKey([]byte("  " + strings.Repeat("A5", 32) + "\r\n"))
	require.NoError(t, err)
	assert.Equal(t, generated.ID(), parsed.ID())
	for _, text := range []string{"", "a5", strings.Repeat("a5", 31), strings.Repeat("zz", 32), strings.Repeat("a", 65), strings.Repeat("00", 32), "secret words that are not a key at all"} {
		_, err := mykey.ParseKey([]byte(text))
		require.ErrorIs(t, err, mykey.ErrKey)
		if text != "" && text != "a5" {
			assert.NotContains(t, err.Error(), text)
		}
	}
}

func TestNewKeyCopiesBytes(t *testing.T) {
	b := bytes.Repeat([]byte{7}, 32)
	k, err := mykey.NewKey(b)
	require.NoError(t, err)
	before := k.ID()
	clear(b)
	assert.Equal(t, before, k.ID())
}

func TestKeyPrintsNoSecret(t *testing.T) {
	k, err := mykey.NewKey(bytes.Repeat([]byte{0xA5}, 32))
	require.NoError(t, err)
	ns, err := mykey.NewNamespace("library.example", k)
	require.NoError(t, err)
	type hidden struct{ key mykey.Key }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, k, &k, hidden{k}, ns)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", k, "namespace", ns)
	b, err := json.Marshal(k)
	require.NoError(t, err)
	out.Write(b)
	for _, form := range []string{"a5a5", "A5A5", "165 165", "165,165", "paWl"} {
		assert.NotContains(t, out.String(), form)
	}
	assert.Contains(t, out.String(), "[key "+k.ID()+"]")
}

func TestNamespaceNames(t *testing.T) {
	key, err := mykey.NewKey(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	for _, name := range []string{"a", "library.example.jp", "見本市/図書館", strings.Repeat("a", 255)} {
		_, err := mykey.NewNamespace(name, key)
		assert.NoError(t, err, name)
	}
	for _, name := range []string{"", strings.Repeat("a", 256), "\xff", "line\nfeed", "zero\x00", "か\u3099"} {
		_, err := mykey.NewNamespace(name, key)
		assert.ErrorIs(t, err, mykey.ErrNamespace, "%q", name)
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{
		"7K2M9QXR", "7k2m9qxr", "7K2M-9QXR", " 7k2m 9qxr ", "７Ｋ２Ｍ－９ＱＸＲ", "７ｋ２ｍー９ｑｘｒ", "7K2M–9QXR", "7K2M‐9QXR", "7-K-2-M-9-Q-X-R", "7K2M−9QXR",
	} {
		id, err := mykey.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, mykey.ID("7K2M9QXR"), id, text)
	}
	for text, want := range map[string]mykey.ID{
		"OIL0-O1LI": "01100111", "oil0-o1li": "01100111", "ＯＩＬ０ｏ１ｌｉ": "01100111",
	} {
		id, err := mykey.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, id)
	}
	for _, text := range []string{
		"", "7K2M9QX", "7K2M9QXR77", "7K2M9QXU", "7K2M9Q*R", "7K2M/9QXR", "7K2M9QX\x00", "ABCDEFGÉ", "\xff\xfe", strings.Repeat("-", 200), "マイキーＩＤ",
	} {
		id, err := mykey.Parse(text)
		require.ErrorIs(t, err, mykey.ErrFormat, "%q", text)
		assert.Empty(t, id)
	}
}

// The check symbols that are not in the alphabet of identifiers.
func TestCheckSymbols(t *testing.T) {
	for text, symbol := range map[mykey.ID]string{
		"00000000": "0", "0000000Z": "Z", "00000010": "*", "00000011": "~", "00000012": "$", "00000013": "=", "00000014": "U", "00000015": "0",
	} {
		assert.Equal(t, symbol, text.CheckSymbol(), text)
		id, err := mykey.Parse(text.DisplayWithCheck())
		require.NoError(t, err)
		assert.Equal(t, text, id)
	}
}

func TestCheckSymbolDetectsTypingErrors(t *testing.T) {
	for _, v := range vectors(t) {
		whole := v.ID + v.Check
		id, err := mykey.Parse(whole)
		require.NoError(t, err)
		assert.Equal(t, mykey.ID(v.ID), id)

		for i := range whole[:8] {
			for _, other := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
				if byte(other) != whole[i] {
					_, err := mykey.Parse(whole[:i] + string(other) + whole[i+1:])
					require.ErrorIs(t, err, mykey.ErrCheckSymbol)
				}
			}
			if i < 7 && whole[i] != whole[i+1] {
				_, err := mykey.Parse(whole[:i] + string(whole[i+1]) + string(whole[i]) + whole[i+2:])
				require.ErrorIs(t, err, mykey.ErrCheckSymbol)
			}
		}
	}
	for _, tilde := range []string{"~", "～", "〜"} {
		for n := range 200 { // at least one of these identifiers has the check symbol ~
			id, err := mykey.Parse(fmt.Sprintf("%08d", n))
			require.NoError(t, err)
			if id.CheckSymbol() == "~" {
				_, err := mykey.Parse(id.Display() + tilde)
				assert.NoError(t, err, "%s", tilde)
			}
		}
	}
}

func TestIDTextEncoding(t *testing.T) {
	b, err := json.Marshal(map[string]mykey.ID{"mykey_id": "7K2M9QXR"})
	require.NoError(t, err)
	assert.Equal(t, `{"mykey_id":"7K2M9QXR"}`, string(b))
	var decoded struct {
		ID mykey.ID `json:"mykey_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"mykey_id":"7k2m-9qxr"}`), &decoded))
	assert.Equal(t, mykey.ID("7K2M9QXR"), decoded.ID)
	assert.Error(t, json.Unmarshal([]byte(`{"mykey_id":"?"}`), &decoded))
	assert.Equal(t, "short", mykey.ID("short").Display())
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"7K2M-9QXR", "７ｋ２ｍー９ｑｘｒ", "oil0o1li", "7K2M9QXRU", "~", "〜〜〜〜〜〜〜〜〜"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := mykey.Parse(text)
		if err != nil {
			require.True(t, errors.Is(err, mykey.ErrFormat) || errors.Is(err, mykey.ErrCheckSymbol))
			require.Empty(t, id)
			return
		}
		require.Len(t, id, 8)
		for _, form := range []string{id.String(), id.Display(), id.DisplayWithCheck(), strings.ToLower(id.DisplayWithCheck())} {
			again, err := mykey.Parse(form)
			require.NoError(t, err)
			require.Equal(t, id, again)
		}
	})
}

// The table in the documentation is computed.
func TestCollisionTable(t *testing.T) {
	documentation, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, row := range []struct {
		cards          int
		pairs, sharing string
	}{
		{100_000, "%.4f", "%.3f"}, {1_000_000, "%.3f", "%.3f"}, {3_000_000, "%.2f", "%.2f"}, {10_000_000, "%.1f", "%.1f"}, {100_000_000, "%.0f", "%.0f"},
	} {
		pairs, sharing := expectedCollisions(row.cards)
		line := fmt.Sprintf("//\t%-11s%26s%33s\n", thousands(fmt.Sprint(row.cards)),
			thousands(fmt.Sprintf(row.pairs, pairs)), thousands(fmt.Sprintf(row.sharing, sharing)))
		assert.True(t, strings.Contains(string(documentation), line), line)
	}
	for cards, want := range map[int]float64{-1: 0, 0: 0, 1: 0, 2: 1, 3: 3, 4: 6} { // number of pairs, each colliding with a probability of 2^-40
		pairs, sharing := expectedCollisions(cards)
		assert.InEpsilon(t, 1+want, 1+pairs*(1<<40), 1e-9, "%d cards", cards)
		assert.InEpsilon(t, 1+2*want, 1+sharing*(1<<40), 1e-9, "%d cards", cards)
	}
}

// thousands inserts commas between thousands of a decimal number.
func thousands(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}
