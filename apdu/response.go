package apdu

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
)

// Answers that break the protocol.
var (
	// ErrShortResponse reports an answer of 0 or 1 byte. The transport has
	// probably lost the card, even if it reported success.
	ErrShortResponse = errors.New("response shorter than a status word")
	// ErrExcessResponse reports an answer with more data than the command's Ne or
	// than a response can have, or one that announces that much with 61xx. It
	// also reports an answer to READ BINARY that has 64 or more bytes of data and
	// an error status: the reader has probably cut off the real status word, and
	// taken two bytes of data for it.
	ErrExcessResponse = errors.New("response longer than asked for")
	// ErrNoProgress reports a card that announces data but does not send it.
	ErrNoProgress = errors.New("card announces data but does not send it")
)

// Response is a response APDU, ISO/IEC 7816-4:2020 §5.2: at most 65536 bytes
// of data and a status word.
//
// A response may hold personal data. Printing it shows the status word and the
// length of the data. Printing a struct with a Response in an unexported field
// prints no data at all.
type Response struct {
	Status Status

	data func() []byte // hidden from reflection; nil: no data
}

var _ encoding.BinaryAppender = Response{}

// NewResponse returns a response with data and status. It does not copy data.
func NewResponse(data []byte, status Status) Response {
	return Response{Status: status, data: hide(data)}
}

// Data returns the response data field, or nil if it is empty.
func (r Response) Data() []byte { return reveal(r.data) }

// ParseResponse decodes a response APDU. The response's data share the memory of
// b. If b is too short or too long it returns [ErrShortResponse] or
// [ErrExcessResponse].
func ParseResponse(b []byte) (Response, error) {
	n := len(b) - 2
	if n < 0 {
		return Response{}, fmt.Errorf("%w: %d bytes", ErrShortResponse, len(b))
	}
	if n > MaxExtendedNe {
		return Response{}, fmt.Errorf("%w: %d bytes", ErrExcessResponse, n)
	}
	return NewResponse(b[:n:n], Status(b[n])<<8|Status(b[n+1])), nil
}

// AppendBinary appends the encoded response to b. It is the inverse of
// [ParseResponse].
func (r Response) AppendBinary(b []byte) ([]byte, error) {
	data := r.Data()
	if len(data) > MaxExtendedNe {
		return b, fmt.Errorf("%w: %d bytes", ErrExcessResponse, len(data))
	}
	b = append(b, data...)
	return append(b, byte(r.Status>>8), byte(r.Status)), nil
}

// Err returns nil for status 9000, and otherwise the [Status].
func (r Response) Err() error {
	if r.Status == StatusOK {
		return nil
	}
	return r.Status
}

// String returns the data's length and the status word, as in "[256 bytes] 9000".
func (r Response) String() string {
	switch n := len(r.Data()); n {
	case 0:
		return fmt.Sprintf("%04X", uint16(r.Status))
	case 1:
		return fmt.Sprintf("[1 byte] %04X", uint16(r.Status))
	default:
		return fmt.Sprintf("[%d bytes] %04X", n, uint16(r.Status))
	}
}

// Format prints [Response.String] for every verb and flag.
func (r Response) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// LogValue implements [slog.LogValuer] with [Response.String].
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON writes [Response.String]. It can't be read back.
func (r Response) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }
