package cli

import "github.com/mykeykit/mykeykit/mykey/message"

// nextOf returns what to do next, with the options and commands of this module's programs
// by name. Package message names none, for its texts are every program's.
func nextOf(m message.Message) Text {
	switch m.Code {
	case message.SeveralCards:
		return Text{
			JA: "使うカードだけを残すか、--reader でカードリーダーの名前を指定してください。",
			EN: "Leave only the card that you want to use, or name its reader with --reader.",
		}
	case message.CertNeedsPIN:
		return Text{
			JA: "スマートフォンでは、cert は使えません。id は使えます。",
			EN: "The cert command does not work with a phone; id does.",
		}
	case message.ChainUnknown:
		return Text{
			JA: "担当者の方へ: スマートフォンの電子証明書と、J-LISの新しい認証局が発行した\n" +
				"電子証明書は、本物でも確認できないことがあります。\n" +
				"認証局の証明書を入手できれば、--ca-certificate で指定できます。",
			EN: "For staff: the certificate of a phone, or of a newer J-LIS CA, may be genuine\n" +
				"and still not be known to this software. If you can get the CA certificate,\n" +
				"give it with --ca-certificate.",
		}
	case message.PINFormat, message.PasswordFormat, message.EntryFormat:
		return Text{
			JA: "コマンドをもう一度実行し、聞かれてから入力してください。",
			EN: "Run the command again, and enter it when you are asked.",
		}
	case message.PINUnchanged:
		return Text{
			JA: "コマンドをもう一度実行し、今とは別の番号にしてください。",
			EN: "Run the command again, and choose another one.",
		}
	case message.PINLastAttempt, message.PasswordLastAttempt:
		return Text{
			JA: "暗証番号に自信がないときは、市区町村の窓口にご相談ください。\n" +
				"確かなときは、--allow-last-attempt を付けてください。",
			EN: "If you are not sure, ask at your municipal office.\n" +
				"If you are sure, add --allow-last-attempt.",
		}
	case message.PINOutcomeUnknown, message.PasswordOutcomeUnknown:
		return Text{
			JA: "カードを置き直し、card-info で残りの回数を確かめてからお試しください。",
			EN: "Put the card back and check the attempts left with card-info before you try\nagain.",
		}
	case message.NamespaceKey:
		return Text{
			JA: "ファイル名を確かめてください。はじめて使うときだけ、card-info keygen で\n" +
				"鍵を作ります。別の鍵では、同じカードでも違うIDになります。",
			EN: "Check the file's name. Make a key (card-info keygen FILE) only the first time:\n" +
				"with another key, the same cards get other identifiers.",
		}
	}
	return m.Next
}
