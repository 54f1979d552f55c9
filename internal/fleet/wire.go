package fleet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/internal/strictjson"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// The paths of the requests.
const (
	pathChallenges   = "/v1/challenges"
	pathVisits       = "/v1/visits"
	pathFind         = "/v1/reservations/find"
	pathReserve      = "/v1/reservations"
	pathRenew        = "/v1/reservations/renew"
	pathRecoveryCode = "/v1/reservations/recovery-code"
	pathWithdraw     = "/v1/reservations/withdraw"
	pathClerkRenew   = "/v1/clerk/renew"
	pathClerkMerge   = "/v1/clerk/merge"
	pathPreview      = "/v1/applications/preview"
	pathApply        = "/v1/applications"
	pathCampaign     = "/v1/campaign"
	pathHeartbeat    = "/v1/heartbeat"
)

const (
	maxRequest  = 64 << 10 // bytes of a request: evidence and a little more
	maxResponse = 1 << 20  // bytes of a response: a campaign is the longest
)

// signatureHeader carries a terminal's signature of a change, in base64: see
// registry.Terminal.SignRequest.
const signatureHeader = "Mykeykit-Signature"

// visitID identifies a visit. The terminal makes it.
type visitID [16]byte

// MarshalText writes 32 hexadecimal digits.
func (v visitID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, v[:]), nil }

// UnmarshalText reads the format of MarshalText.
func (v *visitID) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(v)) {
		return errors.New("a visit has 32 hexadecimal digits")
	}
	if _, err := hex.Decode(v[:], text); err != nil || *v == (visitID{}) {
		return errors.New("a visit has 32 hexadecimal digits")
	}
	return nil
}

// request is the body of every request of a visit. Each request uses some of the members.
type request struct {
	Visit    visitID        `json:"visit"`
	Evidence proof.Evidence `json:"evidence"`
	// OldEvidence is that of the earlier card, for another challenge. It proves a renewal.
	OldEvidence *proof.Evidence `json:"old_evidence,omitempty"`
	Operation   string          `json:"operation,omitempty"`
	// RecoveryCode is the code to set.
	RecoveryCode string `json:"recovery_code,omitempty"`
	// Identifier and OldRecoveryCode prove a renewal. Identifier is also the one that a clerk
	// confirms, and the one that was shown before an application.
	Identifier      string       `json:"identifier,omitempty"`
	OldRecoveryCode string       `json:"old_recovery_code,omitempty"`
	Account         *wireAccount `json:"account,omitempty"`
}

type wireAccount struct {
	Service string `json:"service"`
	ID      string `json:"id"`
	Code    string `json:"code"`
}

// identified is the response to a new visit.
type identified struct {
	Validity trust.Validity `json:"validity"`
}

// previewed is the response to a preview.
type previewed struct {
	Identifier string `json:"identifier"`
}

// reservation is the response to the other requests of a visit.
type reservation struct {
	Identifier  string       `json:"identifier"`
	Namespace   string       `json:"namespace"`
	KeyNumber   uint32       `json:"key_number"`
	Attempt     uint32       `json:"attempt"`
	State       string       `json:"state"`
	Expiry      mykey.Month  `json:"expiry"`
	Application *application `json:"application"`
	New         bool         `json:"new"`
}

type application struct {
	Service string    `json:"service"`
	Applied time.Time `json:"applied"`
}

// heartbeat is a terminal's report.
type heartbeat struct {
	Version string `json:"version"`
	Visits  int    `json:"visits"` // since the last heartbeat
}

func newReservation(r *registry.Reservation) reservation {
	w := reservation{
		Identifier: r.ID.String(), Namespace: r.Namespace, KeyNumber: r.KeyNumber, Attempt: r.Attempt,
		State: string(r.State), Expiry: r.Expiry, New: r.New,
	}
	if r.Application != nil {
		w.Application = &application{r.Application.Service, r.Application.Applied}
	}
	return w
}

// parseIdentifier parses an identifier in a response.
func parseIdentifier(text string) (mykey.ID, error) {
	id, err := mykey.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%w: the response has no identifier", registry.ErrUnavailable)
	}
	return id, nil
}

func (w reservation) registry() (*registry.Reservation, error) {
	id, err := parseIdentifier(w.Identifier)
	if err != nil {
		return nil, err
	}
	r := &registry.Reservation{
		ID: id, Namespace: w.Namespace, KeyNumber: w.KeyNumber, Attempt: w.Attempt, State: registry.State(w.State), Expiry: w.Expiry, New: w.New,
	}
	if w.Application != nil {
		r.Application = &registry.Link{Service: w.Application.Service, Applied: w.Application.Applied}
	}
	return r, nil
}

// decode decodes a request strictly. The error quotes nothing.
func decode(text []byte, to any) error {
	err := strictjson.Unmarshal(text, to)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return nil
}
