package main

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Maximum sizes of files, in bytes.
const (
	maxKeySize      = 16 << 10
	maxCampaignSize = 1 << 20
)

// keys are the keys of all generations.
type keys struct {
	current     registry.Generation
	earlier     []registry.Generation
	namespaceID string // the ID of the current namespace key
}

// readKeys reads the keys that the flags name.
func (p *program) readKeys(o options, namespace string) (k keys, err error) {
	k.current, k.namespaceID, err = p.readGeneration(o.generation, namespace, "--namespace-key", o.namespaceKey, "--registry-key", o.registryKey)
	if err != nil {
		return keys{}, err
	}
	for _, earlier := range o.earlier {
		number, files, ok := strings.Cut(earlier, "=")
		namespaceKey, registryKey, both := strings.Cut(files, ",")
		n, err := strconv.ParseUint(number, 10, 32)
		if !ok || !both || err != nil {
			return keys{}, p.Misuse(Text{
				JA: "--earlier は、次の形式で書いてください。\n番号=名前空間の鍵ファイル,台帳の鍵ファイル",
				EN: "Write --earlier as N=NAMESPACE_KEY_FILE,REGISTRY_KEY_FILE.",
			}, errors.New("--earlier: not N=FILE,FILE"))
		}
		g, _, err := p.readGeneration(uint32(n), namespace, "--earlier", namespaceKey, "--earlier", registryKey)
		if err != nil {
			return keys{}, err
		}
		k.earlier = append(k.earlier, g)
	}
	return k, nil
}

// readGeneration reads the two keys of a generation. It also returns the ID of the
// namespace key.
func (p *program) readGeneration(number uint32, namespace, namespaceFlag, namespaceFile, registryFlag, registryFile string) (g registry.Generation, id string, err error) {
	namespaceKey, err := p.readKey(namespaceFile)
	if err != nil {
		return g, "", keyFailure(fmt.Errorf("%s: %w", namespaceFlag, err))
	}
	registryKey, err := p.readKey(registryFile)
	if err != nil {
		return g, "", keyFailure(fmt.Errorf("%s: %w", registryFlag, err))
	}
	if namespaceKey.ID() == registryKey.ID() {
		return g, "", sameKeys()
	}
	g, err = newGeneration(number, namespace, namespaceKey, registryKey)
	return g, namespaceKey.ID(), err
}

func newGeneration(number uint32, namespace string, namespaceKey, registryKey mykey.Key) (registry.Generation, error) {
	n, err := mykey.NewNamespace(namespace, namespaceKey)
	return registry.Generation{Number: number, Namespace: n, Key: registryKey}, err
}

// keyKind is a kind of key file: the permission bits that it must not have.
type keyKind fs.FileMode

const (
	secretKey keyKind = 0o077
	publicKey keyKind = 0o022
)

// readKeyFile reads a key file and warns if its permissions are too open.
func (p *program) readKeyFile(path string, kind keyKind) ([]byte, error) {
	if path == "" {
		return nil, errors.New("not given")
	}
	text, mode, err := keyfile.Read(path, maxKeySize)
	if err == nil && keyfile.Exposed(mode&fs.FileMode(kind)) {
		name := termtext.Printable(path)
		p.Warn(cli.CodeKeyReadable, Text{JA: cli.TextKeyExposed.JA + "\n" + name, EN: cli.TextKeyExposed.EN + "\n" + name})
	}
	return text, err
}

func (p *program) readKey(path string) (mykey.Key, error) {
	text, err := p.readKeyFile(path, secretKey)
	defer clear(text)
	if err != nil {
		return mykey.Key{}, err
	}
	key, err := mykey.ParseKey(text)
	return key, inFile(path, err)
}

// inFile adds the name of a file to an error.
func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}

// readHex reads a key in the format of hexLine.
func (p *program) readHex(path string, kind keyKind) ([]byte, error) {
	text, err := p.readKeyFile(path, kind)
	defer clear(text)
	if err != nil {
		return nil, err
	}
	digits := bytes.TrimSpace(text)
	raw := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(raw, digits); err != nil {
		clear(raw)
		return nil, inFile(path, errors.New("not hexadecimal"))
	}
	return raw, nil
}

func (p *program) readOperator(path string) (hpke.PublicKey, error) {
	raw, err := p.readHex(path, publicKey)
	if err != nil {
		return nil, err
	}
	key, err := operatorKEM().NewPublicKey(raw)
	return key, inFile(path, err)
}
