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
	var response apdu.Response
	err := s.useFile(ctx, apdu.InsPerformSecurityOperation, key, func(sfi byte) (err error) {
		response, err = s.channel.Send(ctx, apdu.Command{
			CLA: 0x80, INS: apdu.InsPerformSecurityOperation, P1: scheme, P2: 0x80 | sfi,
			Ne: size, Extended: size > apdu.MaxShortNe,
		}.WithData(input))
		if err == nil {
			err = response.Err()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return response.Data(), nil
}
