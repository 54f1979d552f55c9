package main

// Texts of the command, except error messages.

var (
	textRootShort = Text{JA: "端末のためのサーバーです", EN: "A server for terminals"}
	textRootLong  = Text{
		JA: `マイナンバーカードで8文字のIDを作る端末のためのサーバーです。
名前空間の鍵と台帳は、このサーバーだけが持ちます。端末は、このコマンドが発行した
クライアント証明書で接続します。`,
		EN: `A server for terminals that make 8-character IDs with My Number Cards. Only the
server holds the namespace key and the registry. Terminals connect with client
certificates that this command issues.`,
	}

	textInit     = Text{JA: "サーバーの鍵と証明書を作ります", EN: "Make the keys and certificates of a server"}
	textInitLong = Text{
		JA: `認証局、サーバーの証明書（13か月）、名前空間の鍵、台帳の鍵、監査記録に署名する
鍵を DIR/keys に作ります。すでにあるときは、何も書き込みません。途中で強制終了
しても、一部だけが残ることはありません。

同じ台帳を使う2台目からは、--from に1台目のフォルダーを指定します。
DIR/keys のコピーを、安全な場所に保管してください。名前空間の鍵をなくすと、
同じIDを作れなくなります。`,
		EN: `Make a CA, the server's certificate (13 months), the namespace key, the registry
key and the key that signs audit records, in DIR/keys. The command overwrites
nothing, and makes all files or none, even if it is killed.

For a further server with the same registry, give the first server's folder
with --from. Keep a copy of DIR/keys in a safe place: without the namespace key,
the same identifiers can't be derived again.`,
	}
	textMade = Text{
		JA: "サーバーの鍵と証明書を作りました: %s\n名前空間の鍵のID: %s\n台帳の鍵のID: %s\n監査記録に署名する名前: %s\n鍵のコピーを、安全な場所に保管してください。\n",
		EN: "Keys and certificates of the server: %s\nID of the namespace key: %s\nID of the registry key: %s\nName that signs audit records: %s\nKeep a copy of the keys in a safe place.\n",
	}
	textRenew     = Text{JA: "サーバーの証明書を更新します", EN: "Renew the server's certificate"}
	textRenewLong = Text{
		JA: `サーバーの証明書と、その鍵を新しくします（13か月）。動いているサーバーは、次の
接続から新しい証明書を使います。再起動は必要ありません。`,
		EN: `Replace the server's certificate and its key (13 months). A running server uses
the new ones for its next connections, without a restart.`,
	}
	textRenewed = Text{JA: "サーバーの証明書を更新しました: %s（%s まで）\n", EN: "The server's certificate was renewed: %s (until %s)\n"}

	textMigrate     = Text{JA: "台帳の表を作成または更新し、鍵の世代を登録します", EN: "Create or update the tables and register the keys"}
	textMigrateLong = Text{
		JA: `台帳の表を作成するか、このバージョンに更新し、鍵の世代を登録します。はじめての
ときと、新しいバージョンを起動する前に実行してください。PostgreSQLでは、表の
所有者のロールで実行し、サーバーを --no-migrate で起動します。`,
		EN: `Create the registry's tables or update them to this version, and register the
key generations. Run the command the first time and before you start a new
version. With PostgreSQL, run it as the role that owns the tables, and start
servers with --no-migrate.`,
	}
	textCreated  = Text{JA: "新しい台帳を作りました:\n%s\n", EN: "A new registry was created:\n%s\n"}
	textMigrated = Text{JA: "台帳を、このバージョンと鍵で使えるようにしました。\n", EN: "The registry is ready for this version and these keys.\n"}

	textEnroll     = Text{JA: "端末または担当者を登録し、接続に使うファイルを作ります", EN: "Enroll a terminal or a clerk and make its bundle"}
	textEnrollLong = Text{
		JA: `端末または担当者を登録し、接続に使うファイル（秘密鍵、証明書、認証局の証明書）を
作ります。このファイルを、その端末だけに置いてください。途中で止まったときは、
同じコマンドをもう一度実行すると、続きを行います。

ほかの認証局の証明書を使うときは、--certificate で指定します。証明書のURI（SAN）
は mykeykit:terminal:NAME または mykeykit:clerk:NAME、コモンネームは NAME、鍵は
Ed25519 です。更新した証明書も、同じ方法で登録します。

一度使った名前は、ほかの鍵では使えません。失効させた名前は、もう使えません。`,
		EN: `Enroll a terminal or a clerk, and write the bundle with which it connects: its
private key, its certificate and the CA certificate. Install the bundle only on
that terminal. If the command was interrupted, run the same command again.

To enroll a certificate of another CA, give it with --certificate. It must have
the URI (SAN) mykeykit:terminal:NAME or mykeykit:clerk:NAME, the common name
NAME and an Ed25519 key. Enroll renewed certificates in the same way.

A name can't be used with another key later, and a revoked name not at all.`,
	}
	textEnrolled = Text{
		JA: "%s を登録しました。\n接続に使うファイル: %s（%s まで）\nこのファイルは、その端末だけに置いてください。\n",
		EN: "%s was enrolled.\nBundle: %s (until %s)\nInstall the bundle only on that terminal.\n",
	}
	textCertificateEnrolled = Text{JA: "%s を登録しました: %s（%s まで）\n", EN: "%s was enrolled: %s (until %s)\n"}
	textRevoke              = Text{JA: "端末または担当者を失効させます", EN: "Revoke a terminal or a clerk"}
	textRevokeLong          = Text{
		JA: `端末または担当者を失効させます。サーバーは、数秒以内に受け付けなくなります。
取り消すことはできません。その端末を再び使うときは、別の名前で登録してください。`,
		EN: `Revoke a terminal or a clerk. Servers reject its requests within a few seconds.
This can't be undone: to use the terminal again, enroll it under another name.`,
	}
	textRevoked = Text{JA: "%s を失効させました。サーバーは、数秒以内に受け付けなくなります。\n", EN: "%s was revoked. Servers reject its requests within a few seconds.\n"}

	textStatus     = Text{JA: "端末と担当者の一覧を表示します", EN: "List the terminals and clerks"}
	textStatusLong = Text{
		JA: `登録した端末と担当者、証明書の期限、最後の接続とその日の利用件数、プログラムの
バージョンを表示します。日時は日本時間（JST）です。`,
		EN: `List the enrolled terminals and clerks with the expiry of their certificates,
when they were last seen, the visits on that day, and the versions of their
programs. Times are in Japan's time zone (JST).`,
	}
	textNoTerminals   = Text{JA: "登録した端末は、まだありません。\n", EN: "No terminal is enrolled yet.\n"}
	textColumnName    = Text{JA: "名前", EN: "Name"}
	textColumnState   = Text{JA: "状態", EN: "State"}
	textColumnUntil   = Text{JA: "期限", EN: "Until"}
	textColumnSeen    = Text{JA: "最後の接続 (JST)", EN: "Last seen (JST)"}
	textColumnVisits  = Text{JA: "利用", EN: "Visits"}
	textColumnVersion = Text{JA: "バージョン", EN: "Version"}
	textNever         = Text{JA: "なし", EN: "never"}
	textIsClerk       = Text{JA: "（担当者）", EN: " (clerk)"}
	textStates        = map[string]Text{
		"enrolled": {JA: "有効", EN: "enrolled"},
		"expiring": {JA: "まもなく期限切れ", EN: "expires soon"},
		"expired":  {JA: "期限切れ", EN: "expired"},
		"revoked":  {JA: "失効", EN: "revoked"},
	}

	textServe     = Text{JA: "サーバーを起動します", EN: "Run the server"}
	textServeLong = Text{
		JA: `端末からの要求を受け付けます（TLS 1.3、クライアント証明書が必要です）。
運営者用のアドレスでは、/healthz、/readyz、/metrics（Prometheus）を提供します。
ログはJSONで標準エラーに書き、個人情報を含みません。

ほかの認証局の証明書を使うときは、--client-ca、--certificate、--key を
指定します。サーバーの証明書のファイルを置き換えると、次の接続から使います。`,
		EN: `Serve the requests of terminals (TLS 1.3, with client certificates). The
operator's address serves /healthz, /readyz and /metrics (Prometheus). The log
is JSON on standard error and contains no personal data.

To use certificates of another CA, give --client-ca, --certificate and --key. If
the files of the server's certificate are replaced, the next connections use the
new certificate.`,
	}

	textAudit     = Text{JA: "監査記録を検証し、ヘッド（末尾の値）を表示します", EN: "Verify the audit log and print its heads"}
	textAuditLong = Text{
		JA: `監査記録と台帳を検証し、ヘッド（監査記録の末尾の値）を表示します。この出力を、
データベースの管理者が書き込めない場所に保管し、次回に --heads で指定します。
末尾の記録が削除されたことは、保管したヘッドがなければ検出できません。
サーバーが2台以上のときは、すべてのサーバーの server.public と desk.public の
行を並べたファイルを、--keys で指定します。書き換えを検出すると、終了コードは
9です。`,
		EN: `Verify the audit log and the registry, and print the heads of the log: the
number and the hash of the last record of each chain. Keep this output where the
database administrator can't write, and pass it to the next audit with --heads.
Without it, records removed from the end are not detected.
If there are several servers, give a file with the lines of all server.public
and desk.public files with --keys. The exit code is 9 if anything was altered.`,
	}

	textFlagLang              = Text{JA: "表示の言語（`LANGUAGE`: ja, en）", EN: "`LANGUAGE` of messages (ja, en)"}
	textFlagJSON              = Text{JA: "JSONで出力します", EN: "write JSON"}
	textFlagFolder            = Text{JA: "サーバーのフォルダー（`DIR`、既定値: .）", EN: "`DIR` of the server (default: .)"}
	textFlagName              = Text{JA: "サーバーのDNS名またはIPアドレス（`HOST`）。複数可", EN: "DNS name or IP address (`HOST`); repeatable"}
	textFlagNewName           = Text{JA: "新しいDNS名またはIPアドレス（`HOST`）。複数可", EN: "new DNS name or IP address (`HOST`); repeatable"}
	textFlagServer            = Text{JA: "監査記録に署名する`NAME`（既定値: 最初の --name）", EN: "`NAME` in audit records (default: first --name)"}
	textFlagFrom              = Text{JA: "同じ台帳を使うサーバーのフォルダー（`DIR`）", EN: "`DIR` of a server with the same registry"}
	textFlagRegistry          = Text{JA: "台帳の`URL`（既定値: sqlite:registry.db）", EN: "registry `URL` (default: sqlite:registry.db)"}
	textFlagCampaign          = Text{JA: "事業設定ファイル（`FILE`）", EN: "campaign `FILE` (TOML)"}
	textFlagOut               = Text{JA: "作るファイル（`FILE`、既定値: NAME.pem）", EN: "`FILE` to write (default: NAME.pem)"}
	textFlagEnrollCertificate = Text{JA: "登録する、ほかの認証局の証明書（`FILE`）", EN: "certificate `FILE` of another CA to enroll"}
	textFlagClerk             = Text{JA: "端末ではなく、担当者を登録します", EN: "enroll a clerk, not a terminal"}
	textFlagDeskKey           = Text{JA: "署名する鍵ファイル（`FILE`、既定値: desk.key）", EN: "key `FILE` of the desk (default: desk.key)"}
	textFlagDays              = Text{JA: "証明書の有効日数（`N`、既定値: 396）", EN: "the certificate is valid for `N` days (default: 396)"}
	textFlagListen            = Text{JA: "端末が接続する`ADDRESS`（既定値: :8443）", EN: "`ADDRESS` for terminals (default: :8443)"}
	textFlagOperatorListen    = Text{JA: "運営者用の`ADDRESS`（既定値: 127.0.0.1:9443）", EN: "operator's `ADDRESS` (default: 127.0.0.1:9443)"}
	textFlagOperatorKey       = Text{JA: "運営者の公開鍵ファイル（`FILE`）", EN: "public key `FILE` of the operator"}
	textFlagClientCA          = Text{JA: "端末の証明書を発行した認証局の証明書（`FILE`）", EN: "CA certificate `FILE` for terminals"}
	textFlagCertificate       = Text{JA: "サーバーの証明書（`FILE`）", EN: "certificate `FILE` of the server"}
	textFlagKey               = Text{JA: "サーバーの証明書の秘密鍵（`FILE`）", EN: "private key `FILE` of the certificate"}
	textFlagNamespaceKey      = Text{JA: "名前空間の鍵ファイル（`FILE`）", EN: "namespace key `FILE`"}
	textFlagRegistryKey       = Text{JA: "台帳の鍵ファイル（`FILE`）", EN: "registry key `FILE`"}
	textFlagGeneration        = Text{JA: "鍵の世代の番号（`N`、既定値: 1）", EN: "number `N` of the key generation (default: 1)"}
	textFlagOtherKeys         = Text{JA: "`N=A,B`: 世代、名前空間の鍵、台帳の鍵。複数可", EN: "`N=A,B`: generation, namespace key, registry key"}
	textFlagCACertificate     = Text{JA: "カードについて信頼する認証局の証明書（`FILE`）", EN: "CA certificate `FILE` to trust for cards"}
	textFlagSimulate          = Text{JA: "模擬カードだけを受け付けます（動作を試すとき）", EN: "accept simulated cards only (demonstrations)"}
	textFlagNoMigrate         = Text{JA: "台帳の表を作成・更新しません", EN: "don't create or update the registry's tables"}
	textFlagKeys              = Text{JA: "すべてのサーバーと窓口の公開鍵（`FILE`）", EN: "public keys `FILE` of all servers and desks"}
	textFlagHeads             = Text{JA: "保管した audit の出力（`FILE`）", EN: "saved output `FILE` of an earlier audit"}
)
