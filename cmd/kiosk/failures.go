package main

import (
	"errors"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// exits returns the exit codes for wrong usage and tampering, in addition to those that all
// commands share.
func exits() map[message.Code]int {
	codes := registrycli.Exits()
	for _, code := range []message.Code{"TERMINAL_NAME", "TERMINAL_NAME_USED", "BACKUP_INVALID", "DATABASE_URL", "CLERK_CODE", "RECORDS_FOLDER"} {
		codes[code] = cli.ExitUsage
	}
	return codes
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
}

// messageFor returns the message for an error.
func (p *program) messageFor(err error) message.Message { return cli.MessageOf(err, messageOf) }

func messageOf(err error) message.Message {
	if m, ok := registrycli.MessageOf(err); ok {
		return m
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
	if file, ok := registrycli.FileMessage(err); ok && m.Code == message.Failed {
		return file
	}
	return m
}
