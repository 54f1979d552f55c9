package main

import (
	"errors"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/sshagent"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

// The codes of failures that only ssh-agent has.
const (
	codeSocket     message.Code = "SOCKET"      // the socket can't be created
	codeSSHRefused message.Code = "SSH_REFUSED" // a client's request was rejected
	codeSSHClients message.Code = "SSH_CLIENTS" // too many connections
)

// socketFailure adds the message for an error of sshagent.Listen.
func socketFailure(err error) error {
	what, next := textNoSocket, textNoSocketNext
	switch {
	case errors.Is(err, sshagent.ErrUnsafeFolder):
		what, next = textUnsafeFolder, textUnsafeFolderNext
	case errors.Is(err, sshagent.ErrSocketInUse), errors.Is(err, sshagent.ErrSocketExists):
		what, next = textSocketTaken, textSocketTakenNext
	case errors.Is(err, errors.ErrUnsupported):
		what, next = textNoSocketsHere, textNoSocketsHereNext
	}
	return cli.Because(err, codeSocket, what, next)
}

// sshFailure adds the message for a failed request of an SSH client. A signer is closed
// when its card is removed.
func sshFailure(err error) error {
	var pin *credential.Error
	switch {
	case errors.As(err, &pin):
		return err // the PIN's own message is more important
	case errors.Is(err, jpki.ErrSignerClosed):
		return cli.Because(err, message.CardRemoved, textSSHCardRemoved, message.For(reader.ErrNoCard).Next)
	case errors.Is(err, sshagent.ErrReadOnly):
		return cli.Because(err, codeSSHRefused, textSSHReadOnly, textSSHReadOnlyNext)
	case errors.Is(err, sshagent.ErrAlgorithm):
		return cli.Because(err, codeSSHRefused, textSSHAlgorithm, textSSHAlgorithmNext)
	case errors.Is(err, sshagent.ErrData):
		return cli.Because(err, codeSSHRefused, textSSHData, textSSHDataNext)
	case errors.Is(err, sshagent.ErrForwarded):
		return cli.Because(err, codeSSHRefused, textSSHForwarded, textSSHForwardedNext)
	case errors.Is(err, sshagent.ErrSession):
		return cli.Because(err, codeSSHRefused, textSSHSession, textSSHSessionNext)
	case errors.Is(err, sshagent.ErrIdleClosed):
		return cli.Because(err, codeSSHClients, textSSHIdleClosed, textSSHClientsNext)
	case errors.Is(err, sshagent.ErrAllBusy):
		return cli.Because(err, codeSSHClients, textSSHAllBusy, textSSHClientsNext)
	case errors.Is(err, sshagent.ErrOtherKey):
		return cli.Because(err, codeSSHRefused, textSSHOtherKey, textSSHOtherKeyNext)
	case errors.Is(err, sshagent.ErrOtherUser):
		return cli.Because(err, codeSSHRefused, textSSHOtherUser, textSSHOtherUserNext)
	}
	return err
}
