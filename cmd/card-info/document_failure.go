package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Codes of sign and verify.
const (
	codeDocumentFile      message.Code = "DOCUMENT_FILE"
	codeDocumentExists    message.Code = "DOCUMENT_EXISTS"
	codeDocumentMalformed message.Code = "DOCUMENT_MALFORMED"
	codeDocumentEncrypted message.Code = "DOCUMENT_ENCRYPTED"
	codeDocumentCertified message.Code = "DOCUMENT_CERTIFIED"
	codeDocumentUnstable  message.Code = "DOCUMENT_CHANGED_MEANWHILE"
	codeDocumentUnsigned  message.Code = "DOCUMENT_UNSIGNED"
	codeDocumentAltered   message.Code = "DOCUMENT_ALTERED"
	codeSignatureInvalid  message.Code = "SIGNATURE_INVALID"
	codeSignatureKind     message.Code = "SIGNATURE_NOT_VERIFIABLE"
	codeSignerUnknown     message.Code = "SIGNER_UNKNOWN"
	codeSignerCertificate message.Code = "SIGNER_CERTIFICATE"
	codeTimestamp         message.Code = "TIMESTAMP_FAILED"
	codeDiskFull          message.Code = "DOCUMENT_NOT_WRITTEN"
	codeNoSignCert        message.Code = "NO_SIGN_CERT"
	codeAskedAgain        message.Code = "SECRET_NEEDED_AGAIN"
	codeNoPage            message.Code = "DOCUMENT_NO_SUCH_PAGE"
	codeFont              message.Code = "DOCUMENT_FONT"
	codeBlockSize         message.Code = "DOCUMENT_PAGE_TOO_SMALL"
)

// documentFailures are the messages for the errors of documents, the first that matches.
var documentFailures = []struct {
	err        error
	code       message.Code
	what, next Text
}{
	{cms.ErrTimestamp, codeTimestamp, textTimestampFailed, textTimestampFailedNext},
	{pdf.ErrNoPage, codeNoPage, textNoPage, textNoPageNext},
	{pdf.ErrFont, codeFont, textFont, textFontNext},
	{pdf.ErrBlockSize, codeBlockSize, textBlockSize, textBlockSizeNext},
	{pdf.ErrEncrypted, codeDocumentEncrypted, textDocumentEncrypted, textDocumentEncryptedNext},
	{pdf.ErrSigningForbidden, codeDocumentCertified, textDocumentCertified, textDocumentCertifiedNext},
	{cms.ErrChanged, codeDocumentUnstable, textDocumentUnstable, textDocumentUnstableNext},
	{pdf.ErrNoSignature, codeDocumentUnsigned, textDocumentUnsigned, textDocumentUnsignedNext},
	{cms.ErrNoSigner, codeDocumentUnsigned, textDocumentUnsigned, textDocumentUnsignedNext},
	{pdf.ErrChangedAfter, codeDocumentAltered, textDocumentAltered, textDocumentAlteredNext},
	{cms.ErrContent, codeDocumentAltered, textDocumentAltered, textDocumentAlteredNext},
	{pdf.ErrCoverage, codeDocumentAltered, textDocumentCoverage, textDocumentAlteredNext},
	{pdf.ErrPadding, codeSignatureInvalid, textSignatureInvalid, textDocumentAlteredNext},
	{cms.ErrSignature, codeSignatureInvalid, textSignatureInvalid, textDocumentAlteredNext},
	{cms.ErrOtherCertificate, codeSignatureInvalid, textSignatureInvalid, textDocumentAlteredNext},
	{cms.ErrSignerTwice, codeSignatureInvalid, textSignatureInvalid, textDocumentAlteredNext},
	{cms.ErrNoCertificate, codeSignatureInvalid, textSignatureNoCertificate, textDocumentAlteredNext},
	{pdf.ErrUnsupported, codeSignatureKind, textSignatureKind, textSignatureKindNext},
	{cms.ErrAlgorithm, codeSignatureKind, textSignatureKind, textSignatureKindNext},
	{pdf.ErrMalformed, codeDocumentMalformed, textDocumentMalformed, textDocumentMalformedNext},
	{cms.ErrMalformed, codeDocumentMalformed, textMessageMalformed, textMessageMalformedNext},
	{trust.ErrUnknownIssuer, codeSignerUnknown, textSignerUnknown, textSignerUnknownNext},
	{trust.ErrWrongKind, codeSignerCertificate, textSignerKind, textDocumentAlteredNext},
	{trust.ErrUnsupportedKey, codeSignerCertificate, textSignerKind, textDocumentAlteredNext},
	{trust.ErrExpired, codeSignerCertificate, textSignerExpired, textSignerExpiredNext},
	{trust.ErrNotYetValid, codeSignerCertificate, textSignerExpired, textSignerExpiredNext},
	{trust.ErrIssuerExpired, codeSignerCertificate, textSignerExpired, textSignerExpiredNext},
	{fs.ErrExist, codeDocumentExists, textDocumentExists, textDocumentExistsNext},
	{syscall.ENOSPC, codeDiskFull, textDiskFull, textDiskFullNext},
	{syscall.EDQUOT, codeDiskFull, textDiskFull, textDiskFullNext},
}

// documentFailure gives an error of a document its message. Errors of the card keep theirs.
func documentFailure(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, new(*cli.Failure)) {
		return err
	}
	for _, f := range documentFailures {
		if errors.Is(err, f.err) {
			return cli.Because(err, f.code, f.what, f.next)
		}
	}
	if errors.As(err, new(*fs.PathError)) {
		return cli.Because(err, codeDocumentFile, textDocumentFile, textDocumentFileNext)
	}
	return err
}
