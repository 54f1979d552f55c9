package main

import "github.com/mykeykit/mykeykit/internal/sshagent"

// What ssh-key and ssh-agent say.
var (
	textSSHKeyShort   = Text{JA: "カードの鍵を、SSHの公開鍵として表示します", EN: "Show the card's key as a line for authorized_keys"}
	textSSHAgentShort = Text{JA: "カードの鍵でSSHにログインできるようにします（暗証番号を使います）", EN: "Serve the card's key to SSH clients (asks for the PIN)"}

	textSSHKeyLong = Text{
		JA: `カードの鍵（利用者証明用電子証明書の公開鍵）を、SSHサーバーの authorized_keys に
書く形で表示します。暗証番号は使いません。

名前や番号は含みませんが、カードごとに違う鍵です。個人情報として扱ってください。
電子証明書を更新すると、鍵も変わります。前の鍵は、authorized_keys から消して
ください。`,
		EN: `Show the card's key (that of its user-authentication certificate) in the form
of authorized_keys, for an SSH server. No PIN is used.

It holds no name and no number, but is the key of one person's card: treat it as
personal data. A renewed certificate has another key; remove the old one from
authorized_keys then.`,
	}
	textSSHAgentLong = Text{
		JA: `SSHのプログラム（ssh、git など）に、カードの鍵を使わせます。止めるまで動きます。
プログラムは、環境変数 SSH_AUTH_SOCK に書かれたソケットで鍵を見つけます。

暗証番号は、署名のたびに、何のための署名か、どのプログラムからかを示して、この
端末で尋ねます。端末がなければ SSH_ASKPASS のプログラムで尋ねます。--idle を
付けると、1回の入力の後、使わない時間がその長さになるまで（最長10分）、カードを
占有して尋ねません。その間の署名は、1件ずつ標準エラー出力に示します。暗証番号は
保存しません。

署名は rsa-sha2-256 と rsa-sha2-512 だけです。ログインと ssh-keygen -Y の署名の
ほかには署名しません（ssh-add -T はほかのデータに署名させるため、失敗します）。
鍵の追加や削除と、転送されたエージェント（ssh -A）からの要求は、拒否します。`,
		EN: `Let SSH clients (ssh, git and others) use the card's key, until interrupted.
They find it by the socket that SSH_AUTH_SOCK names.

The PIN is asked for at this terminal for each signature, or, where there is
none, by the program of SSH_ASKPASS; the prompt says what for, and by which
program. With --idle one PIN is enough until the key was not used for that
time, for 10 minutes at most; meanwhile no other program can use the card, and
each signature is reported on standard error. The PIN is not kept.

It signs with rsa-sha2-256 and rsa-sha2-512, logins and what ssh-keygen -Y
signs and nothing else: ssh-add -T, which has other data signed, fails. It
refuses requests of a forwarded agent (ssh -A), and to add or remove keys.`,
	}
	textFlagSocket = Text{JA: "ソケットの場所（`PATH`）。フォルダーは自分だけのもの", EN: "`PATH` of the socket, in a folder that is yours alone"}
	textFlagIdle   = Text{JA: "暗証番号を再び尋ねるまでの時間（`DURATION`、10mまで）", EN: "ask for the PIN after an unused `DURATION` (at most 10m)"}

	textIdleTooLong = Text{
		JA: "--idle に指定できるのは、10分（10m）までです。",
		EN: "The longest time for --idle is 10 minutes (10m).",
	}

	textSSHAgentServes = Text{
		JA: "カードの鍵をSSHで使えます。止めるには Ctrl-C を押してください。\n" +
			"使うには、別の端末で次のとおりに入力してください:\n  export SSH_AUTH_SOCK=%s\n",
		EN: "SSH clients can use the card's key now. Press Ctrl-C to end it.\n" +
			"To use it, enter this in another terminal:\n  export SSH_AUTH_SOCK=%s\n",
	}
	textSSHNotYou = Text{
		JA: "心当たりがないときは、何も入力せずにEnterを押してください。",
		EN: "If you did not start this, press Enter alone.",
	}
	textSSHUser      = Text{JA: "  ユーザー名: %s", EN: "  User name:  %s"}
	textSSHNamespace = Text{JA: "  用途:       %s", EN: "  Namespace:  %s"}
	textSSHAskedBy   = Text{JA: "  要求元:     %s", EN: "  Asked by:   %s"}
	textSSHProcess   = Text{JA: "プロセス %d、%s", EN: "process %d, %s"}
	textSSHUnknown   = Text{JA: "不明", EN: "unknown"}
	textSSHSigned    = Text{
		JA: "暗証番号を再び尋ねずに、カードの鍵で署名しました。",
		EN: "Signed with the card's key, without asking for the PIN again.",
	}
	textAskOver = Text{
		JA: "暗証番号は、もう必要ありません。入力しないでください。",
		EN: "The PIN is not needed any more. Do not enter it.",
	}
	textNotGiven = Text{
		JA: "暗証番号が入力されませんでした。カードには送っていません。",
		EN: "No PIN was entered, and none was sent to the card.",
	}
	textNotGivenNext = Text{
		JA: "続けるときは、SSHの接続をもう一度行ってください。",
		EN: "To go on, connect with SSH again.",
	}
	textNoAskpassNext = Text{
		JA: "担当者の方へ: ssh-agent を端末の前面で実行するか、SSH_ASKPASS に暗証番号を\n" +
			"尋ねるプログラムを指定してください。\n" +
			"（画面がないときは SSH_ASKPASS_REQUIRE=force）。",
		EN: "For staff: run ssh-agent in the foreground of a terminal, or name a program\n" +
			"that asks in SSH_ASKPASS (without a display: SSH_ASKPASS_REQUIRE=force).",
	}
	textSSHKeyNeedsPIN = Text{
		JA: "このスマートフォンの鍵は、暗証番号を確認するまで読み取れません。\n暗証番号は送っていません。",
		EN: "This phone shows its key only after the PIN. No PIN was sent.",
	}
	textSSHKeyNeedsPINNext = Text{
		JA: "担当者の方へ: ssh-agent を動かし、ssh-add -L を実行すると、鍵を表示できます。",
		EN: "For staff: run ssh-agent; ssh-add -L then shows the key.",
	}

	textSocketMissing = Text{
		JA: "--socket で、ソケットの場所を指定してください。",
		EN: "Give the socket's path with --socket.",
	}
	textNoSocket         = Text{JA: "ソケットを作れません。カードには何も送っていません。", EN: "The socket could not be made. Nothing was sent to the card."}
	textNoSocketNext     = Text{JA: "--socket の場所を確かめてください（100バイトまで）。", EN: "Check the path of --socket (at most about 100 bytes)."}
	textUnsafeFolder     = Text{JA: "ソケットのフォルダーが、自分だけのものではありません。", EN: "The socket's folder is not yours alone."}
	textUnsafeFolderNext = Text{
		JA: "ほかの人が使えないフォルダー（モード0700）を指定してください。\nないフォルダーを指定すると、作ります（例: ~/.card-info/socket）。",
		EN: "Choose one that nobody else can use (mode 0700). One that does not exist is\nmade, as in ~/.card-info/socket.",
	}
	textSocketTaken     = Text{JA: "その場所はすでに使われています。", EN: "Something is there already, and was left as it is."}
	textSocketTakenNext = Text{
		JA: "動いている ssh-agent を止めるか、別の場所を指定してください。",
		EN: "End the ssh-agent that runs there, or choose another path.",
	}
	textNoSocketsHere     = Text{JA: "ssh-agent は、このOSでは使えません。", EN: "ssh-agent does not work on this operating system."}
	textNoSocketsHereNext = Text{JA: "LinuxかmacOSで使えます。", EN: "It does on Linux and macOS."}

	textSSHCardGone = Text{
		JA: "カードが取り外されたため、署名しませんでした。",
		EN: "The card was taken out, so nothing was signed.",
	}
	textSSHReadOnly = Text{
		JA: "鍵の追加、削除、ロックなどを求められましたが、断りました。",
		EN: "A client asked to add, remove or lock keys. That was refused.",
	}
	textSSHReadOnlyNext = Text{
		JA: "この ssh-agent が扱うのは、カードの鍵だけです。",
		EN: "This agent serves the card's key and no other.",
	}
	textSSHAlgorithm = Text{
		JA: "安全でない署名（ssh-rsa など）を求められましたが、断りました。\n暗証番号は使っていません。",
		EN: "A client asked for a signature that is not safe, as ssh-rsa.\nThat was refused. No PIN was used.",
	}
	textSSHAlgorithmNext = Text{
		JA: "担当者の方へ: rsa-sha2-256 か rsa-sha2-512 を使えるソフトウェアが必要です。",
		EN: "For staff: client and server have to use rsa-sha2-256 or rsa-sha2-512.",
	}
	textSSHData = Text{
		JA: "SSHのログインでも、ssh-keygen -Y の署名（SSHSIG）でもない\n" +
			"データへの署名を求められましたが、拒否しました。暗証番号は使っていません。\n" +
			"この鍵は行政サービスのログインにも使うため、ほかの意味を持つおそれのある\n" +
			"データには署名しません。",
		EN: "A client asked to sign data that is neither an SSH login nor an\n" +
			"SSHSIG signature (ssh-keygen -Y). That was refused. No PIN was used.\n" +
			"This key also logs in to public services, so nothing is signed that could\n" +
			"mean something else there.",
	}
	textSSHDataNext = Text{
		JA: "ssh-add -T や、sudoなどのPAMモジュールは、そのようなデータに署名させるため、\n" +
			"使えません。鍵を試すときは、SSHでログインするか、次のとおりにしてください:\n" +
			"  ssh-keygen -Y sign -n test -f card.pub FILE",
		EN: "ssh-add -T and PAM modules (as for sudo) ask for that and do not work here.\n" +
			"To try the key, log in with SSH, or use:\n" +
			"  ssh-keygen -Y sign -n test -f card.pub FILE",
	}
	textSSHForwarded = Text{
		JA: "別のコンピューターに転送されたエージェント（ssh -A）から、\n" +
			"カードの鍵を求められましたが、拒否しました。暗証番号は使っていません。",
		EN: "A client on another computer, to which this agent was forwarded\n" +
			"(ssh -A), asked for the card's key. That was refused. No PIN was used.",
	}
	textSSHForwardedNext = Text{
		JA: "別のサーバーを経由するときは、このコンピューターから次のとおりにしてください:\n" +
			"  ssh -J 経由するサーバー 接続先",
		EN: "To connect by way of another server, use this on this computer:\n" +
			"  ssh -J SERVER-BETWEEN DESTINATION",
	}
	textSSHSession = Text{
		JA: "SSHのプログラムが伝えた接続と合わないログインを求められましたが、\n" +
			"拒否しました。暗証番号は使っていません。",
		EN: "A client asked for a login that does not belong to the SSH\n" +
			"connection that it announced. That was refused. No PIN was used.",
	}
	textSSHSessionNext = Text{
		JA: "もう一度接続してください。担当者の方へ: 繰り返すときは、要求したプログラムを\n" +
			"確かめてください。",
		EN: "Connect again. For staff: if it happens again, check the program that asked.",
	}
	textSSHIdleClosed = Text{
		JA: "ソケットへの接続が多すぎます（64本まで）。\n使われていない時間の長いものから閉じています。",
		EN: "There are too many connections to the socket (more than 64).\nThose idle longest are closed to make room.",
	}
	textSSHAllBusy = Text{
		JA: "ソケットへの接続が多すぎます（64本まで）。\nすべて要求の処理中のため、新しい接続を拒否しています。",
		EN: "There are too many connections to the socket (more than 64).\nAll have a request under way, so new ones are refused.",
	}
	textSSHClientsNext = Text{
		JA: "担当者の方へ: 接続を閉じないプログラムがないか、確かめてください。\n" +
			"このお知らせは1回だけ表示します。",
		EN: "For staff: look for a program that leaves its connections open.\n" +
			"This is reported once.",
	}
	textSSHOtherKey = Text{
		JA: "このカードのものではない鍵での署名を求められましたが、断りました。\n暗証番号は使っていません。",
		EN: "A client asked for a key that is not this card's. That was refused.\nNo PIN was used.",
	}
	textSSHOtherKeyNext = Text{
		JA: "使うカードをカードリーダーにセットして、もう一度接続してください。",
		EN: "Place the card to be used on the reader and connect again.",
	}
	textSSHOtherUser = Text{
		JA: "このパソコンの別の利用者からの接続を断りました。",
		EN: "Another user of this machine connected, and was sent away.",
	}
	textSSHOtherUserNext = Text{
		JA: "担当者の方へ: sudo で実行したプログラムからは使えません。",
		EN: "For staff: programs that run with sudo cannot use this agent.",
	}
)

// textSSHWants is what a client wants of the card's key.
func textSSHWants() map[sshagent.Kind]Text {
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
