package pdf_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
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
	"github.com/mykeykit/mykeykit/jpki/pdf"
)

// run runs another program, and skips the test if it is missing.
func run(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	output, err := programtest.Program(t, program, arguments...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// Poppler, qpdf and OpenSSL accept what is signed here.
func TestOthersAcceptSignedFiles(t *testing.T) {
	ca := write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signtest.CA(t).Certificate.Raw}))
	for name, file := range files() {
		t.Run(name, func(t *testing.T) {
			signed := signs(t, file, signtest.New(t, nil), pdf.Options{Name: "見本 花子", Appearance: latin("Signed")})
			twice := signs(t, signed, signtest.Another(t), pdf.Options{Options: cms.Options{CACertificates: []*x509.Certificate{signtest.CA(t).Certificate}}})
			path := write(t, "signed.pdf", twice)

			report := run(t, "pdfsig", "-nocert", path)
			assert.Equal(t, 2, strings.Count(report, "Signature is Valid."), report)
			assert.Equal(t, 1, strings.Count(report, "Total document signed"), report)
			assert.Equal(t, 2, strings.Count(report, "adbe.pkcs7.detached"), report)
			assert.Contains(t, run(t, "qpdf", "--check", path), "No syntax or stream encoding errors")

			if pdfcpu := os.Getenv("MYKEYKIT_PDFCPU"); pdfcpu != "" { // see scripts/peers
				t.Setenv("HOME", t.TempDir())
				assert.Contains(t, run(t, pdfcpu, "validate", path), "validation ok")
				assert.Contains(t, run(t, pdfcpu, "signatures", "validate", path), "signer's certificate path was not resolved", "its only objection")
			}
			a, b, c := numbers(t, signed)
			content := append(bytes.Clone(signed[:a]), signed[b:b+c]...)
			signature := contents.FindSubmatch(signed)[1]
			der := make([]byte, len(signature)/2)
			_, err := hex.Decode(der, signature)
			require.NoError(t, err)
			run(t, "openssl", "cms", "-verify", "-inform", "DER", "-in", write(t, "signature", der), "-content", write(t, "content", content),
				"-binary", "-CAfile", ca, "-purpose", "any", "-cades", "-out", filepath.Join(t.TempDir(), "out"))
		})
	}
}

// Files that other programs write are signed: linearized, with object streams, and drawn.
func TestFilesOfOtherProgramsAreSigned(t *testing.T) {
	source := write(t, "source.pdf", signtest.PDF(nil))
	for name, command := range map[string][]string{
		"linearized":     {"qpdf", "--linearize"},
		"object streams": {"qpdf", "--object-streams=generate"},
		"both":           {"qpdf", "--linearize", "--object-streams=generate"},
		"cairo":          {"pdftocairo", "-pdf"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "made.pdf")
			run(t, command[0], append(command[1:], source, path)...)
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			signed := signs(t, signs(t, file, signtest.New(t, nil), pdf.Options{}), signtest.Another(t), pdf.Options{})
			result, err := verify(t, signed)
			require.NoError(t, err)
			assert.Len(t, result.Signatures, 2)
			out := write(t, "signed.pdf", signed)
			assert.Contains(t, run(t, "qpdf", "--check", out), "No syntax or stream encoding errors")
			assert.Equal(t, 2, strings.Count(run(t, "pdfsig", "-nocert", out), "Signature is Valid."))
		})
	}
}
