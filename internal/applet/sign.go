package applet

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/apdu"
)

// Sign signs input with a key of the card and returns the signature, which has up to size
// bytes. It sends PERFORM SECURITY OPERATION in the form of the My Number Card: class 80,
// P1 the scheme, P2 the key (observed; not in a public specification).
func (s *Session) Sign(ctx context.Context, key, scheme byte, input []byte, size int) ([]byte, error) {
	var signature []byte
	err := s.useFile(ctx, apdu.InsPerformSecurityOperation, key, func(sfi byte) (err error) {
		signature, err = s.perform(ctx, scheme, 0x80|sfi, input, size)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return signature, nil
}

// SignWithDefaultKey is like [Session.Sign] for the key that an application uses if P2 names none.
// The visual application has such a key, which needs no secret (observed; one source).
func (s *Session) SignWithDefaultKey(ctx context.Context, scheme byte, input []byte, size int) ([]byte, error) {
	signature, err := s.perform(ctx, scheme, 0, input, size)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return signature, nil
}

// perform sends PERFORM SECURITY OPERATION.
func (s *Session) perform(ctx context.Context, p1, p2 byte, input []byte, size int) ([]byte, error) {
	response, err := s.channel.Send(ctx, apdu.Command{
		CLA: 0x80, INS: apdu.InsPerformSecurityOperation, P1: p1, P2: p2, Ne: size, Extended: size > apdu.MaxShortNe,
	}.WithData(input))
	if err == nil {
		err = response.Err()
	}
	if err != nil {
		return nil, err
	}
	return response.Data(), nil
}
