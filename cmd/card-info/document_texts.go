package main

import "github.com/mykeykit/mykeykit/jpki/trust"

// Texts of sign and verify.
var (
	textSignShort = Text{JA: "ファイルに電子署名をします", EN: "Sign files"}
	textSignLong  = Text{
		JA: `署名用電子証明書の鍵で、ファイルに電子署名をします。実印を押すのと同じ意味が
あります。署名するファイルの名前、大きさ、SHA-256を表示してから、署名用の暗証
番号を1回だけお尋ねします。署名したファイルには、氏名、住所、生年月日、性別が
入った証明書が含まれます。

PDFは、署名を加えた新しいPDF（NAME-signed.pdf）にします。ほかのファイルは、CMS
の形式で、内容と署名を1つのファイル（.p7m）にします。--detached を付けると、PDF
も含めて、署名だけを別のファイル（.p7s）に書き出します。もとのファイルは変わり
ません。上書きもしません。

失効の確認はしません。`,
		EN: `Sign files with the key for digital signatures. Such a signature has the same
meaning as your registered seal. The name, size and SHA-256 of each file are
shown, then you are asked for the signature password, normally once for all
files. A signed file contains the certificate, with your name, address, date of
birth and sex.

A PDF file becomes a new PDF file with the signature (NAME-signed.pdf). Any
other file becomes a CMS message with its content and the signature (.p7m). With
--detached, the signature of any file is written to a file of its own (.p7s).
The original stays as it is, and no file is overwritten.

Revocation is not checked.`,
	}
	textVerifyShort = Text{JA: "電子署名を検証します", EN: "Verify the signatures of a file"}
	textVerifyLong  = Text{
		JA: `PDFやCMSのファイルの電子署名を、すべて検証します。カードは使いません。署名した
後の変更がないこと、署名用の証明書であること、J-LIS（または --ca-certificate の
認証局）が発行したこと、証明書の有効期間を確認します。NAME.p7s は、同じ場所に
ある NAME か、--content で指定したファイルの署名です。

失効しているかどうかは確認しません。署名した日時は、--timestamp-ca の認証局の
タイムスタンプがあるときだけ確認できます。ないときは、今の有効期間で判断します。`,
		EN: `Verify all signatures of a PDF file or a CMS message. No card is needed. The
command checks that nothing was changed after the signature, that the
certificate is one for signatures, that J-LIS (or a CA that you give with
--ca-certificate) issued it, and that it is valid. A file NAME.p7s signs the
file NAME beside it, or the one that you name with --content.

Revocation is not checked. The time of signing can be verified only with a time
stamp from a CA that you give with --timestamp-ca; without one, the certificate
must be valid now.`,
	}

	textFlagPasswordStdin = Text{JA: "署名用の暗証番号を標準入力から読みます", EN: "read the signature password from stdin"}
	textFlagDetached      = Text{JA: "署名だけを別のファイル（.p7s）に書き出します", EN: "write the signature to its own file (.p7s)"}
	textFlagOutput        = Text{JA: "署名したファイルの名前（`FILE`）", EN: "name of the signed `FILE`"}
	textFlagTimestamp     = Text{JA: "タイムスタンプのサーバー（RFC 3161）の`URL`", EN: "`URL` of a time-stamp server (RFC 3161)"}
	textFlagHash          = Text{JA: "ダイジェスト（`NAME`）: sha256、sha384、sha512", EN: "digest `NAME`: sha256, sha384 or sha512"}
	textFlagReason        = Text{JA: "PDFに書く署名の理由（`TEXT`）", EN: "reason for signing, for PDF (`TEXT`)"}
	textFlagLocation      = Text{JA: "PDFに書く署名の場所（`TEXT`）", EN: "place of signing, for PDF (`TEXT`)"}
	textFlagVisible       = Text{JA: "署名を見える形でPDFのページに表示します", EN: "show the signature on a page of the PDF file"}
	textFlagCorner        = Text{JA: "--visible の位置（`CORNER`）: bottom-right、\nbottom-left、top-right、top-left", EN: "corner for --visible (`CORNER`): bottom-right,\nbottom-left, top-right or top-left"}
	textFlagPage          = Text{JA: "--visible のページの番号（`N`）", EN: "number of the page for --visible (`N`)"}
	textFlagFont          = Text{JA: "--visible の日本語のフォント（`FILE`）", EN: "Japanese font for --visible (`FILE`)"}
	textFlagContent       = Text{JA: ".p7s が署名したファイル（`FILE`）", EN: "the `FILE` that a .p7s file signs"}
	textFlagTimestampCA   = Text{JA: "タイムスタンプの認証局（`FILE`）。複数可", EN: "CA of time stamps (`FILE`); repeatable"}
	textFlagAttributes    = Text{JA: "署名した人の氏名、住所なども表示します", EN: "show name, address, birth date and sex"}

	textFlagAuthenticationKey    = Text{JA: "利用者証明用の鍵で署名します", EN: "sign with the key for user authentication"}
	textFlagAcceptAuthentication = Text{JA: "利用者証明用の鍵の署名も受け入れます", EN: "accept the key for user authentication too"}

	textNoTerminalToSign = Text{JA: "担当者の方へ: ターミナルで実行するか、--password-stdin で標準入力から\n渡してください。", EN: "For staff: run the command in a terminal, or pipe the password in\nwith --password-stdin."}
	textNoFile           = Text{JA: "署名するファイルを指定してください。", EN: "Name the files to sign."}
	textOneFile          = Text{JA: "検証するファイルを1つ指定してください。", EN: "Name one file to verify."}
	textForPDF           = Text{JA: "--visible、--reason、--location は、PDFに署名するときだけ使えます。", EN: "--visible, --reason and --location are for PDF files only."}
	textOneOutput        = Text{JA: "--output は、ファイルが1つのときだけ使えます。", EN: "--output is for one file only."}

	textToSign = Text{
		JA: "署名するファイル: %s（%dバイト）\n  SHA-256 %s",
		EN: "To be signed: %s (%d bytes)\n  SHA-256 %s",
	}
	textVisibleTitle = Text{JA: "電子署名", EN: "Digital signature"}
	textVisibleTime  = Text{JA: "2006年1月2日 15時04分", EN: "2006-01-02 15:04 JST"}
	textSigned       = Text{JA: "%d/%d 署名しました: %s", EN: "%d/%d signed: %s"}
	textAskPassword  = Text{
		JA: "署名用の暗証番号（英数字6から16文字）を入力し、Enterを押してください。\n入力した文字は表示されません。あと%d回まちがえるとロックされます。\n署名用の暗証番号: ",
		EN: "Enter the signature password (6 to 16 letters and digits) and press Enter.\nIt is not shown. Attempts left: %d.\nSignature password: ",
	}
	textLastPassword = Text{JA: "注意: 最後の1回です。", EN: "Attention: this is the last attempt."}

	textRowContent        = Text{JA: "署名されたファイル", EN: "Signed file"}
	textContentOfPDF      = Text{JA: "PDFの署名はPDFの中にあります。--content を付けずに実行してください。", EN: "The signature of a PDF file is in it. Run the command without --content."}
	textNoContent         = Text{JA: "署名されたファイルが見つかりません。", EN: "The file that was signed was not found."}
	textVisibleNoName     = Text{JA: "利用者証明用の証明書には氏名がないため、--visible は使えません。", EN: "--visible shows a name, which the certificate for user authentication lacks."}
	textSignatureNumber   = Text{JA: "署名 %d/%d", EN: "Signature %d/%d"}
	textRowResult         = Text{JA: "結果", EN: "Result"}
	textRowReason         = Text{JA: "理由", EN: "Reason"}
	textRowSignerIssuer   = Text{JA: "証明書の発行者", EN: "Certificate's issuer"}
	textRowKey            = Text{JA: "鍵", EN: "Key"}
	textRowTime           = Text{JA: "署名した日時", EN: "Time of signing"}
	textRowCoverage       = Text{JA: "この署名の後", EN: "After this signature"}
	textAuthenticationKey = Text{JA: "利用者証明用（文書に署名するための鍵ではありません）", EN: "for user authentication, not for documents"}
	textValid             = Text{JA: "正しい署名です", EN: "valid"}
	textInvalid           = Text{JA: "正しい署名ではありません", EN: "not valid"}
	textTimeProven        = Text{JA: "%s より前（タイムスタンプで確認しました）", EN: "before %s (proven by a time stamp)"}
	textTimeClaimed       = Text{JA: "%s（署名した人の\nコンピューターの時計によるもので、確認できません）", EN: "%s (the signer's clock;\nnot verified)"}
	textFollowed          = Text{JA: "別の署名が加えられています", EN: "further signatures were added"}

	textDocumentChecked   = Text{JA: "内容が変わっていないこと、署名、証明書の種類、\n発行者、有効期間", EN: "content, signature, kind of certificate,\nissuer, validity"}
	textDocumentUnchecked = Text{JA: "失効（証明書が取り消されていないこと）", EN: "revocation"}
)

