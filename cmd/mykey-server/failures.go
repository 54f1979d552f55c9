package main

import (
	"errors"

	"github.com/mykeykit/mykeykit/cmd/mykey-server/internal/pki"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// Codes that only this command uses.
const (
	codeInitialized message.Code = "INITIALIZED"
	codeFolder      message.Code = "SERVER_FOLDER"
	codeCertificate message.Code = "CERTIFICATE_FILE"
	codeLifetime    message.Code = "CERTIFICATE_LIFETIME"
	codeHost        message.Code = "HOST_NAME"
	codeName        message.Code = "TERMINAL_NAME"
	codeEnrolled    message.Code = "TERMINAL_ENROLLED"
	codeRevoked     message.Code = "TERMINAL_REVOKED"
	codeUnknown     message.Code = "TERMINAL_UNKNOWN"
	codeListen      message.Code = "LISTEN"
	codeURL         message.Code = "DATABASE_URL"
	codeSchema      message.Code = "DATABASE_SCHEMA"
	codeTaken       message.Code = "SERVER_NAME_TAKEN"
	codeNameUsed    message.Code = "SERVER_NAME_USED"
	codeInUse       message.Code = "DATABASE_IN_USE"
	codeBackup      message.Code = "BACKUP_INVALID"
)

// exits returns the exit codes for wrong usage and tampering, in addition to those that all
// commands share.
func exits() map[message.Code]int {
	codes := registrycli.Exits()
	for _, code := range []message.Code{codeFolder, codeCertificate, codeLifetime, codeHost, codeName, codeURL, codeListen, codeBackup, codeNameUsed, "CLERK_CODE"} {
		codes[code] = cli.ExitUsage
	}
	return codes
}

var (
	textNoHost          = Text{JA: "--name で、サーバーのDNS名かIPアドレスを指定してください。", EN: "Give the server's DNS name or IP address with --name."}
	textInitialized     = Text{JA: "このフォルダーには、すでに鍵があります。何も書き込んでいません。", EN: "The folder already has keys. Nothing was written."}
	textInitializedNext = Text{
		JA: "別のサーバーには、別のフォルダーを指定してください。\nサーバーの証明書の更新には、mykey-server renew-certificate を使います。",
		EN: "Use another folder for another server. To renew the server's certificate, use\nmykey-server renew-certificate.",
	}
	textBundleExists     = Text{JA: "そのファイルはすでにあります。何も変更していません。", EN: "The file already exists. Nothing was changed."}
	textBundleExistsNext = Text{JA: "--out で別のファイル名を指定してください。", EN: "Give another name with --out."}
	textListen           = Text{JA: "そのアドレスで接続を受け付けられません。", EN: "The server can't listen on this address."}
	textListenNext       = Text{JA: "--listen と --operator-listen を確かめてください。ほかのプログラムが\n使っていることもあります。", EN: "Check --listen and --operator-listen. Another program may use the address."}
)

// certificateFailure adds the message for an unusable file of a certificate.
func certificateFailure(err error) error {
	return cli.Because(err, codeCertificate,
		Text{JA: "証明書のファイルを使えません。理由は下の行にあります。", EN: "A certificate file can't be used. The line below says why."},
		Text{JA: "--folder か、--client-ca、--certificate、--key を確かめてください。", EN: "Check --folder, or --client-ca, --certificate and --key."})
}

// own are the messages for errors of this command.
var own = []struct {
	err     error
	message message.Message
}{
	{pki.ErrFolder, operator(codeFolder,
		Text{JA: "フォルダーに、サーバーの鍵がありません。", EN: "The folder has no keys of a server."},
		Text{JA: "--folder を確かめてください。はじめてのときは、mykey-server init で作ります。", EN: "Check --folder. The first time, make the keys with mykey-server init."})},
	{fleettls.ErrCA, operator(codeCertificate,
		Text{JA: "認証局の証明書と秘密鍵を使えません。", EN: "The CA's certificate and private key can't be used."},
		Text{JA: "フォルダーの ca.pem と ca.key を、保管したコピーから戻してください。", EN: "Restore ca.pem and ca.key in the folder from a copy."})},
	{fleettls.ErrServerCertificate, operator(codeCertificate,
		Text{JA: "サーバーの証明書と秘密鍵を使えません。", EN: "The server's certificate and private key can't be used."},
		Text{JA: "mykey-server renew-certificate で、--name も指定して作り直してください。", EN: "Make them again with mykey-server renew-certificate, with --name."})},
	{fleettls.ErrLifetime, operator(codeLifetime,
		Text{JA: "証明書の期間が1日より短いか、認証局の証明書の期限を過ぎます。", EN: "The certificate would be valid for less than a day or\nlonger than the CA's."},
		Text{JA: "--days と、認証局の証明書の期限を確かめてください。", EN: "Check --days and the expiry of the CA certificate."})},
	{fleettls.ErrHost, operator(codeHost,
		Text{JA: "サーバーの名前は、DNS名かIPアドレスで指定してください。", EN: "A server's name is a DNS name or an IP address."},
		Text{JA: "ポート番号、https://、* は付けません。例: --name server.example", EN: "Give neither a port, https:// nor *. Example: --name server.example"})},
	{fleettls.ErrIdentity, operator(codeCertificate,
		Text{JA: "証明書は、この名前の端末や担当者のものではありません。", EN: "The certificate does not name this terminal or clerk."},
		Text{JA: "証明書に必要な項目は、mykey-server help enroll にあります。", EN: "See mykey-server help enroll for what a certificate must have."})},
	{fleettls.ErrName, nameMessage},
	{registry.ErrTerminal, nameMessage},
	{registry.ErrClerk, operator("CLERK_CODE",
		Text{JA: "担当者の名前は、32文字までの英数字、点、ハイフン、下線です。", EN: "A clerk's name is 1 to 32 letters, digits, dots, hyphens and\nunderscores."},
		Text{JA: "氏名ではなく、番号などを指定してください。例: c-7", EN: "Use a number or a code, not a person's name. Example: c-7"})},
	{registry.ErrUnavailable, operator(registrycli.CodeDatabase,
		Text{JA: "台帳のデータベースに接続できません。", EN: "The registry database is not reachable."},
		Text{
			JA: "台帳のURL（--registry）、サーバー、ディスクを確かめてください。はじめての\nときは、mykey-server migrate で作ります。",
			EN: "Check the registry URL (--registry), the server and the disk. The first time,\ncreate the registry with mykey-server migrate.",
		})},
	{registry.ErrEnrollmentConflict, operator(codeEnrolled,
		Text{JA: "この名前か鍵は、すでに使われています。何も変更していません。", EN: "The name or the key is already in use. Nothing was changed."},
		Text{
			JA: "別の名前と、新しい鍵にしてください。登録された名前は、\nmykey-server status で確かめられます。",
			EN: "Use another name and a new key. See mykey-server status.",
		})},
	{registry.ErrRevoked, operator(codeRevoked,
		Text{JA: "この名前は、失効しています。何も変更していません。", EN: "This name was revoked. Nothing was changed."},
		Text{JA: "別の名前を指定してください。失効は取り消せません。", EN: "Use another name. A revocation can't be undone."})},
	{registry.ErrNotEnrolled, operator(codeUnknown,
		Text{JA: "この名前の端末や担当者は、登録されていません。", EN: "No terminal or clerk with this name is enrolled."},
		Text{JA: "名前と --campaign を、mykey-server status で確かめてください。", EN: "Check the name and --campaign with mykey-server status."})},
	{registry.ErrURL, operator(codeURL,
		Text{JA: "台帳のURLに誤りがあります。", EN: "The registry URL is not valid."},
		Text{JA: "sqlite:ファイル か postgres://… を、--registry で指定してください。", EN: "Give sqlite:FILE or postgres://… with --registry."})},
	{registry.ErrSchema, operator(codeSchema,
		Text{JA: "台帳の表が、このバージョンのものではありません。何も変更していません。", EN: "The registry's tables are of another version. Nothing was changed."},
		Text{
			JA: "すべてのサーバーを同じバージョンにしてください。表は\nmykey-server migrate で更新します。",
			EN: "Install the same version on all servers. Update the tables with\nmykey-server migrate.",
		})},
	{registry.ErrTerminalTaken, operator(codeTaken,
		Text{JA: "ほかのプログラムが、この鍵を使っています。何も変更していません。", EN: "Another program is using this key. Nothing was changed."},
		Text{
			JA: "サーバーごとに、mykey-server init --from で別のフォルダーを作ってください。\n同じ窓口のコマンドは、1つずつ実行してください。\n強制終了の直後なら、15秒ほど待って、もう一度実行してください。",
			EN: "Make a folder for each server with mykey-server init --from, and run one command\nof a desk at a time. After a crash, wait 15 seconds and run the command again.",
		})},
	{registry.ErrOtherKey, operator(codeNameUsed,
		Text{JA: "このサーバーか窓口の名前は、別の鍵で使われています。", EN: "The name of this server or its desk belongs to another key."},
		Text{
			JA: "同じ名前の端末を登録したか、サーバーの鍵を作り直しています。元の鍵をコピー\nから戻すか、mykey-server init --from で、別の名前（--server）のフォルダーを\n作ってください。",
			EN: "A terminal was enrolled under this name, or the server's keys were made again.\nRestore the earlier keys from a copy, or make a folder with another name with\nmykey-server init --from --server.",
		})},
	{registry.ErrInUse, operator(codeInUse,
		Text{JA: "動作中のプログラムが、台帳を使っています。何も変更していません。", EN: "A running program is using the registry. Nothing was changed."},
		Text{
			JA: "サーバーを停止してから（systemctl stop mykey-server）、もう一度実行して\nください。",
			EN: "Stop the server (systemctl stop mykey-server) and run the command again.",
		})},
	{registry.ErrBackup, operator(codeBackup,
		Text{JA: "台帳の完全なバックアップではありません。何も変更していません。", EN: "This is not a complete backup of a registry. Nothing was changed."},
		Text{JA: "mykey-server backup で作ったファイルを指定してください。", EN: "Give a file that mykey-server backup made."})},
	{registry.ErrAudit, operator(registrycli.CodeAudit,
		Text{JA: "監査記録か台帳が書き換えられています。", EN: "The audit log or the registry was altered."},
		Text{
			JA: "--keys に、すべてのサーバーと窓口の公開鍵があるかを確かめてください。\nあるときは、データベースをそのまま保全し、保管したヘッド\n（監査記録の末尾の値）と比べてください。\n復元した後は、復元した直後の出力を --heads で指定してください。",
			EN: "Check that --keys lists the public keys of all servers and desks. If it does,\npreserve the database and compare it with the saved heads.\nAfter a restore, give the output of the first audit after it with --heads.",
		})},
}

var nameMessage = operator(codeName,
	Text{JA: "名前に使える文字は、英数字、点、ハイフン、下線です（64文字まで）。", EN: "A name is 1 to 64 letters, digits, dots, hyphens and underscores."},
	Text{JA: "例: counter-1", EN: "Example: counter-1"})

func operator(code message.Code, what, next Text) message.Message {
	return message.Message{Code: code, Group: message.Operator, Attempt: message.AttemptNone, What: what, Next: next}
}

// messageOf returns the message for an error.
func messageOf(err error) message.Message {
	for _, m := range own {
		if errors.Is(err, m.err) {
			return m.message
		}
	}
	if m, ok := registrycli.MessageOf(err); ok {
		return m
	}
	m := message.For(err)
	if file, ok := registrycli.FileMessage(err); ok && m.Code == message.Failed {
		return file
	}
	return m
}
