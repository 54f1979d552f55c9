package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Codes that only this command uses.
const (
	codeCampaign        message.Code = "CAMPAIGN_FILE"
	codeOperatorKey     message.Code = "OPERATOR_KEY"
	codeOperatorMissing message.Code = "OPERATOR_KEY_MISSING"
	codeSameKeys        message.Code = "SAME_KEYS"
	codeKeyFile         message.Code = "KEY_FILE"
	codeFile            message.Code = "FILE"
	codeDatabase        message.Code = "DATABASE_UNAVAILABLE"
	codeUnopened        message.Code = "ACCOUNT_SEALED"
	codeHeads           message.Code = "HEADS_FILE"
	codeFileExists      message.Code = "FILE_EXISTS"
)

// exits are the exit codes for wrong usage and tampering, in addition to those that all
// commands share.
var exits = map[message.Code]int{
	codeCampaign:        cli.ExitUsage,
	codeOperatorKey:     cli.ExitUsage,
	codeOperatorMissing: cli.ExitUsage,
	codeSameKeys:        cli.ExitUsage,
	codeKeyFile:         cli.ExitUsage,
	codeHeads:           cli.ExitUsage,
	codeFile:            cli.ExitUsage,
	"TERMINAL_NAME":     cli.ExitUsage,
	"BACKUP_INVALID":    cli.ExitUsage,
	message.IDFormat:    cli.ExitUsage,
	"DATABASE_URL":      cli.ExitUsage,
	"CLERK_CODE":        cli.ExitUsage,
	"AUDIT_BROKEN":      cli.ExitTampered,
}

// reportedError is an error that the command has already reported.
type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

// forOperators are messages about the registry for operators. Residents see other
// messages for the same errors.
var forOperators = []struct {
	err     error
	message message.Message
}{
	{registry.ErrUnavailable, message.Message{
		Code: codeDatabase, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "台帳のデータベースに接続できません。", EN: "The registry database is not reachable."},
		Next: Text{JA: "台帳のURL（--registry）、サーバー、ディスクを確かめてください。", EN: "Check the registry URL (--registry), the server and the disk."},
	}},
	{registry.ErrTerminalTaken, message.Message{
		Code: "TERMINAL_NAME_TAKEN", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "この端末の鍵は、ほかのプログラムが使っています。何も変更していません。", EN: "Another program is using this terminal key. Nothing was changed."},
		Next: Text{
			JA: "端末と窓口ごとに、別の鍵を kiosk terminal-keygen で作ってください。\n" +
				"強制終了の直後なら、15秒ほど待って、もう一度実行してください。",
			EN: "Make a separate key for each terminal and desk with kiosk terminal-keygen.\n" +
				"After a crash, wait 15 seconds and run the command again.",
		},
	}},
	{registry.ErrProof, message.Message{
		Code: "NOT_PROVED", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "このカードには引き継げません。何も変更していません。", EN: "The ID can't be moved to this card. Nothing was changed."},
		Next: Text{
			JA: "前のカードや、すでにこのIDを持つカードではないか、確かめてください。\n" +
				"引き継ぎコードだけが必要なときは、kiosk new-code を使ってください。",
			EN: "Check that it is neither the earlier card nor a card that already has this ID.\n" +
				"If you only need a recovery code, use kiosk new-code.",
		},
	}},
	{registry.ErrSuperseded, message.Message{
		Code: "SUPERSEDED", Group: message.Holder, Attempt: message.AttemptNone,
		What: Text{JA: "このカードのIDは、新しいカードに引き継がれています。", EN: "The ID of this card was moved to a newer card."},
		Next: Text{JA: "新しいカードを使ってください。", EN: "Use the newer card."},
	}},
	{registry.ErrHolderReserved, message.Message{
		Code: "HAS_IDENTIFIER", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "新しいカードには、すでに別のIDがあります。", EN: "The new card already has another ID."},
		Next: Text{
			JA: "新しいカードのIDに申込みがなければ、kiosk merge で前のIDにまとめられます。\n" +
				"申込みがあるときは、まとめられません。",
			EN: "If the new card's ID has no application, kiosk merge can merge it into the\n" +
				"earlier ID. If it has one, they can't be merged.",
		},
	}},
	{registry.ErrNotFound, message.Message{
		Code: "ID_NOT_FOUND", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "IDが見つかりません。", EN: "This ID does not exist."},
		Next: Text{JA: "IDと、事業設定ファイルの namespace を確かめてください。", EN: "Check the ID and the namespace in the campaign file."},
	}},
	{registry.ErrAudit, message.Message{
		Code: "AUDIT_BROKEN", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "監査記録か台帳が書き換えられています。", EN: "The audit log or the registry was altered."},
		Next: Text{
			JA: "--terminals に、すべての端末と窓口の公開鍵があるかを確かめてください。\n" +
				"あるときは、データベースをそのまま保全し、保管したヘッド\n" +
				"（監査記録の末尾の値）と比べてください。\n" +
				"復元した後は、復元した直後の出力を --heads で指定してください。",
			EN: "Check that --terminals lists the public keys of all terminals and desks. If it\n" +
				"does, preserve the database and compare it with the saved heads. After a\n" +
				"restore, use the output of the first audit after it for --heads.",
		},
	}},
	{mykey.ErrKey, message.Message{
		Code: message.NamespaceKey, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "鍵が正しくないか、この台帳の鍵ではありません。何も変更していません。", EN: "The keys are invalid or belong to another registry. Nothing was changed."},
		Next: Text{
			JA: "--namespace-key、--registry-key、--generation を確かめてください。\n" +
				"鍵の変更中や変更後は、ほかの世代の鍵も --earlier で指定してください。",
			EN: "Check --namespace-key, --registry-key and --generation. During and after a key\n" +
				"change, also give the keys of the other generations with --earlier.",
		},
	}},
	{registry.ErrSealed, message.Message{
		Code: codeUnopened, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "復号できない申込みがあります。ほかの申込みは、すべて出力しました。", EN: "Some applications can't be decrypted. All others were written."},
		Next: Text{
			JA: "その申込みを受け付けた時の秘密鍵も、--operator-private-key で指定してください。",
			EN: "Also give the private key that was in use at that time, with another\n--operator-private-key.",
		},
	}},
}