func textDocumentIssuer(i trust.Issuer) Text {
	switch i {
	case trust.IssuerPinned:
		return Text{JA: "J-LIS", EN: "J-LIS"}
	case trust.IssuerCaller:
		return Text{JA: "--ca-certificate の認証局", EN: "a CA of --ca-certificate"}
	}
	return Text{JA: "模擬カードの認証局（実際には使えません）", EN: "the simulator's CA (not for real use)"}
}

func textCertificateIssuer(i trust.Issuer) Text {
	if i == trust.IssuerUnknown {
		return Text{JA: "確認できませんでした", EN: "could not be verified"}
	}
	return textDocumentIssuer(i)
}

var textCertificateUnchecked = Text{JA: "失効、持っている人が本人であること", EN: "revocation, that the bearer is its holder"}

// Messages for what can go wrong with a document.
var (
	textDocumentFile     = Text{JA: "ファイルを読み書きできませんでした。", EN: "The file could not be read or written."}
	textDocumentFileNext = Text{JA: "ファイルの名前と、読み書きの権限を確かめてください。", EN: "Check the file's name and your permissions."}

	textDocumentExists     = Text{JA: "書き出し先と同じ名前のファイルが、すでにあります。\n署名も上書きもしていません。", EN: "The output file already exists. Nothing was signed or overwritten."}
	textDocumentExistsNext = Text{JA: "--output で別の名前を指定するか、そのファイルを移してください。", EN: "Give another name with --output, or move that file."}

	textSameOutput     = Text{JA: "2つのファイルの署名が、同じ名前のファイルになります。署名はしていません。", EN: "Two files would get the same output file. Nothing was signed."}
	textSameOutputNext = Text{JA: "1つずつ実行してください。", EN: "Sign them one at a time."}

	textDocumentMalformed     = Text{JA: "PDFとして正しくないファイルです。", EN: "This is not a well-formed PDF file."}
	textDocumentMalformedNext = Text{JA: "作成したプログラムで、PDFを作り直してください。", EN: "Make the PDF file again with the program it came from."}

	textMessageMalformed     = Text{JA: "電子署名（CMS、DER）のファイルとして読み取れません。", EN: "This is not a signed message that can be verified (CMS in DER)."}
	textMessageMalformedNext = Text{JA: "署名だけのファイルのときは、署名したファイルを --content で指定してください。", EN: "For a detached signature, name the signed file with --content."}

	textDocumentEncrypted     = Text{JA: "暗号化された（パスワード付きの）PDFです。", EN: "The PDF file is encrypted."}
	textDocumentEncryptedNext = Text{JA: "パスワードを外したPDFを使ってください。", EN: "Use a PDF file without a password."}

	textDocumentCertified     = Text{JA: "作成者が署名の追加を制限しているPDFです。", EN: "The author of the PDF file restricts further signatures."}
	textDocumentCertifiedNext = Text{JA: "制限のないPDFを、作成者からもらってください。", EN: "Ask the author for a file without the restriction."}

	textNoPage     = Text{JA: "指定した番号のページが、PDFにありません。署名はしていません。", EN: "The PDF file has no page with this number. Nothing was signed."}
	textNoPageNext = Text{JA: "--page の番号を確かめてください。", EN: "Check the number of --page."}

	textFont     = Text{JA: "署名の表示に使う日本語のフォントがないか、必要な文字がフォントにありません。\n署名はしていません。", EN: "There is no Japanese font to show the signature, or it lacks a character.\nNothing was signed."}
	textFontNext = Text{JA: "日本語のフォント（Debianでは fonts-noto-cjk）をインストールするか、--font で\nフォントのファイルを指定してください。--visible を付けなければ、フォントなしで\n署名できます。", EN: "Install a Japanese font (fonts-noto-cjk on Debian) or name a font's file with\n--font. Without --visible, signing needs no font."}

	textBlockSize     = Text{JA: "PDFのページが小さく、署名を表示できません。署名はしていません。", EN: "The page is too small to show the signature. Nothing was signed."}
	textBlockSizeNext = Text{JA: "--page で別のページを指定するか、--visible を付けずに署名してください。", EN: "Name another page with --page, or sign without --visible."}

	textDocumentUnstable     = Text{JA: "署名している間に、ファイルの内容が変わりました。\n署名したファイルは作っていません。", EN: "The file changed while it was being signed.\nNo signed file was made."}
	textDocumentUnstableNext = Text{JA: "ほかのプログラムを閉じてから、もう一度実行してください。", EN: "Close other programs that use it, and run the command again."}

	textDocumentUnsigned     = Text{JA: "電子署名のないファイルです。", EN: "The file has no signature."}
	textDocumentUnsignedNext = Text{JA: "署名されたファイルかどうか、送った人に確かめてください。", EN: "Ask the sender whether this is the signed file."}

	textDocumentAltered     = Text{JA: "署名した後に、内容が変わっています。", EN: "The content was changed after it was signed."}
	textDocumentCoverage    = Text{JA: "署名が、ファイルの一部にしか付いていません。", EN: "The signature does not cover the whole document."}
	textDocumentAlteredNext = Text{JA: "このファイルの内容を信用しないでください。送った人に確かめてください。", EN: "Do not rely on this file. Ask the sender."}

	textSignatureInvalid       = Text{JA: "署名が正しくありません。", EN: "The signature is wrong."}
	textSignatureNoCertificate = Text{JA: "署名した人の証明書が入っていません。", EN: "The signer's certificate is missing."}
	textSignatureKind          = Text{JA: "このプログラムが検証できない種類の署名です。", EN: "This kind of signature can't be verified here."}
	textSignatureKindNext      = Text{JA: "署名したプログラムで検証してください。", EN: "Verify it with the program that signed it."}

	textSignerUnknown     = Text{JA: "署名した証明書の発行者を確認できません。", EN: "The issuer of the signer's certificate is unknown."}
	textSignerUnknownNext = Text{JA: "マイナンバーカードの署名ではないか、信用できない署名です。ほかの認証局を信用する\nときは、--ca-certificate で指定してください。", EN: "It was not made with a My Number Card, or it can't be trusted. To trust\nanother CA, name its certificate with --ca-certificate."}
	textSignerKind        = Text{JA: "署名用ではない証明書で署名されています。", EN: "The signer's certificate is not for signatures."}
	textSignerExpired     = Text{JA: "署名した証明書が、有効期間外です。", EN: "The signer's certificate is not valid at this time."}
	textSignerExpiredNext = Text{JA: "署名した時に有効だったかどうかは、信用できるタイムスタンプがあれば確認できます\n（--timestamp-ca）。", EN: "Whether it was valid at the time of signing can be verified with a time stamp\n(--timestamp-ca)."}

	textNoSignCert     = Text{JA: "このカードには、署名用電子証明書が入っていません。\n暗証番号は聞いていません。残りの回数は減っていません。", EN: "This card has no certificate for digital signatures.\nThe password was not asked for; no attempt was used."}
	textNoSignCertNext = Text{JA: "署名用電子証明書は、市区町村の窓口で申請できます（15歳未満の方のカードには、原則\nとして入りません）。", EN: "Your municipal office issues one (as a rule not for people under 15)."}

	textTimestampFailed     = Text{JA: "タイムスタンプを使えません。このファイルには署名していません。", EN: "The time stamp can't be used. This file was not signed."}
	textTimestampFailedNext = Text{JA: "サーバーのURLとネットワークを確かめて、もう一度実行してください。", EN: "Check the server's URL and the network, and run the command again."}

	textDiskFull     = Text{JA: "ディスクの空きが足りません。このファイルには署名していません。", EN: "The disk is full. This file was not signed."}
	textDiskFullNext = Text{JA: "空きを作ってから、残りのファイルを指定して、もう一度実行してください。", EN: "Make room, and run the command again for the files that are left."}

	textFlagSignatureCert = Text{JA: "署名用の証明書を書き出します", EN: "write the signature certificate"}
	textFlagFrom          = Text{JA: "signature: 署名用の証明書から読みます（`SOURCE`）", EN: "read from `SOURCE`: signature (its certificate)"}
)
