package apdu

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Instructions of ISO/IEC 7816-4:2020 table 5 that this toolkit uses.
const (
	InsVerify                   = 0x20
	InsVerifyTLV                = 0x21
	InsChangeReferenceData      = 0x24
	InsChangeReferenceDataTLV   = 0x25
	InsPerformSecurityOperation = 0x2A
	InsResetRetryCounter        = 0x2C
	InsResetRetryCounterTLV     = 0x2D
	InsGetChallenge             = 0x84
	InsSelect                   = 0xA4
	InsReadBinary               = 0xB0
	InsGetResponse              = 0xC0
	InsGetData                  = 0xCA

	// insChangeKey with a proprietary class is how two other applications of
	// the My Number Card change a secret (observed; not in a public
	// specification).
	insChangeKey = 0x32
)

// Secret reports whether the command carries a secret. The instruction decides, so a caller
// can't forget to mark a command.
func (c Command) Secret() bool {
	if c.redacted || len(c.Data()) == 0 {
		return c.redacted
	}
	switch c.INS {
	case InsVerify, InsVerifyTLV,
		InsChangeReferenceData, InsChangeReferenceDataTLV,
		InsResetRetryCounter, InsResetRetryCounterTLV,
		insChangeKey:
		return true
	}
	return false
}

// Redacted returns the command without its data and lengths if it carries a
// secret, and unchanged if not. A redacted command is still Secret and can't be
// encoded.
func (c Command) Redacted() Command {
	if c.Secret() {
		return Command{CLA: c.CLA, INS: c.INS, P1: c.P1, P2: c.P2, redacted: true}
	}
	return c
}

// String returns the command in hexadecimal, as in "00A4040C 0A D392…". Of data
// longer than 16 bytes, it shows the length only. Of a command with a secret, it
// shows the header only.
func (c Command) String() string {
	s := fmt.Sprintf("%02X%02X%02X%02X", c.CLA, c.INS, c.P1, c.P2)
	if c.Secret() {
		return s + " [redacted]"
	}
	switch data, n := c.Data(), len(c.Data()); {
	case n > 16:
		s += fmt.Sprintf(" [%d bytes]", n)
	case n > 0:
		s += fmt.Sprintf(" %02X %X", n, data)
	}
	if c.Ne > 0 {
		s += fmt.Sprintf(" Ne=%d", c.Ne)
	}
	return s
}

// Format prints [Command.String] for every verb and flag, so that no verb
// reaches the data of a secret command.
func (c Command) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue implements [slog.LogValuer] with [Command.String].
func (c Command) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes [Command.String]. It can't be read back.
func (c Command) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
