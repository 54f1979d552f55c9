// Package pki makes and renews the keys and certificates of a server, in its folder:
//
//	keys/ca.pem         certificate of the CA
//	keys/ca.key         private key of the CA, needed only to enroll and to renew
//	keys/server.pem     private key and certificate of the server
//	keys/namespace.key  key from which identifiers are derived
//	keys/registry.key   key of the registry
//	keys/server.key     name and private key that sign the server's audit records
//	keys/server.public  its public key, for whoever verifies the audit log
//	keys/desk.key       name and private key that sign the records of commands, such as enroll
//	keys/desk.public    its public key
package pki

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// File is the name of a file.
type File string

// The files.
const (
	CACertificate     File = "ca.pem"
	CAKey             File = "ca.key"
	ServerCertificate File = "server.pem"
	NamespaceKey      File = "namespace.key"
	RegistryKey       File = "registry.key"
	ServerKey         File = "server.key"
	ServerPublic      File = "server.public"
	DeskKey           File = "desk.key"
	DeskPublic        File = "desk.public"
)

// keysFolder is the folder of the files.
const keysFolder = "keys"

// Path returns the path of a file in a server's folder.
func Path(folder string, f File) string { return filepath.Join(folder, keysFolder, string(f)) }

// maxFile is the maximum size of a file, in bytes.
const maxFile = 64 << 10

// ErrFolder reports a server's folder that lacks its keys.
var ErrFolder = errors.New("the folder has no keys")

// Options are the options of [Init].
type Options struct {
	Hosts []string // DNS names and IP addresses of the server
	// Name is the name under which the server signs audit records. The default is the first
	// host.
	Name string
	// From is the folder of another server of the same fleet. Its CA and its keys of the
	// namespace and of the registry are used instead of new ones.
	From string
	Now  time.Time
}

// deskSuffix makes the name of a server's desk. Commands use the desk while the server runs, since
// only one program at a time can use a name.
const deskSuffix = "-desk"

// Made describes what [Init] made.
type Made struct {
	Name         string `json:"name"`
	NamespaceKey string `json:"namespace_key"` // ID of the key
	RegistryKey  string `json:"registry_key"`  // ID of the key
}

// Init makes the keys and certificates of a server in its folder, which it creates if needed. It
// makes all files or none, and never overwrites any: it returns [fs.ErrExist] if the folder has
// keys. It removes what an earlier Init left when it was killed.
func Init(folder string, o Options) (Made, error) {
	if o.Name == "" && len(o.Hosts) > 0 {
		o.Name = strings.ReplaceAll(o.Hosts[0], ":", "-") // of an IPv6 address
	}
	chain, err := registry.GenerateTerminal(o.Name)
	if err != nil {
		return Made{}, err
	}
	desk, err := registry.GenerateTerminal(o.Name + deskSuffix)
	if err != nil {
		return Made{}, err
	}
	ca, caKey, namespaceKey, registryKey, err := shared(o)
	if err != nil {
		return Made{}, err
	}
	server, err := ca.NewServer(o.Hosts, o.Now)
	if err != nil {
		return Made{}, err
	}
	files := map[File][]byte{
		CACertificate: ca.CertificateText(), CAKey: caKey, ServerCertificate: server,
		NamespaceKey: namespaceKey.RevealText(), RegistryKey: registryKey.RevealText(),
		ServerKey: chain.RevealText(), ServerPublic: []byte(chain.Public().String() + "\n"),
		DeskKey: desk.RevealText(), DeskPublic: []byte(desk.Public().String() + "\n"),
	}
	content := map[string][]byte{}
	for name, text := range files {
		defer clear(text)
		content[string(name)] = text
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Made{}, err
	}
	path := filepath.Join(folder, keysFolder)
	if err := keyfile.NewFolder(path, content); err != nil {
		return Made{}, err
	}
	return Made{chain.Name(), namespaceKey.ID(), registryKey.ID()}, removeUnfinished(path)
}

// shared returns what all servers of a fleet share: new, or from another server's folder.
func shared(o Options) (ca *fleettls.CA, caKey []byte, namespaceKey, registryKey mykey.Key, err error) {
	if o.From != "" {
		if namespaceKey, err = readKey(o.From, NamespaceKey); err != nil {
			return
		}
		if registryKey, err = readKey(o.From, RegistryKey); err != nil {
			return
		}
		ca, err = ReadCA(o.From)
	} else {
		if namespaceKey, err = mykey.GenerateKey(rand.Reader); err != nil {
			return
		}
		if registryKey, err = mykey.GenerateKey(rand.Reader); err != nil {
			return
		}
		ca, err = fleettls.NewCA(o.Now)
	}
	if err == nil {
		caKey, err = ca.RevealKeyText()
	}
	return
}

// removeUnfinished removes the folders that killed programs left: nobody has used their keys.
func removeUnfinished(path string) error {
	parent := filepath.Dir(path)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), keyfile.UnfinishedPrefix(path)) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(parent, e.Name())))
		}
	}
	return err
}

// ReadCA reads the CA with its private key.
func ReadCA(folder string) (*fleettls.CA, error) {
	certificate, err := read(folder, CACertificate)
	if err != nil {
		return nil, err
	}
	key, err := read(folder, CAKey)
	defer clear(key)
	if err != nil {
		return nil, err
	}
	return fleettls.ParseCA(certificate, key)
}

// Renew replaces the server's certificate and its key, in one step. A running server uses them for
// its next connections. Without hosts, the names are those of the earlier certificate. Renew
// returns the new certificate.
func Renew(folder string, hosts []string, now time.Time) (*x509.Certificate, error) {
	ca, err := ReadCA(folder)
	if err != nil {
		return nil, err
	}
	text, err := read(folder, ServerCertificate)
	defer clear(text)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Path(folder, ServerCertificate), fleettls.ErrServerCertificate)
		}
		hosts = Hosts(pair.Leaf)
	}
	renewed, err := ca.NewServer(hosts, now)
	defer clear(renewed)
	if err != nil {
		return nil, err
	}
	if err := keyfile.Replace(Path(folder, ServerCertificate), renewed); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(renewed, renewed)
	return pair.Leaf, err
}

// Hosts returns the DNS names and IP addresses of a server's certificate.
func Hosts(certificate *x509.Certificate) []string {
	hosts := append([]string{}, certificate.DNSNames...)
	for _, ip := range certificate.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

func read(folder string, f File) ([]byte, error) {
	path := Path(folder, f)
	text, _, err := keyfile.Read(path, maxFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return text, err
}

func readKey(folder string, f File) (mykey.Key, error) {
	text, err := read(folder, f)
	defer clear(text)
	if err != nil {
		return mykey.Key{}, err
	}
	key, err := mykey.ParseKey(text)
	if err != nil {
		return mykey.Key{}, fmt.Errorf("%s: %w", Path(folder, f), err)
	}
	return key, nil
}
