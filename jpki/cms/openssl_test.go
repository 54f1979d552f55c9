package cms_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/programtest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/cms"
)

// openssl runs openssl in a folder, and skips the test if it is missing.
func openssl(t *testing.T, folder string, arguments ...string) ([]byte, error) {
	t.Helper()
	command := programtest.Program(t, "openssl", arguments...)
	command.Dir = folder
	return command.CombinedOutput()
}

// folder has the files that openssl needs: the content, the signer's key and certificate, and the CA.
func folder(t *testing.T, signer *signtest.Signer) string {
	t.Helper()
	folder := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(signer.Key)
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"content":  []byte(text),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signer.Certificate().Raw}),
		"ca.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signtest.CA(t).Certificate.Raw}),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	return folder
}

func TestOpenSSLVerifiesSignatures(t *testing.T) {
	signer := signtest.New(t, nil)
	dir := folder(t, signer)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "detached"), signs(t, signer, cms.Options{}), 0o600))
	output, err := openssl(t, dir, "cms", "-verify", "-inform", "DER", "-in", "detached", "-content", "content", "-binary", "-CAfile", "ca.pem", "-purpose", "any", "-cades")
	require.NoError(t, err, "%s", output)

	var attached bytes.Buffer
	require.NoError(t, cms.SignAttached(t.Context(), &attached, signer, strings.NewReader(text), int64(len(text)), cms.Options{}))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "attached"), attached.Bytes(), 0o600))
	output, err = openssl(t, dir, "cms", "-verify", "-inform", "DER", "-in", "attached", "-binary", "-CAfile", "ca.pem", "-purpose", "any", "-out", "inside")
	require.NoError(t, err, "%s", output)
	inside, err := os.ReadFile(filepath.Join(dir, "inside"))
	require.NoError(t, err)
	assert.Equal(t, text, string(inside))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "content"), []byte("changed"), 0o600))
	_, err = openssl(t, dir, "cms", "-verify", "-inform", "DER", "-in", "detached", "-content", "content", "-binary", "-CAfile", "ca.pem", "-purpose", "any")
	require.Error(t, err)
}

func TestSignaturesByOpenSSLAreVerified(t *testing.T) {
	signer := signtest.New(t, nil)
	dir := folder(t, signer)
	for name, tt := range map[string]struct {
		options string
		err     error
	}{
		"as usual":         {},
		"with -cades":      {options: "-cades"},
		"with -keyid":      {options: "-keyid"},
		"SHA-512":          {options: "-md sha512"},
		"with the CA":      {options: "-certfile ca.pem"},
		"SHA-1":            {options: "-md sha1", err: cms.ErrAlgorithm},
		"PSS":              {options: "-keyopt rsa_padding_mode:pss", err: cms.ErrAlgorithm},
		"no attributes":    {options: "-noattr", err: cms.ErrMalformed},
		"no certificate":   {options: "-nocerts", err: cms.ErrNoCertificate},
		"attached":         {options: "-nodetach", err: cms.ErrMalformed},
		"BER, as a stream": {options: "-nodetach -stream", err: cms.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := append([]string{"cms", "-sign", "-binary", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER", "-out", "signed"}, strings.Fields(tt.options)...)
			output, err := openssl(t, dir, arguments...)
			require.NoError(t, err, "%s", output)
			der, err := os.ReadFile(filepath.Join(dir, "signed"))
			require.NoError(t, err)
			_, err = verifier(t).Verify(t.Context(), der, strings.NewReader(text))
			require.ErrorIs(t, err, tt.err)
		})
	}
}

// A mail with a signature, as Thunderbird sends it (RFC 8551 §3.5.3), is verified by openssl.
func TestSignedMail(t *testing.T) {
	signer := signtest.New(t, nil)
	dir := folder(t, signer)
	part := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte("申請します。")) + "\r\n"
	signature, err := cms.Sign(t.Context(), signer, strings.NewReader(part), cms.Options{})
	require.NoError(t, err)
	mail := "MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"the-boundary\"\r\n\r\n" +
		"--the-boundary\r\n" + part + "\r\n--the-boundary\r\n" +
		"Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		wrapped(base64.StdEncoding.EncodeToString(signature)) + "\r\n--the-boundary--\r\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mail"), []byte(mail), 0o600))
	output, err := openssl(t, dir, "smime", "-verify", "-in", "mail", "-CAfile", "ca.pem", "-purpose", "any")
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "Verification successful")
}

func wrapped(s string) string {
	var lines []string
	for len(s) > 64 {
		lines, s = append(lines, s[:64]), s[64:]
	}
	return strings.Join(append(lines, s), "\r\n")
}
