package applet

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/apdu/tlv"
)

// fileAccess is how a session refers to files. By default it uses short identifiers,
// which every known card supports. If the card or the reader rejects them but accepts
// SELECT, the session selects each file before it uses it from then on.
type fileAccess struct {
	bySelection bool
	bySFI       map[byte]bool // instructions that have succeeded with a short identifier
}

// useFile calls use with the file's short identifier. If that is rejected, it selects the
// file and calls use with 0. A rejection often means that the file does not exist: then
// SELECT fails, and useFile returns its error. The SELECT costs one command per
// rejection, until a short identifier has succeeded with the instruction.
//
// It may call use twice, so use must not send a secret.
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

// rejectsSFI reports whether an error may mean that the short file identifier was
// rejected. Assumed: no card is known to do so.
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

// ReadAt reads up to ne bytes of the current file, starting at offset.
func (s *Session) ReadAt(ctx context.Context, offset, ne int) ([]byte, error) {
	return s.channel.ReadBinary(ctx, offset, ne)
}

// ReadObject reads the TLV object in a file. Like [apdu.Channel.ReadObject], it wants DER unless an
// option says otherwise, and it returns its errors.
func (s *Session) ReadObject(ctx context.Context, file byte, limit int, options ...tlv.Option) (object []byte, err error) {
	err = s.useFile(ctx, apdu.InsReadBinary, file, func(sfi byte) (err error) {
		object, err = s.channel.ReadObject(ctx, sfi, limit, options...)
		return err
	})
	return object, err
}

// reference returns P2 of VERIFY and CHANGE REFERENCE DATA for a file: 80 plus its short
// identifier. If the session selects files, reference selects the file and returns 80.
func (s *Session) reference(ctx context.Context, file byte) (byte, error) {
	if !s.files.bySelection {
		return 0x80 | file, nil
	}
	return 0x80, s.channel.SelectFile(ctx, uint16(file))
}
