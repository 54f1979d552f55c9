package registrycli

import (
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
)

var (
	textOperatorKeygen = Text{
		JA: "運営者の鍵ペアを作ります",
		EN: "Make the operator's key pair",
	}
	textOperatorKeys = Text{
		JA: "秘密鍵を作りました: %s\n公開鍵を作りました: %s\n端末やサーバーには、公開鍵だけを置きます。秘密鍵のバックアップを\n安全な場所に保管してください。\n秘密鍵をなくすと、申込みを復号できなくなります。\n",
		EN: "Private key: %s\nPublic key:  %s\nInstall only the public key on terminals and servers. Back up the private key\nin a safe place: without it, applications can't be decrypted.\n",
	}
)

// OperatorKeygenCommand returns the command that makes the operator's key pair.
func OperatorKeygenCommand(c *cli.Console) *cobra.Command {
	return &cobra.Command{
		Use: "operator-keygen PRIVATE PUBLIC", Short: c.Say(textOperatorKeygen), Args: cli.Arguments("PRIVATE", "PUBLIC"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := OperatorKEM().GenerateKey()
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
				return KeyExists(err)
			}
			_, err = fmt.Fprintf(c.Stdout, c.Say(textOperatorKeys), termtext.Printable(args[0]), termtext.Printable(args[1]))
			return err
		},
	}
}

// hexLine returns a line of hexadecimal digits.
func hexLine(b []byte) []byte {
	return append(hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(b))+1), b), '\n')
}
