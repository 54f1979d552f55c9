// Package authorityfile reads the files with the public keys of the authorities that sign the CV
// certificates of cards. A key is a PEM block "PUBLIC KEY" with the header "Key-ID":
//
//	-----BEGIN PUBLIC KEY-----
//	Key-ID: 5000033
//
//	MIIBIjANBgkqh…
//	-----END PUBLIC KEY-----
package authorityfile

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// longest bounds a file, in bytes. A key has about 500.
const longest = 1 << 20

// header names the key's identifier.
const header = "Key-ID"

// Policy returns the policy that trusts the authorities of the files of --authority.
func Policy(files []string) (policy cvc.Policy, err error) {
	for _, file := range files {
		list, err := Read(file)
		if err != nil {
			return policy, cli.Because(fmt.Errorf("--authority: %w", err), cli.CodeAuthorityKey,
				message.Text{JA: "--authority のファイルを使えません。", EN: "A file given with --authority can't be used."},
				message.Text{
					JA: "担当者の方へ: Key-ID を付けた、PEM形式のRSA公開鍵を指定してください。",
					EN: "For staff: give RSA public keys in PEM, each with the header Key-ID.",
				})
		}
		policy.Authorities = append(policy.Authorities, list...)
	}
	return policy, nil
}

// Read reads authorities from a regular file. No error quotes the file.
func Read(path string) ([]cvc.Authority, error) {
	content, _, err := keyfile.Read(path, longest)
	if err != nil {
		return nil, err
	}
	return parse(content)
}

func parse(content []byte) (list []cvc.Authority, err error) {
	for len(bytes.TrimSpace(content)) > 0 {
		var block *pem.Block
		block, content = pem.Decode(content)
		switch {
		case block == nil:
			return nil, errors.New("not a key in PEM")
		case block.Type != "PUBLIC KEY":
			return nil, errors.New("PEM block that is not a public key")
		case len(block.Headers[header]) < 7:
			return nil, errors.New("public key without a Key-ID of at least 7 characters")
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		key, ok := parsed.(*rsa.PublicKey)
		if err != nil || !ok {
			return nil, errors.New("not an RSA key") // the parser's text may quote it
		}
		if err := trust.CheckPublicKey(key); err != nil {
			return nil, fmt.Errorf("key %d: %w", len(list)+1, err)
		}
		list = append(list, cvc.Authority{ID: block.Headers[header], Key: key})
	}
	if len(list) == 0 {
		return nil, errors.New("empty file")
	}
	return list, nil
}
