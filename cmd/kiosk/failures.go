package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/campaign"
	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// The command's own codes.
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

// exits are the exit codes of what the command is told wrongly, and of tampering,
// beside those that all commands share.
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

// told is a failure that the command has told already, in its own way.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// forOperators are messages about the registry for who runs a command. Residents are
// told something else.
var forOperators = []struct {
	err     error
	message message.Message
}{
	{registry.ErrUnavailable, message.Message{
		Code: codeDatabase, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "台帳のデータベースに接続できません。", EN: "The registry's database can't be reached."},
		Next: Text{JA: "データベースの場所（--registry）、サーバー、ディスクを確かめてください。", EN: "Check where the database is (--registry), its server and its disk."},
	}},
	{registry.ErrTerminalTaken, message.Message{
		Code: "TERMINAL_NAME_TAKEN", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "この端末の鍵は、ほかのプログラムが使っています。何も変えていません。", EN: "Another program uses this terminal's key. Nothing was changed."},
		Next: Text{
			JA: "窓口や端末ごとに、別の鍵を kiosk terminal-keygen で作ってください。\n" +
				"強制終了の直後なら、15秒ほど待って、もう一度実行してください。",
			EN: "Make a key for each desk and each terminal with kiosk terminal-keygen.\n" +
				"After a crash wait for 15 seconds and run the command again.",
		},
	}},
	{registry.ErrProof, message.Message{
		Code: "NOT_PROVED", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "このカードには引き継げません。何も変えていません。", EN: "The ID can't move to this card. Nothing was changed."},
		Next: Text{
			JA: "前のカードか、すでにこのIDのカードではないか、確かめてください。\n" +
				"引き継ぎコードだけが必要なときは、kiosk new-code を使ってください。",
			EN: "Check that it is not the earlier card, nor one that has this ID already.\n" +
				"If only a recovery code is needed, use kiosk new-code.",
		},
	}},
	{registry.ErrSuperseded, message.Message{
		Code: "SUPERSEDED", Group: message.Holder, Attempt: message.AttemptNone,
		What: Text{JA: "このカードのIDは、新しいカードに引き継がれています。", EN: "This card's ID has moved to a newer card."},
		Next: Text{JA: "新しいカードを使ってください。", EN: "Use the newer card."},
	}},
	{registry.ErrHolderReserved, message.Message{
		Code: "HAS_IDENTIFIER", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "新しいカードには、すでに別のIDがあります。", EN: "The new card has an ID of its own already."},
		Next: Text{JA: "申込みがなければ、kiosk merge でまとめられます。", EN: "If it has no application, kiosk merge joins the two."},
	}},
	{registry.ErrNotFound, message.Message{
		Code: "ID_NOT_FOUND", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "IDが見つかりません。", EN: "There is no such ID."},
		Next: Text{JA: "IDと、事業設定ファイルの namespace を確かめてください。", EN: "Check the ID, and the namespace in the campaign file."},
	}},
	{registry.ErrAudit, message.Message{
		Code: "AUDIT_BROKEN", Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "監査記録か台帳が、記録されたとおりではありません。", EN: "The audit log or the registry is not what was recorded."},
		Next: Text{
			JA: "--terminals に、すべての端末と窓口の公開鍵があるかを確かめてください。\n" +
				"あるときは、データベースに触れずに保全し、保管した値と比べてください。\n" +
				"バックアップを戻した後は、戻した直後の出力を --heads で渡してください。",
			EN: "Check that --terminals has the public keys of all terminals and desks.\n" +
				"If so, keep the database as it is, and compare it with what was kept.\n" +
				"After a restore give --heads what the first audit after it printed.",
		},
	}},
	{mykey.ErrKey, message.Message{
		Code: message.NamespaceKey, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "鍵が正しくないか、この台帳の鍵ではありません。何も変えていません。", EN: "The keys are not valid, or not this registry's. Nothing was changed."},
		Next: Text{
			JA: "--namespace-key、--registry-key、--generation を確かめてください。\n" +
				"鍵を替える途中や後では、ほかの世代の鍵も --earlier で渡してください。",
			EN: "Check --namespace-key, --registry-key and --generation. During and after a\n" +
				"change of keys give those of the other generations, too, with --earlier.",
		},
	}},
	{registry.ErrSealed, message.Message{
		Code: codeUnopened, Group: message.Operator, Attempt: message.AttemptNone,
		What: Text{JA: "開けない申込みがあります。開けたものは、すべて出力しました。", EN: "Some applications don't open. All others were written."},
		Next: Text{
			JA: "その申込みを受け付けた時の秘密鍵も、--operator-private-key で渡してください。",
			EN: "Give the private key of the time of those applications, too, with another\n--operator-private-key.",
		},
	}},
}

// messageFor finds what is said of an error.
func (p *program) messageFor(err error) message.Message { return cli.MessageOf(err, messageOf) }

func messageOf(err error) message.Message {
	var problems campaign.Problems
	if errors.As(err, &problems) {
		return ofCampaign(problems)
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
			Next: Text{JA: "下の行にあるファイルの場所と権限を確かめてください。", EN: "Check the place and the permissions of the file that the line below names."},
		}
	}
	return m
}

// ofCampaign names every place of a campaign file that has to be corrected.
func ofCampaign(problems campaign.Problems) message.Message {
	ja, en := []string{"次の箇所を直してください。"}, []string{"Correct these places:"}
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

// What is wrong before anything is opened.

func noOperatorKey() error {
	return cli.Because(errors.New("--operator-key: not given"), codeOperatorMissing,
		Text{JA: "運営者の公開鍵がないため、申込みを受け付けられません。", EN: "Without the operator's public key no application can be taken."},
		Text{
			JA: "--operator-key で公開鍵のファイルを指定してください。\n鍵ペアは kiosk operator-keygen で作ります。",
			EN: "Give its file with --operator-key. kiosk operator-keygen makes the keys.",
		})
}

func sameKeys() error {
	return cli.Because(errors.New("--namespace-key, --registry-key: the same key"), codeSameKeys,
		Text{JA: "名前空間の鍵と台帳の鍵が同じです。", EN: "The namespace's key and the registry's are the same."},
		Text{JA: "card-info keygen で、別の鍵を2つ作ってください。", EN: "Make two different ones with card-info keygen."})
}

// keyFailure is that a key's file can't be used.
func keyFailure(err error) error {
	return cli.Because(err, codeKeyFile,
		Text{JA: "鍵ファイルを使えません。理由は下の行にあります。", EN: "A key file can't be used. The line below says why."},
		Text{JA: "オプションの名前と、鍵ファイルの場所を確かめてください。", EN: "Check the name of the option, and which file it names."})
}

// earlierBackup says of an earlier backup that it was not overwritten.
func earlierBackup(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return cli.Because(err, codeFileExists,
		Text{JA: "そのファイルはすでにあります。何も書いていません。", EN: "The file exists already. Nothing was written."},
		Text{JA: "バックアップごとに、日付などを付けた別のファイル名を指定してください。", EN: "Choose another name for each backup, for example with the date."})
}

// existing says of a key's file that was not overwritten that it wasn't.
func existing(err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return cli.Because(err, cli.CodeKeyExists,
		Text{JA: "そのファイルはすでにあります。何も書いていません。", EN: "The file exists already. Nothing was written."},
		Text{JA: "別のファイル名を指定してください。元の鍵は消さないでください。", EN: "Choose another name. Do not delete the old key."})
}
