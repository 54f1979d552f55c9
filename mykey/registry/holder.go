package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
)

// ErrProof reports that the registry does not accept the holder (nil, zero, an invalid certificate,
// or an issuer that is not accepted), that a [RenewalProof] is zero, or that the new card already
// has the reservation.
var ErrProof = errors.New("holder is not verified")

// checkHolder returns [ErrProof] unless a holder can be accepted. With allowExpired the
// certificate may have expired, as on an old card.
func (r *Registry) checkHolder(holder *proof.Holder, allowExpired bool) error {
	switch {
	case holder.Certificate() == nil:
		return fmt.Errorf("%w: %w", ErrProof, mykey.ErrHolder)
	case !slices.Contains(r.issuers, holder.Issuer()):
		return fmt.Errorf("%w: issuer %s", ErrProof, holder.Issuer())
	}
	switch holder.Validity() {
	case trust.Valid, trust.Expiring:
		return nil
	case trust.Expired:
		if allowExpired {
			return nil
		}
	}
	return fmt.Errorf("%w: certificate %s", ErrProof, holder.Validity())
}

// holding is a row of the table holders: the holder with this handle has the
// identifier. The row with the highest place is the current one of its handle, and
// the row with the highest turn the current one of its identifier. A row with a subject also
// stands for the holder's later cards, as long as it is the current one of its identifier.
type holding struct {
	namespace  string
	handle     []byte
	place      uint64
	generation uint32 // whose key made the handle
	id         mykey.ID
	turn       uint64
	subject    []byte // or empty, see LinkBySubject
}

func (h holding) image() image {
	return newImage(holderTable, 1, append(encodeNumber(h.place), h.handle...), []byte(h.namespace), encodeNumber(h.generation), []byte(h.id), encodeNumber(h.turn), h.subject)
}

// holderState is what the database contains about a holder: the current holding
// and its reservation.
type holderState struct {
	*reservationRow
	holding
	superseded bool // another card has taken over the reservation
	linked     bool // the holding is of an earlier card with the same subject
}

// reliedImages returns the images of the rows, for a change that relies on them.
func (s *holderState) reliedImages() []image {
	return []image{reliedImage(s.holding), reliedImage(s.reservationRow)}
}

// active returns the holder's reservation, or an error if the holder has none that
// is in force.
func (s *holderState) active() (*reservationRow, error) {
	switch {
	case s == nil:
		return nil, ErrNotFound
	case s.superseded:
		return nil, ErrSuperseded
	case s.State == Withdrawn:
		return nil, ErrWithdrawn
	}
	return s.reservationRow, nil
}

// LinkBySubject lets a holder keep a reservation with a renewed card without a [RenewalProof], if
// the source that was asked about revocation names the same [revocation.Subject] for both cards.
// [Registry.Find] then finds the reservation, and the next [Registry.Reserve] moves it to the new
// card: the old card is superseded, and the recovery code stays in force. The database contains
// a keyed digest of the subject. The default is to link no cards.
//
// Only certificates of the given issuers are linked. The CAs of trust.IssuerPinned issue
// certificates of cards. Do not pass an issuer that also issues certificates of phones: the
// certificates of a holder's phone and card may have the same subject, and both are in use at the
// same time.
//
// The link ends when a card with another subject, or with none, takes over the reservation.
func LinkBySubject(issuers ...trust.Issuer) Option {
	return func(r *Registry) { r.linked = issuers }
}

// canLink reports whether a holder's cards are linked.
func (r *Registry) canLink(holder *proof.Holder) bool {
	return slices.Contains(r.linked, holder.Issuer()) && holder.Revocation().Subject.Known()
}

// findHolder finds a holder by the handles of all generations, or by the subject. It
// returns nil if the holder is unknown. It returns mykey.ErrKey if the holder may be known
// under a generation that this registry was opened without.
func (r *Registry) findHolder(ctx context.Context, q queryer, holder *proof.Holder) (*holderState, error) {
	list, args := r.perGeneration([]any{r.namespace}, func(g Generation) []byte { return g.handle(holder.Certificate()) })
	// One statement for all generations, because another terminal may be moving the holder
	// to a new one.
	s, err := r.queryHolder(ctx, q, `h.handle IN `+list+` ORDER BY h.place DESC`, args)
	if err != nil {
		return nil, err
	}
	if s == nil || s.superseded {
		if err := r.checkMissingGenerations(ctx, q); err != nil {
			return nil, err
		}
	}
	if s != nil || !r.canLink(holder) {
		return s, nil
	}
	list, args = r.perGeneration([]any{r.namespace}, func(g Generation) []byte { return g.subject(holder.Revocation().Subject) })
	s, err = r.queryHolder(ctx, q, `h.subject IN `+list+` AND h.turn = `+lastTurn+` ORDER BY r.state, h.place DESC`, args) // "reserved" first
	if s != nil {
		s.linked = true
	}
	return s, err
}

// lastTurn selects the highest turn of the identifier of h.
const lastTurn = `(SELECT max(l.turn) FROM holders l WHERE l.namespace = h.namespace AND l.identifier = h.identifier)`

// queryHolder returns the first holding h that matches a condition, with its reservation r. It
// returns nil if there is none. The first of args is the namespace.
func (r *Registry) queryHolder(ctx context.Context, q queryer, condition string, args []any) (*holderState, error) {
	s := holderState{holding: holding{namespace: r.namespace}}
	var err error
	s.reservationRow, err = queryReservation(ctx, q, []any{&s.handle, &s.place, &s.generation, &s.turn, &s.subject, &s.superseded},
		`SELECT h.handle, h.place, h.generation, h.turn, h.subject, h.turn < `+lastTurn+`, `+reservationColumns+
			` FROM holders h JOIN reservations r ON r.namespace = h.namespace AND r.identifier = h.identifier`+joinApplication+
			`WHERE h.namespace = $1 AND `+condition+` LIMIT 1`, args...)
	if err != nil || s.reservationRow == nil {
		return nil, err
	}
	s.id = s.reservationRow.ID
	return &s, nil
}

// insertHolding makes a holder the current one of an identifier, under the current
// generation. before is the holder's state so far, nil for an unknown holder.
func (r *Registry) insertHolding(ctx context.Context, tx queryer, before *holderState, holder *proof.Holder, id mykey.ID) (image, error) {
	h := holding{namespace: r.namespace, handle: r.current.handle(holder.Certificate()), place: 1, generation: r.current.Number, id: id, subject: []byte{}}
	if before != nil {
		h.place, h.subject = before.place+1, append(h.subject, before.subject...) // never nil
	}
	if r.canLink(holder) {
		h.subject = r.current.subject(holder.Revocation().Subject)
	}
	if _, err := queryRow(ctx, tx, []any{&h.turn}, `SELECT COALESCE(max(turn), 0) + 1 FROM holders WHERE namespace = $1 AND identifier = $2`,
		h.namespace, h.id.String()); err != nil {
		return image{}, err
	}
	_, err := exec(ctx, tx, `INSERT INTO holders (namespace, handle, place, generation, identifier, turn, subject) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		h.namespace, h.handle, h.place, h.generation, h.id.String(), h.turn, h.subject)
	return addedImage(h), err
}
