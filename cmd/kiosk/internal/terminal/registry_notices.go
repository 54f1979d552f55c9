package terminal

import (
	"github.com/mykeykit/mykeykit/internal/campaign"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

var (
	startAgain = message.Text{JA: "最初からやり直してください。", EN: "Please start again."}
	checkAgain = message.Text{JA: "もう一度お確かめください。", EN: "Please check it and try again."}
)

// registryNotices are the messages for what residents type, and for operators who start
// a kiosk or check its registry.
var registryNotices = []notice{
	{registry.ErrAccount, &message.Message{
		Code: "ACCOUNT_INVALID", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "入力された番号は、受け付けられません。", EN: "The number that you entered can't be accepted."},
		Next: message.Text{JA: "番号をお確かめのうえ、最初からやり直してください。", EN: "Please check the number, and start again."},
	}},
	{registry.ErrAccountUsed, &message.Message{
		Code: "ACCOUNT_USED", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "この番号は、別のお申し込みですでに使われています。", EN: "Another application already uses this number."},
		Next: callStaff,
	}},
	{registry.ErrRecovery, &message.Message{
		Code: "RECOVERY_CODE_WRONG", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "IDと引き継ぎコードの組み合わせが違います。", EN: "The ID and the recovery code do not match."},
		Next: checkAgain,
	}},
	{registry.ErrNotFound, &message.Message{
		Code: "ID_NOT_FOUND", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "IDが見つかりません。", EN: "This ID does not exist."},
		Next: startAgain,
	}},
	{registry.ErrWithdrawn, &message.Message{
		Code: "ID_WITHDRAWN", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "このIDは、取り消されています。", EN: "This ID was withdrawn."},
		Next: callStaff,
	}},
	{registry.ErrOperation, &message.Message{
		Code: "OPERATION_REPEATED", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "同じ手続きが、違う内容で重ねて届いたため、受け付けられません。", EN: "This request was already received with different contents, so it was rejected."},
		Next: startAgain,
	}},
	{ErrUnread, &message.Message{
		Code: "UNREAD", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "画面が変わった直後の操作は受け付けません。", EN: "The screen had just changed, so your press was ignored."},
		Next: message.Text{JA: "内容をお確かめのうえ、もう一度押してください。", EN: "Please read it, and press again."},
	}},
	{ErrStale, &message.Message{
		Code: "SCREEN_CHANGED", Group: message.Holder, Attempt: message.AttemptNone,
		What: message.Text{JA: "画面が変わったため、何もしていません。", EN: "The screen had changed, so nothing was done."},
		Next: message.Text{JA: "今の画面を見て、もう一度押してください。", EN: "Look at the screen and press again."},
	}},

	{registry.ErrClerk, &message.Message{
		Code: "CLERK_CODE", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "担当者のコードが正しくありません。", EN: "The clerk's code is not valid."},
		Next: message.Text{
			JA: "担当者の方へ: 半角の英数字、ピリオド（.）、ハイフン（-）、アンダースコア（_）\nの1から32文字にしてください。",
			EN: "For staff: use 1 to 32 letters, digits, dots, hyphens and underscores.",
		},
	}},
	{registry.ErrTerminal, &message.Message{
		Code: "TERMINAL_NAME", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "端末の名前が正しくありません。", EN: "The terminal's name is not valid."},
		Next: message.Text{
			JA: "担当者の方へ: 半角の英数字、ピリオド（.）、ハイフン（-）、アンダースコア（_）\nの1から64文字にしてください。",
			EN: "For staff: use 1 to 64 letters, digits, dots, hyphens and underscores.",
		},
	}},
	{registry.ErrOtherKey, &message.Message{
		Code: "TERMINAL_NAME_USED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この端末の名前は、別の鍵で使われています。", EN: "The name of this terminal belongs to another key."},
		Next: message.Text{
			JA: "担当者の方へ: この端末の元の鍵を使うか、別の名前の鍵を kiosk terminal-keygen で\n作ってください。",
			EN: "For staff: use the terminal's earlier key, or make a key with another name with\nkiosk terminal-keygen.",
		},
	}},
	{registry.ErrEvent, &message.Message{
		Code: "EVENT_NAME", Group: message.Programmer, Attempt: message.AttemptNone,
		What: message.Text{JA: "集計する項目の名前が正しくありません。", EN: "The name of a counted event is not valid."},
		Next: message.Text{
			JA: "担当者の方へ: 表示された内容を、このソフトウェアの提供元にお知らせください。",
			EN: "For staff: report this message to the maker of this software.",
		},
	}},
	{registry.ErrNotEnrolled, &message.Message{
		Code: "NOT_ENROLLED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この端末は、サーバーに登録されていません。", EN: "This terminal is not enrolled at the server."},
		Next: message.Text{
			JA: "担当者の方へ: サーバーでこの端末を登録してください。",
			EN: "For staff: enroll this terminal at the server.",
		},
	}},
	{registry.ErrRevoked, &message.Message{
		Code: "KEY_REVOKED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この端末の鍵は失効しています。", EN: "The key of this terminal was revoked."},
		Next: message.Text{
			JA: "担当者の方へ: この端末を使い続けるときは、新しい名前と鍵で登録してください。",
			EN: "For staff: to use this terminal again, enroll it with a new name and a new key.",
		},
	}},
	{registry.ErrEnrollmentExpired, &message.Message{
		Code: "ENROLLMENT_EXPIRED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この端末の証明書は、有効期限が切れています。", EN: "The certificate of this terminal has expired."},
		Next: message.Text{
			JA: "担当者の方へ: 同じ鍵で新しい証明書を発行し、登録してください。",
			EN: "For staff: issue a new certificate for the same key and enroll it.",
		},
	}},
	{registry.ErrEnrollmentConflict, &message.Message{
		Code: "NAME_ENROLLED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "その名前または鍵は、すでに使われています。何も変更していません。", EN: "The name or the key is already in use. Nothing was changed."},
		Next: message.Text{
			JA: "担当者の方へ: 別の名前と新しい鍵で登録してください。",
			EN: "For staff: enroll with another name and a new key.",
		},
	}},
	{registry.ErrNotClerk, &message.Message{
		Code: "NOT_CLERK", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "この手続きには、登録された担当者の確認が必要です。", EN: "This needs the confirmation of an enrolled clerk."},
		Next: message.Text{
			JA: "担当者の方へ: 確認した担当者ご本人の端末から、やり直してください。",
			EN: "For staff: repeat it from the device of the clerk who confirms it.",
		},
	}},
	{registry.ErrHeartbeat, &message.Message{
		Code: "HEARTBEAT", Group: message.Programmer, Attempt: message.AttemptNone,
		What: message.Text{JA: "端末の稼働状況の報告が正しくありません。", EN: "The terminal sent an invalid heartbeat."},
		Next: message.Text{
			JA: "担当者の方へ: 表示された内容を、このソフトウェアの提供元にお知らせください。",
			EN: "For staff: report this message to the maker of this software.",
		},
	}},
	{registry.ErrReplaced, &message.Message{
		Code: "DATABASE_REPLACED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "使用中の台帳のファイルが、削除されたか、置き換えられました。", EN: "The registry file was deleted or replaced while in use."},
		Next: message.Text{
			JA: "担当者の方へ: 端末を止め、kiosk restore でバックアップから復元してください。",
			EN: "For staff: stop the terminal, and restore a backup with kiosk restore.",
		},
	}},
	{registry.ErrInUse, &message.Message{
		Code: "DATABASE_IN_USE", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "台帳は、動作中のプログラムが使っています。何も変更していません。", EN: "A running program is using the registry. Nothing was changed."},
		Next: message.Text{
			JA: "担当者の方へ: kiosk を止めてから（systemctl stop mykeykit-kiosk）、やり直してください。",
			EN: "For staff: stop the kiosk (systemctl stop mykeykit-kiosk) and run the command again.",
		},
	}},
	{registry.ErrBackup, &message.Message{
		Code: "BACKUP_INVALID", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "そのファイルは、台帳の完全なバックアップではありません。何も変更していません。", EN: "The file is not a complete registry backup. Nothing was changed."},
		Next: message.Text{
			JA: "担当者の方へ: kiosk backup で作ったファイルを指定してください。",
			EN: "For staff: give a file that kiosk backup made.",
		},
	}},
	{registry.ErrURL, &message.Message{
		Code: "DATABASE_URL", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "台帳のURL（--registry）が正しくありません。", EN: "The registry URL (--registry) is not valid."},
		Next: message.Text{
			JA: "担当者の方へ: 「sqlite:ファイル名」または「postgres://…」と指定してください。",
			EN: "For staff: give it as sqlite:FILE or postgres://….",
		},
	}},
	{registry.ErrSchema, &message.Message{
		Code: "DATABASE_SCHEMA", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "データベースとこのプログラムのバージョンが一致しません。", EN: "The database and this program have different versions."},
		Next: message.Text{
			JA: "担当者の方へ: すべての端末に同じバージョンをインストールし、データベースを更新してください。",
			EN: "For staff: use the same version on all terminals, and migrate the database.",
		},
	}},
	{registry.ErrAudit, &message.Message{
		Code: "AUDIT_BROKEN", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "監査記録が書き換えられています。", EN: "The audit log was altered."},
		Next: message.Text{
			JA: "担当者の方へ: 端末を止め、データベースをそのまま保全し、別に保管した\nヘッド（監査記録の末尾の値）と比べてください。",
			EN: "For staff: stop the terminals, keep the database as it is, and compare it with\nthe heads kept elsewhere.",
		},
	}},
	{registry.ErrCheckpoint, &message.Message{
		Code: "CHECKPOINT_FILE", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "監査のチェックポイントを使えません。", EN: "The checkpoint of the audit can't be used."},
		Next: message.Text{
			JA: "担当者の方へ: 同じ事業と監査担当者の鍵のファイルかを確認してください。",
			EN: "For staff: check that it belongs to this campaign and auditor key.",
		},
	}},
	{registry.ErrSealed, &message.Message{
		Code: "ACCOUNT_SEALED", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "暗号化されたアカウントを復号できません。", EN: "An encrypted account can't be decrypted."},
		Next: message.Text{
			JA: "担当者の方へ: 端末に設定した公開鍵に対応する秘密鍵を指定してください。",
			EN: "For staff: give the private key that matches the public key on the terminals.",
		},
	}},
	{campaign.ErrCampaign, &message.Message{
		Code: "CAMPAIGN_FILE", Group: message.Operator, Attempt: message.AttemptNone,
		What: message.Text{JA: "事業設定ファイルを読み取れません。", EN: "The campaign file can't be used."},
		Next: message.Text{
			JA: "担当者の方へ: 表示された箇所を直してください。書き方は docs/kiosk.ja.md にあります。",
			EN: "For staff: correct the entry that is named. docs/kiosk.md describes the file.",
		},
	}},
}
