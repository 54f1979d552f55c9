package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/mykeykit/mykeykit/internal/keyfile"
)

// maxReferencedFile bounds the size of files that a URL names. A bundle of CA
// certificates has about 250,000 bytes.
const maxReferencedFile = 4 << 20

// checkReferencedFiles checks the files that a PostgreSQL URL names: the driver would read
// files of any size, and block on a pipe.
func checkReferencedFiles(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil // the driver's error is better and omits the password
	}
	query := parsed.Query()
	for _, name := range []string{"sslrootcert", "sslcert", "sslkey", "passfile", "servicefile"} {
		path := query.Get(name)
		if path == "" || name == "sslrootcert" && path == "system" {
			continue
		}
		content, _, err := keyfile.Read(path, maxReferencedFile)
		clear(content)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the driver handles missing files
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
