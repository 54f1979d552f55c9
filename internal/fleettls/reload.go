package fleettls

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// maxFile bounds a file with a key and certificates, in bytes.
const maxFile = 64 << 10

// ErrServerCertificate reports files that are not a server's certificate and its key.
var ErrServerCertificate = errors.New("not a server's certificate and its key")

// CertificateFile is a server's certificate and key in files that may be replaced while the
// server runs. It is safe for concurrent use.
type CertificateFile struct {
	paths    [2]string // certificate, key
	onError  func(error)
	mu       sync.Mutex
	current  hidden.Value[*tls.Certificate]
	versions [2]fs.FileInfo // of current, or of files that could not be read
}

// ReloadCertificate reads a server's certificate, with intermediate certificates after it, and
// its private key, in PEM. Both may be in the same file. onError is called when changed files
// can't be read; the earlier certificate stays in use until they change again.
func ReloadCertificate(certificate, key string, onError func(error)) (*CertificateFile, error) {
	f := &CertificateFile{paths: [2]string{certificate, key}, onError: onError}
	versions, err := f.stat()
	if err != nil {
		return nil, err
	}
	current, err := f.read()
	if err != nil {
		return nil, err
	}
	f.current, f.versions = hidden.New(current), versions
	return f, nil
}

// Certificate returns the certificate. It reads the files again if they have changed.
func (f *CertificateFile) Certificate() (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	versions, err := f.stat()
	if err != nil {
		return f.current.Reveal(), nil // being replaced
	}
	if same(versions, f.versions) {
		return f.current.Reveal(), nil
	}
	f.versions = versions // before reading: a later change is seen again
	if renewed, err := f.read(); err != nil {
		f.onError(err)
	} else {
		f.current = hidden.New(renewed)
	}
	return f.current.Reveal(), nil
}

func (f *CertificateFile) stat() (versions [2]fs.FileInfo, err error) {
	for i, path := range f.paths {
		if versions[i], err = os.Stat(path); err != nil {
			return versions, err
		}
	}
	return versions, nil
}

func same(a, b [2]fs.FileInfo) bool {
	for i := range a {
		if !os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size() {
			return false
		}
	}
	return true
}

func (f *CertificateFile) read() (*tls.Certificate, error) {
	certificate, _, err := keyfile.Read(f.paths[0], maxFile)
	defer clear(certificate)
	if err != nil {
		return nil, err
	}
	key, _, err := keyfile.Read(f.paths[1], maxFile)
	defer clear(key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.paths[0], ErrServerCertificate) // the cause may quote it
	}
	return &pair, nil
}
