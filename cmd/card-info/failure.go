package main

import (
	"errors"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// exits returns the exit codes of the program's own failures. Package cli has the codes
// that all commands share.
func exits() map[message.Code]int {
	return map[message.Code]int{
		codeSocket:     cli.ExitUsage,
		codeSSHRefused: cli.ExitUsage,
		codeSSHClients: cli.ExitUsage,

		codeNoApplication: cli.ExitOtherCard,
		codePhotoFile:     cli.ExitUsage,

		codeDocumentFile:      cli.ExitUsage,
		codeDocumentExists:    cli.ExitUsage,
		codeDocumentMalformed: cli.ExitUsage,
		codeDocumentEncrypted: cli.ExitUsage,
		codeDocumentCertified: cli.ExitUsage,
		codeNoPage:            cli.ExitUsage,
		codeFont:              cli.ExitUsage,
		codeBlockSize:         cli.ExitUsage,
		codeDocumentUnsigned:  cli.ExitCertificate,
		codeDocumentAltered:   cli.ExitTampered,
		codeSignatureInvalid:  cli.ExitTampered,
		codeSignatureKind:     cli.ExitCertificate,
		codeSignerUnknown:     cli.ExitCertificate,
		codeNoSignCert:        cli.ExitCertificate,
		codeSignerCertificate: cli.ExitCertificate,

		codeNoConsent:   cli.ExitUsage,
		codePINMismatch: cli.ExitUsage,
	}
}

func exitOf(code message.Code, err error) int { return cli.ExitOf(exits(), code, err) }

func messageFor(err error) message.Message { return cli.MessageOf(err, message.For) }

// fail reports the failure, unless doctor has reported it already, and returns the exit
// code.
func (p *program) fail(err error) int {
	m := messageFor(err)
	exit := exitOf(m.Code, err)
	if p.JSON || !errors.As(err, new(reportedError)) {
		p.Fail(m, exit, err)
	}
	return exit
}
