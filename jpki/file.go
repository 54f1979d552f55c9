package jpki

import (
	"context"
	"errors"

	"github.com/mykeykit/mykeykit/apdu"
)

// fileAccess is how an application names its files: by short identifier, as every
// card that is known allows, until card or reader refuse that and take the file's
// selection instead. From then on each file is selected before it is used.
type fileAccess struct {
	bySelection bool
	bySFI       map[byte]bool // instructions that went through with a short identifier
}

// useFile calls use with the file's short identifier or, where that is refused, with 0
// after selecting the file. A refusal often means that there is no such file: then
// SELECT says so, and that is the error. It costs one command each time until a
// short identifier went through with the instruction.
//
// What use does is done twice at most, so it must not send a secret.
func (a *Application) useFile(ctx context.Context, instruction, file byte, use func(sfi byte) error) error {
	if !a.files.bySelection {
		err := use(file)
		if !refusesSFI(err) {
			if a.files.bySFI == nil {
				a.files.bySFI = map[byte]bool{}
			}
			a.files.bySFI[instruction] = true
			return err
		}
		if a.files.bySFI[instruction] {
			return err
		}
	}
	if err := a.channel.SelectFile(ctx, uint16(file)); err != nil {
		return err
	}
	err := use(0)
	if !refusesSFI(err) {
		a.files.bySelection = true
	}
	return err
}

// refusesSFI tells whether an error may mean that a short file identifier is not
// taken. Assumed, for no card is known that does not.
func refusesSFI(err error) bool {
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

// readFile reads up to ne bytes from a file's start.
func (a *Application) readFile(ctx context.Context, file byte, ne int) (content []byte, err error) {
	err = a.useFile(ctx, apdu.InsReadBinary, file, func(sfi byte) (err error) {
		content, err = a.readStart(ctx, sfi, ne)
		return err
	})
	return content, err
}

// readStart reads from the start of a file, which is the current one from then on;
// sfi is 0 if it is already.
func (a *Application) readStart(ctx context.Context, sfi byte, ne int) ([]byte, error) {
	if sfi == 0 {
		return a.channel.ReadBinary(ctx, 0, ne)
	}
	return a.channel.ReadBinarySFI(ctx, sfi, 0, ne)
}

// readObject reads the DER object in a file.
func (a *Application) readObject(ctx context.Context, file byte, limit int) (object []byte, err error) {
	err = a.useFile(ctx, apdu.InsReadBinary, file, func(sfi byte) (err error) {
		object, err = a.channel.ReadObject(ctx, sfi, limit)
		return err
	})
	return object, err
}

// reference returns the P2 by which VERIFY names a file now: its short identifier or,
// where that is refused, 80 for the file that was just selected.
func (a *Application) reference(ctx context.Context, file byte) (byte, error) {
	if !a.files.bySelection {
		return 0x80 | file, nil
	}
	return 0x80, a.channel.SelectFile(ctx, uint16(file))
}
