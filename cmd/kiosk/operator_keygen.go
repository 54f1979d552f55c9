package main

import (
	"crypto/hpke"
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
)

// operatorKEM is how accounts are sealed for the operator: a hybrid, so that what is
// kept today can't be read by machines to come.
func operatorKEM() hpke.KEM { return hpke.MLKEM768X25519() }

var (
	textOperatorKeygen = Text{
		JA: "運営者の鍵ペアを作ります。端末には公開鍵だけを置きます",
		EN: "Make the operator's keys: terminals get the public one only",
	}
	textOperatorKeys = Text{
		JA: "秘密鍵を作りました: %s\n公開鍵を作りました: %s\n端末には、公開鍵だけを置きます。秘密鍵の控えを安全な場所に保管してください。\nなくすと、申込みを読めなくなります。\n",
		EN: "Private key: %s\nPublic key:  %s\nTerminals get the public key only. Copy the private key to a safe place: without\nit no application can be read.\n",
	}
)

// operatorKeygenCommand makes the operator's keys, away from terminals.
func (p *program) operatorKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "operator-keygen PRIVATE PUBLIC", Short: p.Say(textOperatorKeygen), Args: cli.Arguments("PRIVATE", "PUBLIC"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := operatorKEM().GenerateKey()
			if err != nil {
				return err
			}
			private, err := key.Bytes()
			if err != nil {
				return err
			}
			defer clear(private)
			secret := hexLine(private)
			defer clear(secret)
			if err := keyfile.WritePair(args[0], secret, args[1], hexLine(key.PublicKey().Bytes())); err != nil {
				return existing(err)
			}
			return p.says(textOperatorKeys, termtext.Printable(args[0]), termtext.Printable(args[1]))
		},
	}
}

// hexLine is a line of hexadecimal digits.
func hexLine(b []byte) []byte {
	return append(hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(b))+1), b), '\n')
}
