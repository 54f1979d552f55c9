package pdf_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/pdf"
)

const (
	largeFile  = 100_000_000 // bytes
	smallFiles = 100
)

// large writes a PDF file of 100 MB.
func large(b *testing.B) string {
	image := strings.Repeat("0123456789", largeFile/10)
	file := signtest.PDF(map[int]string{7: fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(image), image)})
	path := filepath.Join(b.TempDir(), "large.pdf")
	require.NoError(b, os.WriteFile(path, file, 0o600))
	return path
}

// program returns the path of a program, and skips the benchmark if it is missing.
func program(b *testing.B, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		b.Skipf("%s is missing", name)
	}
	return path
}

// Documents are signed and verified here and by the usual programs, from file to file. The key is in memory on both
// sides: a card needs about half a second more for each signature.
func BenchmarkDocuments(b *testing.B) {
	signer := signtest.New(b, nil)
	b.Run("task=sign a PDF of 100 MB/by=jpki.pdf", func(b *testing.B) {
		path := large(b)
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, signFile(path, path+".signed", signer))
		}
	})
	b.Run("task=sign a PDF of 100 MB/by=openssl cms", func(b *testing.B) {
		path, openssl := large(b), program(b, "openssl")
		key, err := x509.MarshalPKCS8PrivateKey(signer.Key)
		require.NoError(b, err)
		both := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signer.Certificate().Raw})...)
		require.NoError(b, os.WriteFile(path+".pem", both, 0o600))
		for b.Loop() {
			command := exec.Command(openssl, "cms", "-sign", "-binary", "-in", path, "-signer", path+".pem", "-outform", "DER", "-out", path+".p7s")
			output, err := command.CombinedOutput()
			require.NoError(b, err, "%s", output)
		}
	})

	var files []string
	folder := b.TempDir()
	for i := range smallFiles {
		path := filepath.Join(folder, fmt.Sprintf("%d.pdf", i))
		require.NoError(b, os.WriteFile(path, signs(b, signtest.PDF(map[int]string{6: fmt.Sprintf("<</Title (%d)>>", i)}), signer, pdf.Options{}), 0o600))
		files = append(files, path)
	}
	b.Run("task=verify 100 small PDFs/by=jpki.pdf", func(b *testing.B) {
		v := verifier(b)
		for b.Loop() {
			for _, path := range files {
				content, err := os.ReadFile(path)
				require.NoError(b, err)
				_, err = pdf.Verify(context.Background(), bytes.NewReader(content), int64(len(content)), v)
				require.NoError(b, err)
			}
		}
	})
	b.Run("task=verify 100 small PDFs/by=card-info verify", func(b *testing.B) {
		cardInfo := filepath.Join(b.TempDir(), "card-info")
		build := exec.Command("go", "build", "-o", cardInfo, "../../cmd/card-info")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		output, err := build.CombinedOutput()
		require.NoError(b, err, "%s", output)
		ca := filepath.Join(b.TempDir(), "ca.pem")
		require.NoError(b, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signtest.CA(b).Certificate.Raw}), 0o600))
		for b.Loop() {
			for _, path := range files {
				require.NoError(b, exec.Command(cardInfo, "verify", path, "--ca-certificate", ca).Run())
			}
		}
	})
	b.Run("task=verify 100 small PDFs/by=pdfsig", func(b *testing.B) {
		pdfsig := program(b, "pdfsig")
		for b.Loop() {
			for _, path := range files {
				require.NoError(b, exec.Command(pdfsig, "-nocert", path).Run())
			}
		}
	})
}

// signFile signs a file into a new one.
func signFile(from, to string, signer *signtest.Signer) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	return pdf.Sign(context.Background(), out, in, info.Size(), signer, pdf.Options{})
}

// Signing needs no more memory for a larger file.
func TestSigningNeedsLittleMemory(t *testing.T) {
	signer := signtest.New(t, nil)
	allocated := func(size int) int64 {
		image := strings.Repeat("x", size)
		file := signtest.PDF(map[int]string{7: fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(image), image)})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, pdf.Sign(t.Context(), io.Discard, bytes.NewReader(file), int64(len(file)), signer, pdf.Options{}))
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	allocated(1) // what is made once
	small, large := allocated(1<<10), allocated(16<<20)
	if large > small+1<<20 {
		t.Errorf("%d bytes for a small file, %d for one of 16 MiB", small, large)
	}
}
