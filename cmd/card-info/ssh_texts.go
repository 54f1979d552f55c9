package main

import "github.com/mykeykit/mykeykit/internal/sshagent"

// Texts of ssh-key and ssh-agent.
var (
	textSSHKeyShort   = Text{JA: "カードの鍵を、SSHの公開鍵として表示します", EN: "Print the card's key as a line for authorized_keys"}
	textSSHAgentShort = Text{JA: "カードの鍵でSSHにログインできるようにします（暗証番号を使います）", EN: "Serve the card's key to SSH clients (asks for the PIN)"}

	textSSHKeyLong = Text{
		JA: `カードの鍵（利用者証明用電子証明書の公開鍵）を、SSHサーバーの authorized_keys の
形式で表示します。暗証番号は使いません。

名前や番号は含みませんが、カードごとに違う鍵です。個人情報として扱ってください。
電子証明書を更新すると、鍵も変わります。更新したときは、前の鍵を authorized_keys
から削除してください。`,
		EN: `Print the card's key (the public key of its user-authentication certificate) as
a line for an SSH server's authorized_keys. No PIN is used.

The line contains no name and no number, but the key identifies one person's
card: treat it as personal data. A renewed certificate has a new key: remove the
old one from authorized_keys then.`,
	}
	textSSHAgentLong = Text{
		JA: `SSHのプログラム（ssh、git など）が、カードの鍵を使えるようにします。Ctrl-C を
押すまで動作します。プログラムには、環境変数 SSH_AUTH_SOCK でソケットの場所を
伝えてください。

暗証番号は、署名のたびに、このターミナルで尋ねます。ターミナルがなければ、
SSH_ASKPASS のプログラムで尋ねます。署名の目的と、要求元のプログラムも示します。
--idle 5m を付けると、最後の署名から5分間使わないときに再び尋ねます。使い続けて
も、入力から10分たつと尋ねます。それまで、ほかのプログラムはカードを使えません。
署名は、1件ずつ標準エラー出力に表示します。暗証番号は保存しません。

署名するのは、ログインと ssh-keygen -Y の署名だけです（rsa-sha2-256 と
rsa-sha2-512）。ssh-add -T は、ほかのデータへの署名を求めるため、失敗します。
鍵の追加や削除と、転送されたエージェント（ssh -A）からの要求は、拒否します。`,
		EN: `Serve the card's key to SSH clients (ssh, git and others) until Ctrl-C is
pressed. Set SSH_AUTH_SOCK to the socket's path for the clients.

For each signature it asks for the PIN at this terminal or, if there is none,
through the program in SSH_ASKPASS. The prompt shows the purpose and the program
that asks. With --idle 5m it asks again after 5 minutes without a signature, and
in any case 10 minutes after you entered the PIN. Until then no other program
can use the card, and each signature is reported on standard error. The PIN is
not stored.

It signs only logins and ssh-keygen -Y signatures (rsa-sha2-256, rsa-sha2-512).
ssh-add -T fails because it requests a signature of other data. Requests through
a forwarded agent (ssh -A) and requests to add or remove keys are rejected.`,
	}
	textFlagSocket = Text{JA: "ソケットの場所（`PATH`）。自分専用のフォルダーの中", EN: "`PATH` of the socket, in a folder only you can use"}
	textFlagIdle   = Text{JA: "使わないと再び尋ねる時間（`DURATION`、10mまで）", EN: "ask again after `DURATION` without use (at most 10m)"}

	textIdleTooLong = Text{
		JA: "--idle に指定できるのは、10分（10m）までです。",
		EN: "--idle can be at most 10 minutes (10m).",
	}

	textSSHAgentServes = Text{
		JA: "カードの鍵をSSHで使えます。終了するには Ctrl-C を押してください。\n" +
			"使うには、別のターミナルで次のとおりに入力してください:\n  export SSH_AUTH_SOCK=%s\n",
		EN: "SSH clients can use the card's key now. Press Ctrl-C to stop.\n" +
			"To use it, enter this in another terminal:\n  export SSH_AUTH_SOCK=%s\n",
	}
	textSSHUnexpected = Text{
		JA: "心当たりがないときは、何も入力せずにEnterを押してください。",
		EN: "If you did not request this, press Enter without typing a PIN.",
	}
	textSSHUser      = Text{JA: "  ユーザー名: %s", EN: "  User name:  %s"}
	textSSHNamespace = Text{JA: "  用途:       %s", EN: "  Namespace:  %s"}
	textSSHClient    = Text{JA: "  要求元:     %s", EN: "  Asked by:   %s"}
	textSSHProcess   = Text{JA: "プロセス %d、%s", EN: "process %d, %s"}
	textSSHUnknown   = Text{JA: "不明", EN: "unknown"}
	textSSHSigned    = Text{
		JA: "暗証番号を再び尋ねずに、カードの鍵で署名しました。",
		EN: "Signed with the card's key without asking for the PIN again.",
	}
	textPINNotNeeded = Text{
		JA: "暗証番号は必要なくなりました。入力しないでください。",
		EN: "The PIN is no longer needed. Do not enter it.",
	}
	textNoPIN = Text{
		JA: "暗証番号が入力されませんでした。カードには送っていません。",
		EN: "No PIN was entered. Nothing was sent to the card.",
	}
	textNoPINNext = Text{
		JA: "続けるときは、もう一度SSHで接続してください。",
		EN: "To continue, connect with SSH again.",
	}
	textNoAskpassNext = Text{
		JA: "担当者の方へ: ssh-agent をターミナルの前面で実行するか、SSH_ASKPASS に\n" +
			"暗証番号を尋ねるプログラムを指定してください。\n" +
			"（画面がないときは SSH_ASKPASS_REQUIRE=force）。",
		EN: "For staff: run ssh-agent in the foreground of a terminal, or set SSH_ASKPASS\n" +
			"to a program that asks for the PIN\n" +
			"(without a display: SSH_ASKPASS_REQUIRE=force).",
	}
	textSSHKeyNeedsPIN = Text{
		JA: "このスマートフォンの鍵は、暗証番号を確認するまで読み取れません。\n暗証番号は送っていません。",
		EN: "This phone's key can be read only after the PIN. No PIN was sent.",
	}
	textSSHKeyNeedsPINNext = Text{
		JA: "担当者の方へ: ssh-agent を実行してから ssh-add -L を実行すると、鍵を表示\nできます。",
		EN: "For staff: start ssh-agent, then run ssh-add -L to show the key.",
	}

	textSocketMissing = Text{
		JA: "--socket で、ソケットの場所を指定してください。",
		EN: "Specify the socket's path with --socket.",
	}
	textNoSocket         = Text{JA: "ソケットを作れません。カードには何も送っていません。", EN: "The socket could not be created. Nothing was sent to the card."}
	textNoSocketNext     = Text{JA: "--socket の場所を確かめてください（100バイトまで）。", EN: "Check the path of --socket (at most about 100 bytes)."}
	textUnsafeFolder     = Text{JA: "ソケットのフォルダーを、ほかの人も使えます。", EN: "Other users can access the socket's folder."}
	textUnsafeFolderNext = Text{
		JA: "自分専用のフォルダー（モード0700）を指定してください。フォルダーがなければ\n作ります（例: ~/.card-info/socket）。",
		EN: "Choose a folder that only you can use (mode 0700). A missing folder is\ncreated, for example with --socket ~/.card-info/socket.",
	}
	textSocketTaken     = Text{JA: "その場所はすでに使われています。何も変更していません。", EN: "The path is already in use. Nothing was changed."}
	textSocketTakenNext = Text{
		JA: "動いている ssh-agent を終了するか、別の場所を指定してください。",
		EN: "Stop the ssh-agent that uses it, or choose another path.",
	}
	textNoSocketsHere     = Text{JA: "ssh-agent は、このOSでは使えません。", EN: "ssh-agent is not supported on this operating system."}
	textNoSocketsHereNext = Text{JA: "LinuxかmacOSで実行してください。", EN: "Run it on Linux or macOS."}

	textSSHCardRemoved = Text{
		JA: "カードが取り外されたため、署名しませんでした。",
		EN: "The card was removed. Nothing was signed.",
	}
	textSSHReadOnly = Text{
		JA: "鍵の変更や ssh-agent のロックを求められましたが、拒否しました。",
		EN: "A client's request to change keys or lock the agent was rejected.",
	}
	textSSHReadOnlyNext = Text{
		JA: "この ssh-agent が扱うのは、カードの鍵だけです。",
		EN: "This agent serves only the card's key.",
	}
	textSSHAlgorithm = Text{
		JA: "安全でない署名（ssh-rsa など）を求められましたが、拒否しました。\n暗証番号は使っていません。",
		EN: "A client's request for an insecure signature (such as ssh-rsa)\nwas rejected. No PIN was used.",
	}
	textSSHAlgorithmNext = Text{
		JA: "担当者の方へ: rsa-sha2-256 か rsa-sha2-512 を使えるソフトウェアが必要です。",
		EN: "For staff: client and server must support rsa-sha2-256 or rsa-sha2-512.",
	}
	textSSHData = Text{
		JA: "SSHのログインでも、ssh-keygen -Y の署名（SSHSIG）でもない\n" +
			"データへの署名を求められましたが、拒否しました。暗証番号は使っていません。\n" +
			"この鍵は行政サービスのログインにも使うため、ほかの意味を持つおそれのある\n" +
			"データには署名しません。",
		EN: "A client's request to sign data that is neither an SSH login nor\n" +
			"an SSHSIG signature (ssh-keygen -Y) was rejected. No PIN was used.\n" +
			"The same key logs in to public services, so the agent signs nothing that could\n" +
			"have another meaning there.",
	}
	textSSHDataNext = Text{
		JA: "ssh-add -T や、sudoなどのPAMモジュールは、そのようなデータへの署名を求める\n" +
			"ため、使えません。鍵を試すときは、SSHでログインするか、次のとおりに実行して\n" +
			"ください:\n" +
			"  ssh-keygen -Y sign -n test -f card.pub FILE",
		EN: "ssh-add -T and PAM modules (for sudo, for example) request such signatures and\n" +
			"do not work with this agent. To test the key, log in with SSH or run:\n" +
			"  ssh-keygen -Y sign -n test -f card.pub FILE",
	}
	textSSHForwarded = Text{
		JA: "別のコンピューターに転送されたエージェント（ssh -A）から、\n" +
			"カードの鍵を求められましたが、拒否しました。暗証番号は使っていません。",
		EN: "A request for the card's key from another computer, to which this\n" +
			"agent is forwarded (ssh -A), was rejected. No PIN was used.",
	}
	textSSHForwardedNext = Text{
		JA: "別のサーバーを経由するときは、このパソコンで次のとおりに実行してください:\n" +
			"  ssh -J 経由するサーバー 接続先",
		EN: "To connect through another server, run this on your own computer:\n" +
			"  ssh -J JUMP-HOST DESTINATION",
	}
	textSSHSession = Text{
		JA: "SSHのプログラムが伝えた接続と一致しないログインを求められましたが、\n" +
			"拒否しました。暗証番号は使っていません。",
		EN: "A client's request for a login that does not match the SSH\n" +
			"connection that it announced was rejected. No PIN was used.",
	}
	textSSHSessionNext = Text{
		JA: "もう一度接続してください。担当者の方へ: 繰り返すときは、要求したプログラムを\n" +
			"確かめてください。",
		EN: "Connect again. For staff: if this happens again, check the program that asked.",
	}
	textSSHIdleClosed = Text{
		JA: "ソケットへの接続が多すぎます（64本まで）。\n使われていない時間が長い接続から閉じています。",
		EN: "There are too many connections to the socket (more than 64).\nThe connections that have been idle longest are closed.",
	}
	textSSHAllBusy = Text{
		JA: "ソケットへの接続が多すぎます（64本まで）。\nすべての接続で要求を処理しているため、新しい接続を拒否しています。",
		EN: "There are too many connections to the socket (more than 64).\nAll have a request in progress, so new connections are rejected.",
	}
	textSSHClientsNext = Text{
		JA: "担当者の方へ: 接続を閉じないプログラムがないか、確かめてください。\n" +
			"このお知らせは1回だけ表示します。",
		EN: "For staff: look for a program that does not close its connections.\n" +
			"This message is shown only once.",
	}
	textSSHOtherKey = Text{
		JA: "このカードのものではない鍵での署名を求められましたが、拒否しました。\n暗証番号は使っていません。",
		EN: "A client's request to sign with a key of another card was rejected.\nNo PIN was used.",
	}
	textSSHOtherKeyNext = Text{
		JA: "使うカードをカードリーダーにセットして、もう一度接続してください。",
		EN: "Place the card that you want to use on the reader and connect again.",
	}
	textSSHOtherUser = Text{
		JA: "このパソコンの別のユーザーからの接続を拒否しました。",
		EN: "A connection from another user of this computer was rejected.",
	}
	textSSHOtherUserNext = Text{
		JA: "担当者の方へ: sudo で実行したプログラムからは使えません。",
		EN: "For staff: programs that run under sudo can't use this agent.",
	}
)

// textSSHRequest returns, for each kind of request, what the client wants.
func textSSHRequest() map[sshagent.Kind]Text {
	return map[sshagent.Kind]Text{
		sshagent.ShowKey: {
			JA: "SSHのプログラムが、カードの鍵を調べようとしています。",
			EN: "An SSH client wants to see the card's key.",
		},
		sshagent.Login: {
			JA: "SSHのプログラムが、カードの鍵でログインしようとしています。",
			EN: "An SSH client wants to log in with the card's key.",
		},
		sshagent.Signature: {
			JA: "SSHのプログラムが、カードの鍵でデータに署名しようとしています（SSHSIG）。",
			EN: "An SSH client wants to sign data with the card's key (SSHSIG).",
		},
	}
}
