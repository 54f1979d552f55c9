package cli

import (
	"errors"

	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// The exit codes of the commands.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2 // no secret was sent
	ExitNoReader    = 3
	ExitNoCard      = 4
	ExitOtherCard   = 5
	ExitPIN         = 6
	ExitLocked      = 7
	ExitCertificate = 8
	ExitTampered    = 9 // the audit log or the registry was altered
)

// textsExit are the meanings of the exit codes, by code.
var textsExit = [...]Text{
	ExitDone:        {JA: "成功", EN: "success"},
	ExitFailed:      {JA: "そのほかの失敗", EN: "any other failure"},
	ExitUsage:       {JA: "使い方の誤り、または使えないファイル", EN: "incorrect usage, or a file that can't be used"},
	ExitNoReader:    {JA: "PC/SCまたはリーダーがない", EN: "no PC/SC service, or no reader"},
	ExitNoCard:      {JA: "カードがない、または途中で外された", EN: "no card, or the card was removed or exchanged"},
	ExitOtherCard:   {JA: "マイナンバーカードではない", EN: "not a My Number Card"},
	ExitPIN:         {JA: "暗証番号が違う、または残り1回のため送らなかった", EN: "wrong PIN, or not sent because one attempt is left"},
	ExitLocked:      {JA: "暗証番号がロックされている", EN: "PIN locked"},
	ExitCertificate: {JA: "電子証明書やカードの内容を確認できない", EN: "certificate or data of the card not accepted"},
	ExitTampered:    {JA: "文書、署名、監査記録、台帳が書き換えられている", EN: "document, signature, audit log or registry altered"},
}

func exits() map[message.Code]int {
	return map[message.Code]int{
		CodeUsage:               ExitUsage,
		CodeNoTerminal:          ExitUsage,
		CodeCACertificate:       ExitUsage,
		CodeAuthorityKey:        ExitUsage,
		message.PINFormat:       ExitUsage,
		message.SeveralCards:    ExitUsage,
		message.SeveralReaders:  ExitUsage,
		message.NamespaceKey:    ExitUsage,
		message.IDFormat:        ExitUsage,
		message.IDCheckSymbol:   ExitUsage,
		message.NamespaceName:   ExitUsage,
		message.PCSCUnavailable: ExitNoReader,
		message.PCSCDenied:      ExitNoReader,
		message.PCSCUnsupported: ExitNoReader,
		message.ReaderNotFound:  ExitNoReader,
		message.CardAbsent:      ExitNoCard,
		message.CardRemoved:     ExitNoCard,
		message.CardChanged:     ExitNoCard,
		message.NotMyNumberCard: ExitOtherCard,
		message.PINWrong:        ExitPIN,
		message.PINLastAttempt:  ExitPIN,
		message.PINLocked:       ExitLocked,
		message.PINUnchanged:    ExitUsage,

		message.PasswordFormat:      ExitUsage,
		message.PasswordWrong:       ExitPIN,
		message.PasswordLastAttempt: ExitPIN,
		message.PasswordLocked:      ExitLocked,

		message.EntryFormat:      ExitUsage,
		message.EntryWrong:       ExitPIN,
		message.EntryLastAttempt: ExitPIN,
		message.EntryLocked:      ExitLocked,

		message.DataAltered:      ExitCertificate,
		message.CardCopied:       ExitCertificate,
		message.AuthorityUnknown: ExitCertificate,

		message.NoAuthCert:       ExitCertificate,
		message.CertMalformed:    ExitCertificate,
		message.CertWrongKind:    ExitCertificate,
		message.CertExpired:      ExitCertificate,
		message.CertRevoked:      ExitCertificate,
		message.CertNotYetValid:  ExitCertificate,
		message.KeyUnsupported:   ExitCertificate,
		message.ChainUnknown:     ExitCertificate,
		message.CACertificate:    ExitUsage,
		message.IssuerExpired:    ExitCertificate,
		message.PossessionFailed: ExitCertificate,
	}
}

// ExitOf returns the exit code of a failure: from the command's own table, or from the
// one that all commands share. If the outcome of a PIN is unknown, the exit code is that
// of the missing card or service that cut the response off.
func ExitOf(own map[message.Code]int, code message.Code, err error) int {
	if code == message.PINOutcomeUnknown || code == message.PasswordOutcomeUnknown || code == message.EntryOutcomeUnknown {
		switch cause := message.Cause(err); {
		case errors.Is(cause, reader.ErrRemoved), errors.Is(cause, reader.ErrChanged):
			return ExitNoCard
		case errors.Is(cause, reader.ErrNoService), errors.Is(cause, reader.ErrNoReader):
			return ExitNoReader
		}
	}
	for _, table := range []map[message.Code]int{own, exits()} {
		if exit, ok := table[code]; ok {
			return exit
		}
	}
	return ExitFailed
}