// messageFor returns the message for an error.
func (p *program) messageFor(err error) message.Message { return cli.MessageOf(err, messageOf) }

func messageOf(err error) message.Message {
	var problems campaign.Problems
	if errors.As(err, &problems) {
		return campaignMessage(problems)
	}
	for _, own := range forOperators {
		if errors.Is(err, own.err) {
			return own.message
		}
	}
	m := message.For(err)
	if m.Code == message.Failed {
		m = terminal.MessageFor(err)
	}
	var file *fs.PathError
	if m.Code == message.Failed && errors.As(err, &file) {
		return message.Message{
			Code: codeFile, Group: message.Operator, Attempt: message.AttemptNone,
			What: Text{JA: "ファイルを読み書きできません。", EN: "A file can't be read or written."},
			Next: Text{JA: "下の行にあるファイルの場所と権限を確かめてください。", EN: "Check the path and the permissions of the file in the line below."},
		}
	}
	return m
}

// campaignMessage lists all mistakes of a campaign file.
func campaignMessage(problems campaign.Problems) message.Message {
	ja, en := []string{"次の箇所を直してください。"}, []string{"Correct these entries:"}
	for _, problem := range problems {
		ja = append(ja, "・"+problem.Where+": "+problem.What.JA)
		en = append(en, "- "+problem.Where+": "+problem.What.EN)
	}
	return message.Message{
		Code: codeCampaign, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "事業設定ファイルに誤りがあります。", EN: "The campaign file has mistakes."},
		Next: Text{JA: strings.Join(ja, "\n"), EN: strings.Join(en, "\n")},
	}
}

// missingOperatorKey reports that --operator-key is missing.
func missingOperatorKey() error {
	return cli.Because(errors.New("--operator-key: not given"), codeOperatorMissing,
		Text{JA: "運営者の公開鍵がないため、申込みを受け付けられません。", EN: "Without the operator's public key, no applications can be accepted."},
		Text{
			JA: "--operator-key で公開鍵のファイルを指定してください。\n鍵ペアは kiosk operator-keygen で作ります。",
			EN: "Give the key file with --operator-key. Make a key pair with\nkiosk operator-keygen.",
		})
}

// sameKeys reports that the two keys are the same.
func sameKeys() error {
	return cli.Because(errors.New("--namespace-key, --registry-key: the same key"), codeSameKeys,
		Text{JA: "名前空間の鍵と台帳の鍵が同じです。", EN: "The namespace key and the registry key are the same."},
		Text{JA: "card-info keygen で、別の鍵を2つ作ってください。", EN: "Make two different keys with card-info keygen."})
}

// keyFailure adds the message for an unusable key file.
func keyFailure(err error) error {
	return cli.Because(err, codeKeyFile,
		Text{JA: "鍵ファイルを使えません。理由は下の行にあります。", EN: "A key file can't be used. The line below says why."},
		Text{JA: "オプションの名前と、鍵ファイルの場所を確かめてください。", EN: "Check the option and the path of the key file."})
}

// backupExists adds the message for an existing backup file.
func backupExists(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return cli.Because(err, codeFileExists,
		Text{JA: "そのファイルはすでにあります。何も書き込んでいません。", EN: "The file already exists. Nothing was written."},
		Text{JA: "バックアップごとに、日付などを付けた別のファイル名を指定してください。", EN: "Use another name for each backup, for example with the date."})
}

// keyExists adds the message for an existing key file.
func keyExists(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return cli.Because(err, cli.CodeKeyExists,
		Text{JA: "そのファイルはすでにあります。何も書き込んでいません。", EN: "The file already exists. Nothing was written."},
		Text{JA: "別のファイル名を指定してください。元の鍵は消さないでください。", EN: "Use another name. Do not delete the old key."})
}
