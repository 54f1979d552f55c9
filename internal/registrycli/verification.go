package registrycli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// AuditFiles are the files of an audit of many records, as the flags name them.
type AuditFiles struct{ Checkpoint, AuditorKey, Folder string }

// maxCheckpointSize is the maximum size of a checkpoint, in bytes: it has a head for each
// chain.
const maxCheckpointSize = 64 << 20

// ReadVerification reads the auditor's key and the checkpoint. The checkpoint may be missing.
func ReadVerification(c *cli.Console, files AuditFiles) (v registry.Verification, err error) {
	if files == (AuditFiles{}) {
		return v, nil
	}
	if v.Auditor, err = ReadTerminal(c, "--auditor-key", files.AuditorKey); err != nil {
		return v, err
	}
	v.Folder = files.Folder
	if files.Folder != "" {
		if err := os.MkdirAll(files.Folder, 0o700); err != nil {
			return v, CheckpointFailure(fmt.Errorf("--work-folder: %w", err))
		}
	}
	if files.Checkpoint == "" {
		return v, nil
	}
	v.Checkpoint, _, err = keyfile.Read(files.Checkpoint, maxCheckpointSize)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, CheckpointFailure(fmt.Errorf("--checkpoint: %w", err))
	}
	return v, nil
}

// CheckpointFailure returns the failure for files that can't be used.
func CheckpointFailure(err error) error {
	return cli.Because(err, codeCheckpoint,
		message.Text{
			JA: "--checkpoint または --work-folder のファイルを使えません。理由は下の行にあります。",
			EN: "The files of --checkpoint or --work-folder can't be used. The line below says why.",
		},
		message.Text{
			JA: "ファイルが書き換えられていないか、同じ事業と監査担当者の鍵のものかを確認して\nください。ファイルを別の場所に移すと、最初から検証します。",
			EN: "Check that nobody altered the files, and that they belong to this campaign and\nauditor key. Move them elsewhere to verify everything.",
		})
}
