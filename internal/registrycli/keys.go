// Package registrycli holds what the commands that use a registry share: the files that their
// options name, and the messages for the operator.
package registrycli

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
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Text is a text in both languages.
type Text = message.Text

// maxKeySize is the maximum size of a key file, in bytes.
const maxKeySize = 16 << 10

// KeyFiles names the files with the keys of all generations.
type KeyFiles struct {
	Generation                uint32 // number of the current generation
	NamespaceKey, RegistryKey string
	Others                    []string // other generations, as N=NAMESPACE_KEY_FILE,REGISTRY_KEY_FILE
}

// Keys are the keys of all generations.
type Keys struct {
	Current     registry.Generation
	Others      []registry.Generation
	NamespaceID string // the ID of the current namespace key
}

// ReadKeys reads the keys of all generations of a namespace.
func ReadKeys(c *cli.Console, files KeyFiles, namespace string) (k Keys, err error) {
	k.Current, k.NamespaceID, err = readGeneration(c, files.Generation, namespace, "--namespace-key", files.NamespaceKey, "--registry-key", files.RegistryKey)
	if err != nil {
		return Keys{}, err
	}
	for _, other := range files.Others {
		number, pair, ok := strings.Cut(other, "=")
		namespaceKey, registryKey, both := strings.Cut(pair, ",")
		n, err := strconv.ParseUint(number, 10, 32)
		if !ok || !both || err != nil {
			return Keys{}, c.Misuse(Text{
				JA: "--other-keys は、次の形式で書いてください。\n番号=名前空間の鍵ファイル,台帳の鍵ファイル",
				EN: "Write --other-keys as N=NAMESPACE_KEY_FILE,REGISTRY_KEY_FILE.",
			}, errors.New("--other-keys: not N=FILE,FILE"))
		}
		g, _, err := readGeneration(c, uint32(n), namespace, "--other-keys", namespaceKey, "--other-keys", registryKey)
		if err != nil {
			return Keys{}, err
		}
		k.Others = append(k.Others, g)
	}
	return k, nil
}

// OtherNumbers returns the numbers of the generations other than the current one.
func (k Keys) OtherNumbers() []uint32 {
	numbers := []uint32{} // not null in JSON
	for _, g := range k.Others {
		numbers = append(numbers, g.Number)
	}
	return numbers
}

// readGeneration reads the two keys of a generation. It also returns the ID of the
// namespace key.
func readGeneration(c *cli.Console, number uint32, namespace, namespaceFlag, namespaceFile, registryFlag, registryFile string) (g registry.Generation, id string, err error) {
	namespaceKey, err := readKey(c, namespaceFile)
	if err != nil {
		return g, "", KeyFailure(fmt.Errorf("%s: %w", namespaceFlag, err))
	}
	registryKey, err := readKey(c, registryFile)
	if err != nil {
		return g, "", KeyFailure(fmt.Errorf("%s: %w", registryFlag, err))
	}
	if namespaceKey.ID() == registryKey.ID() {
		return g, "", sameKeys()
	}
	g, err = NewGeneration(number, namespace, namespaceKey, registryKey)
	return g, namespaceKey.ID(), err
}

// NewGeneration returns a generation with its two keys.
func NewGeneration(number uint32, namespace string, namespaceKey, registryKey mykey.Key) (registry.Generation, error) {
	n, err := mykey.NewNamespace(namespace, namespaceKey)
	return registry.Generation{Number: number, Namespace: n, Key: registryKey}, err
}

// KeyKind is a kind of key file: the permission bits that it must not have.
type KeyKind fs.FileMode

// The kinds of key files.
const (
	SecretKey KeyKind = 0o077
	PublicKey KeyKind = 0o022
)

// ReadKeyFile reads a key file and warns if its permissions are too open.
func ReadKeyFile(c *cli.Console, path string, kind KeyKind) ([]byte, error) {
	if path == "" {
		return nil, errors.New("not given")
	}
	text, mode, err := keyfile.Read(path, maxKeySize)
	if err == nil && keyfile.Exposed(mode&fs.FileMode(kind)) {
		name := termtext.Printable(path)
		c.Warn(cli.CodeKeyReadable, cli.TextKeyExposed.And(Text{JA: name, EN: name}))
	}
	return text, err
}

func readKey(c *cli.Console, path string) (mykey.Key, error) {
	text, err := ReadKeyFile(c, path, SecretKey)
	defer clear(text)
	if err != nil {
		return mykey.Key{}, err
	}
	key, err := mykey.ParseKey(text)
	return key, InFile(path, err)
}

// ReadTerminal reads the name and the private key with which a program signs its audit
// records, from the file that the option flag names.
func ReadTerminal(c *cli.Console, flag, path string) (registry.Terminal, error) {
	text, err := ReadKeyFile(c, path, SecretKey)
	defer clear(text)
	if err != nil {
		return registry.Terminal{}, KeyFailure(fmt.Errorf("%s: %w", flag, err))
	}
	terminal, err := registry.ParseTerminal(text)
	if err != nil {
		return registry.Terminal{}, KeyFailure(fmt.Errorf("%s: %w", flag, err))
	}
	return terminal, nil
}

// InFile adds the name of a file to an error.
func InFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}

// OperatorKEM returns the KEM that encrypts accounts for the operator. It is a
// post-quantum hybrid.
func OperatorKEM() hpke.KEM { return hpke.MLKEM768X25519() }

// ReadHex reads a key as a line of hexadecimal digits.
func ReadHex(c *cli.Console, path string, kind KeyKind) ([]byte, error) {
	text, err := ReadKeyFile(c, path, kind)
	defer clear(text)
	if err != nil {
		return nil, err
	}
	digits := bytes.TrimSpace(text)
	raw := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(raw, digits); err != nil {
		clear(raw)
		return nil, InFile(path, errors.New("not hexadecimal"))
	}
	return raw, nil
}

// readOperator reads the operator's public key.
func readOperator(c *cli.Console, path string) (hpke.PublicKey, error) {
	raw, err := ReadHex(c, path, PublicKey)
	if err != nil {
		return nil, err
	}
	key, err := OperatorKEM().NewPublicKey(raw)
	return key, InFile(path, err)
}
