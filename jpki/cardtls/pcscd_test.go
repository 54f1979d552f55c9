//go:build cgo

package cardtls_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/pcscdtest"
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/pcsc"
	"github.com/mykeykit/mykeykit/reader/readertest"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func TestMain(m *testing.M) { os.Exit(pcscdtest.Main(m)) }

// Handshakes with a card that pcscd has, with Go's server and with OpenSSL's.
//
// Faults: F82.
func TestThroughPCSCD(t *testing.T) {
	daemon := pcscdtest.Shared(t)
	card := cardtest.NewCard(t, simulator.Contact)
	remove := daemon.Insert(0, card)
	defer func() {
		remove()
		readertest.AwaitEmpty(t, readertest.Fixture{Driver: pcsc.New(), Reader: pcscdtest.Readers[0]})
	}()
	h := cardtest.At(t, &cardtest.Desk{Driver: cardtest.Driver{Driver: pcsc.New()}, Card: card}, pcscdtest.Readers[0])
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := reader.Wait(ctx, h.Driver.Driver, h.Reader, nil)
	require.NoError(t, err)
	signer := h.Signer(t)
	config, err := cardtls.Config(ctx, base(), signer)
	require.NoError(t, err)

	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run("Go, "+tls.VersionName(v), func(t *testing.T) {
			asked := h.Entered()
			said, state, err := dial(ctx, config, serve(t, card.CACertificate(), version(v)))
			require.NoError(t, err)
			assert.Equal(t, signer.Certificate().SerialNumber.String(), said)
			assert.Equal(t, v, state.Version)
			assert.Equal(t, asked+1, h.Entered())
		})
		t.Run("OpenSSL, "+tls.VersionName(v), func(t *testing.T) {
			asked := h.Entered()
			address := opensslServer(t, card.CACertificate(), v, "-Verify")
			page := get(ctx, t, config, address)
			assert.Contains(t, page, "Client certificate", "what OpenSSL says after it has verified")
			assert.Contains(t, page, "Verify return code: 0 (ok)")
			assert.Contains(t, page, map[uint16]string{tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"}[v])
			assert.Equal(t, asked+1, h.Entered())
		})
		t.Run("refused by OpenSSL, "+tls.VersionName(v), func(t *testing.T) {
			_, _, err := dial(ctx, config, opensslServer(t, server().Leaf, v, "-Verify"))
			require.ErrorIs(t, err, cardtls.ErrNotAccepted)
		})
		t.Run("OpenSSL, if given, "+tls.VersionName(v), func(t *testing.T) {
			optional, err := cardtls.Config(ctx, base(), signer, cardtls.AllowNoCertificate())
			require.NoError(t, err)
			for ca, given := range map[*x509.Certificate]int{card.CACertificate(): 1, server().Leaf: 0} {
				asked := h.Entered()
				page := get(ctx, t, optional, opensslServer(t, ca, v, "-verify"))
				assert.Equal(t, given == 1, strings.Contains(page, "Client certificate"), page)
				assert.Equal(t, given == 0, strings.Contains(page, "no client certificate available"), page)
				assert.Equal(t, asked+given, h.Entered())
			}
		})
	}

	h.Types = "9999"
	_, _, err = dial(ctx, config, opensslServer(t, card.CACertificate(), tls.VersionTLS13, "-Verify"))
	var wrong *credential.Error
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, credential.ErrWrong, wrong.Reason)
	assert.Equal(t, 2, card.State().AuthAttempts)
	require.NoError(t, signer.Close())
}

// get returns the page of an openssl s_server.
func get(ctx context.Context, t *testing.T, config *tls.Config, address string) string {
	t.Helper()
	conn, err := (&cardtls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	page, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(page)
}

// opensslServer verifies the certificates of clients, who with "-Verify" have to have
// one of the CA, and answers with what it knows of a connection.
func opensslServer(t *testing.T, ca *x509.Certificate, version uint16, verify string) (address string) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		pcscdtest.Skip(t, "openssl is not installed")
	}
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(server().PrivateKey)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	c := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-www", verify, "1", "-verify_return_error",
		map[uint16]string{tls.VersionTLS12: "-tls1_2", tls.VersionTLS13: "-tls1_3"}[version],
		"-cert", write("server.pem", "CERTIFICATE", server().Certificate[0]), "-key", write("key.pem", "PRIVATE KEY", key),
		"-CAfile", write("authority.pem", "CERTIFICATE", ca.Raw))
	c.Stderr = t.Output()
	output, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return at
		}
	}
	t.Fatal("openssl s_server does not start")
	return ""
}
