package jpki

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const redactedSigner = "[signer with a card's key]"

// String is "[signer with a card's key]", whosever it is.
func (s *Signer) String() string { return redactedSigner }

// Format prints [Signer.String] for every verb and flag.
func (s *Signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, redactedSigner) }

// MarshalJSON writes [Signer.String]. There is no reading back from JSON.
func (s *Signer) MarshalJSON() ([]byte, error) { return json.Marshal(redactedSigner) }

// LogValue implements slog.LogValuer with [Signer.String].
func (s *Signer) LogValue() slog.Value { return slog.StringValue(redactedSigner) }
