package apdu

import "context"

// Verify sends VERIFY, ISO/IEC 7816-4:2020 §11.6.6, with a secret of 1 to 255
// bytes. A wrong secret uses up an attempt: the error then matches
// [StatusVerificationFailed], and [Status.Retries] returns the attempts left.
//
// The reference is P2. The My Number Card uses 80 (hexadecimal) for the PIN file that is selected,
// and 80 plus a short file identifier for another one. Verify sends the command once and wipes its
// encoding; the caller wipes the secret. If the secret is empty, Verify sends nothing and returns
// [ErrCommand], because the command would be that of [Channel.VerifyStatus].
func (c *Channel) Verify(ctx context.Context, reference byte, secret []byte) error {
	if len(secret) == 0 {
		return ErrCommand
	}
	_, err := c.do(ctx, "VERIFY", Command{INS: InsVerify, P2: reference}.WithData(secret))
	return err
}

// VerifyStatus sends VERIFY without data, which uses up no attempt. The status
// word gives the state of the secret. The My Number Card answers 63Cx, x being
// the attempts left, also after a successful VERIFY (observed; not in a public
// specification).
//
// The command has no Le byte: with one, the card answers 6700 (observed on a test card).
func (c *Channel) VerifyStatus(ctx context.Context, reference byte) (Status, error) {
	resp, err := c.Send(ctx, Command{INS: InsVerify, P2: reference})
	return resp.Status, err
}

// ChangeReferenceData sends CHANGE REFERENCE DATA, ISO/IEC 7816-4:2020 §11.6.7, with
// P1=01. It replaces a secret, which must be verified, with a new one of 1 to 255 bytes.
//
// The reference is P2, as for [Channel.Verify]. ChangeReferenceData sends the command once and
// wipes its encoding; the caller wipes the secret. If the secret is empty, it sends nothing and
// returns [ErrCommand]. Whether the My Number Card accepts this form is not known: open-source
// programs contain it, marked as untested.
func (c *Channel) ChangeReferenceData(ctx context.Context, reference byte, secret []byte) error {
	if len(secret) == 0 {
		return ErrCommand
	}
	_, err := c.do(ctx, "CHANGE REFERENCE DATA", Command{INS: InsChangeReferenceData, P1: 0x01, P2: reference}.WithData(secret))
	return err
}
