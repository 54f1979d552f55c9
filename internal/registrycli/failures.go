package registrycli

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Codes of failures.
const (
	CodeCampaign        message.Code = "CAMPAIGN_FILE"
	CodeOperatorMissing message.Code = "OPERATOR_KEY_MISSING"
	CodeSameKeys        message.Code = "SAME_KEYS"
	CodeKeyFile         message.Code = "KEY_FILE"
	CodeFile            message.Code = "FILE"
	CodeDatabase        message.Code = "DATABASE_UNAVAILABLE"
	CodeHeads           message.Code = "HEADS_FILE"
	codeCheckpoint      message.Code = "CHECKPOINT_FILE"
	CodeFileExists      message.Code = "FILE_EXISTS"
	CodeSealed          message.Code = "ACCOUNT_SEALED"
	CodeAudit           message.Code = "AUDIT_BROKEN"
)

// Exits returns the exit codes for wrong usage and tampering, in addition to those that all
// commands share.
func Exits() map[message.Code]int {
	return map[message.Code]int{
		CodeCampaign:        cli.ExitUsage,
		CodeOperatorMissing: cli.ExitUsage,
		CodeSameKeys:        cli.ExitUsage,
		CodeKeyFile:         cli.ExitUsage,
		CodeHeads:           cli.ExitUsage,
		codeCheckpoint:      cli.ExitUsage,
		CodeFile:            cli.ExitUsage,
		CodeAudit:           cli.ExitTampered,
	}
}

// messages are messages about the registry for operators.
var messages = []struct {
	err     error
	message message.Message
}{
	{registry.ErrUnavailable, message.Message{
		Code: CodeDatabase, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "台帳のデータベースに接続できません。", EN: "The registry database is not reachable."},
		Next: Text{JA: "台帳のURL（--registry）、サーバー、ディスクを確かめてください。", EN: "Check the registry URL (--registry), the server and the disk."},
	}},
	{mykey.ErrKey, message.Message{
		Code: message.NamespaceKey, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "鍵が正しくないか、この台帳の鍵ではありません。何も変更していません。", EN: "The keys are invalid or belong to another registry. Nothing was changed."},
		Next: Text{
			JA: "--namespace-key、--registry-key、--generation を確かめてください。\n" +
				"鍵の変更中や変更後は、ほかの世代の鍵も --other-keys で指定してください。",
			EN: "Check --namespace-key, --registry-key and --generation. During and after a key\n" +
				"change, also give the keys of the other generations with --other-keys.",
		},
	}},
	{registry.ErrNotFound, message.Message{
		Code: "ID_NOT_FOUND", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "IDが見つかりません。", EN: "This ID does not exist."},
		Next: Text{JA: "IDと、事業設定ファイルの namespace を確かめてください。", EN: "Check the ID and the namespace in the campaign file."},
	}},
	{registry.ErrSealed, message.Message{
		Code: CodeSealed, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "復号できない申込みがあります。ほかの申込みは、すべて出力しました。", EN: "Some applications can't be decrypted. All others were written."},
		Next: Text{
			JA: "その申込みを受け付けた時の秘密鍵も、--operator-private-key で指定してください。",
			EN: "Also give the private key that was in use at that time, with another\n--operator-private-key.",
		},
	}},
}

// MessageOf returns the message for an error of a campaign file, a registry or a file. It
// returns false for other errors.
func MessageOf(err error) (message.Message, bool) {
	var problems campaign.Problems
	if errors.As(err, &problems) {
		return campaignMessage(problems), true
	}
	for _, m := range messages {
		if errors.Is(err, m.err) {
			return m.message, true
		}
	}
	return message.Message{}, false
}

// FileMessage returns the message for a file that can't be read or written. It returns false
// for other errors.
func FileMessage(err error) (message.Message, bool) {
	if !errors.As(err, new(*fs.PathError)) {
		return message.Message{}, false
	}
	return message.Message{
		Code: CodeFile, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "ファイルを読み書きできません。", EN: "A file can't be read or written."},
		Next: Text{JA: "下の行にあるファイルの場所と権限を確かめてください。", EN: "Check the path and the permissions of the file in the line below."},
	}, true
}

// campaignMessage lists all mistakes of a campaign file.
func campaignMessage(problems campaign.Problems) message.Message {
	ja, en := []string{"次の箇所を直してください。"}, []string{"Correct these entries:"}
	for _, problem := range problems {
		ja = append(ja, "・"+problem.Where+": "+problem.What.JA)
		en = append(en, "- "+problem.Where+": "+problem.What.EN)
	}
	return message.Message{
		Code: CodeCampaign, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "事業設定ファイルに誤りがあります。", EN: "The campaign file has mistakes."},
		Next: Text{JA: strings.Join(ja, "\n"), EN: strings.Join(en, "\n")},
	}
}

// missingOperatorKey reports that --operator-key is missing.
func missingOperatorKey(command string) error {
	return cli.Because(errors.New("--operator-key: not given"), CodeOperatorMissing,
		Text{JA: "運営者の公開鍵がないため、申込みを受け付けられません。", EN: "Without the operator's public key, applications can't be\naccepted."},
		Text{
			JA: "--operator-key で公開鍵のファイルを指定してください。\n鍵ペアは " + command + " operator-keygen で作ります。",
			EN: "Give the key file with --operator-key. Make a key pair with\n" + command + " operator-keygen.",
		})
}

// sameKeys reports that the two keys are the same.
func sameKeys() error {
	return cli.Because(errors.New("--namespace-key, --registry-key: the same key"), CodeSameKeys,
		Text{JA: "名前空間の鍵と台帳の鍵が同じです。", EN: "The namespace key and the registry key are the same."},
		Text{JA: "card-info keygen で、別の鍵を2つ作ってください。", EN: "Make two different keys with card-info keygen."})
}

// KeyFailure adds the message for an unusable key file.
func KeyFailure(err error) error {
	return cli.Because(err, CodeKeyFile,
		Text{JA: "鍵ファイルを使えません。理由は下の行にあります。", EN: "A key file can't be used. The line below says why."},
		Text{JA: "オプションの名前と、鍵ファイルの場所を確かめてください。", EN: "Check the option and the path of the key file."})
}

// KeyExists adds the message for an existing key file.
func KeyExists(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return cli.Because(err, cli.CodeKeyExists,
		Text{JA: "そのファイルはすでにあります。何も書き込んでいません。", EN: "The file already exists. Nothing was written."},
		Text{JA: "別のファイル名を指定してください。元の鍵は消さないでください。", EN: "Use another name. Do not delete the old key."})
}
