package applet

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/apdu"
)

// fileAccess is how a session names files: by short identifier, as every known card
// allows. If card or reader reject that and accept SELECT of the file instead, each
// file is selected before it is used from then on.
type fileAccess struct {
	bySelection bool
	bySFI       map[byte]bool // instructions that succeeded with a short identifier
}

// useFile calls use with the file's short identifier or, if that is rejected, with 0
// after selecting the file. A rejection often means that there is no such file: then
// SELECT says so, and that is the error. It costs one command each time until a
// short identifier succeeded with the instruction.
//
// It calls use twice at most, so use must not send a secret.
func (s *Session) useFile(ctx context.Context, instruction, file byte, use func(sfi byte) error) error {
	if !s.files.bySelection {
		err := use(file)
		if !rejectsSFI(err) {
			if s.files.bySFI == nil {
				s.files.bySFI = map[byte]bool{}
			}
			s.files.bySFI[instruction] = true
			return err
		}
		if s.files.bySFI[instruction] {
			return err
		}
	}
	if err := s.channel.SelectFile(ctx, uint16(file)); err != nil {
		return err
	}
	err := use(0)
	if !rejectsSFI(err) {
		s.files.bySelection = true
	}
	return err
}

// rejectsSFI reports whether an error may mean that a short file identifier is
// rejected. Assumed: no card is known that does so.
func rejectsSFI(err error) bool {
	var status apdu.Status
	if !errors.As(err, &status) || errors.Is(err, apdu.ErrExcessResponse) {
		return false
	}
	switch status {
	case apdu.StatusIncorrectP1P2, apdu.StatusReferencedDataNotFound, apdu.StatusFileNotFound,
		apdu.StatusNoCurrentFile, apdu.StatusFunctionNotSupported, apdu.StatusWrongOffset:
		return true
	}
	return false
}

// Read reads up to ne bytes from the start of a file, which becomes the current file.
func (s *Session) Read(ctx context.Context, file byte, ne int) (content []byte, err error) {
	err = s.useFile(ctx, apdu.InsReadBinary, file, func(sfi byte) (err error) {
		if sfi == 0 {
			content, err = s.channel.ReadBinary(ctx, 0, ne)
		} else {
			content, err = s.channel.ReadBinarySFI(ctx, sfi, 0, ne)
		}
		return err
	})
	return content, err
}

// ReadAt reads up to ne bytes of the current file from offset on.
func (s *Session) ReadAt(ctx context.Context, offset, ne int) ([]byte, error) {
	return s.channel.ReadBinary(ctx, offset, ne)
}

// ReadObject reads the DER object in a file. It returns the errors of
// [apdu.Channel.ReadObject].
func (s *Session) ReadObject(ctx context.Context, file byte, limit int) (object []byte, err error) {
	err = s.useFile(ctx, apdu.InsReadBinary, file, func(sfi byte) (err error) {
		object, err = s.channel.ReadObject(ctx, sfi, limit)
		return err
	})
	return object, err
}

// reference returns the P2 that names a file in VERIFY and CHANGE REFERENCE DATA: its
// short identifier or, if that is rejected, 80 for the file that was just selected.
func (s *Session) reference(ctx context.Context, file byte) (byte, error) {
	if !s.files.bySelection {
		return 0x80 | file, nil
	}
	return 0x80, s.channel.SelectFile(ctx, uint16(file))
}
