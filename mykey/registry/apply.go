package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	// ErrAccount reports an invalid account.
	ErrAccount = errors.New("invalid account with a service")
	// ErrApplied reports that the holder has already applied. An application can't be
	// changed or repeated.
	ErrApplied = errors.New("the holder has already applied")
	// ErrAccountUsed reports that the account is used in another application.
	ErrAccountUsed = errors.New("the account was used in another application")
	// ErrNoOperator reports a registry that was opened without [WithOperator].
	ErrNoOperator = errors.New("no operator's public key to encrypt the account with")
)

// The maximum lengths of an account's parts, in bytes.
const (
	maxService = 64
	maxAccount = 128
	maxCode    = 64
)

// Account is a holder's account with a cashless service, as the holder typed it. It
// is personal data: printing it shows only the service, also as a field of another
// struct. Check the service's own format of IDs before you make an Account.
type Account struct {
	service string
	data    hidden.Value[accountData]
}

type accountData struct{ id, code string }

// NewAccount returns an account. service is the operator's name for the service, 1 to 64 bytes. id
// is the holder's ID with the service (決済サービスID), 1 to 128 bytes. code is the security code that
// belongs to the ID (セキュリティコード), 0 to 64 bytes. [Registry.Preview] checks them.
func NewAccount(service, id, code string) Account {
	return Account{service, hidden.New(accountData{id, code})}
}

// Service returns the operator's name for the service.
func (a Account) Service() string { return a.service }

// ID returns the holder's ID with the service.
func (a Account) ID() string { return a.data.Reveal().id }

// Code returns the security code.
func (a Account) Code() string { return a.data.Reveal().code }

// String returns "[account with SERVICE]", without the ID and the code.
func (a Account) String() string { return "[account with " + a.service + "]" }

// Format prints [Account.String] for every verb and flag.
func (a Account) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// MarshalText returns [Account.String].
func (a Account) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// LogValue implements slog.LogValuer with [Account.String].
func (a Account) LogValue() slog.Value { return slog.StringValue(a.String()) }

func (a Account) check() error {
	for _, part := range []struct {
		name, text           string
		minLength, maxLength int
	}{{"service", a.Service(), 1, maxService}, {"ID", a.ID(), 1, maxAccount}, {"code", a.Code(), 0, maxCode}} {
		switch {
		case len(part.text) < part.minLength || len(part.text) > part.maxLength:
			return fmt.Errorf("%w: the %s must have %d to %d bytes", ErrAccount, part.name, part.minLength, part.maxLength)
		case !isText(part.text):
			return fmt.Errorf("%w: the %s is not printable text", ErrAccount, part.name)
		}
	}
	if canonical(a.ID()) == "" {
		return fmt.Errorf("%w: the ID is blank", ErrAccount)
	}
	return nil
}

// isText reports whether a string is UTF-8 without control characters.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// canonical returns the form in which account IDs are compared. Width, case, spaces
// and hyphens do not distinguish accounts. The sealed account keeps them.
func canonical(id string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || r == '\u2212' || r == '\u30FC' {
			return -1
		}
		return r
	}, cases.Fold().String(norm.NFKC.String(id)))
}

// digest returns the keyed digest of an account that the database stores. Testing
// guesses against it takes the key.
func (a Account) digest(g Generation) []byte {
	return mac(g.Key, purposeAccount, []byte(g.Namespace.Name()), []byte(a.Service()), []byte(canonical(a.ID())))
}

// Preview is an application that a holder can make. Show it to the holder before
// [Registry.Confirm], and discard it afterwards, since it contains the account.
type Preview struct {
	id   mykey.ID
	data hidden.Value[*previewData]
}

// previewData is the unprinted part of a preview.
type previewData struct {
	holder  *proof.Holder
	account Account
}

// NewPreview returns a preview to pass to [Registry.Confirm]. It is for a server whose terminal has
// shown the preview to the holder, who has agreed. id is the identifier that was shown.
func NewPreview(holder *proof.Holder, id mykey.ID, account Account) Preview {
	return Preview{id, hidden.New(&previewData{holder, account})}
}

// Identifier returns the holder's identifier.
func (p Preview) Identifier() mykey.ID { return p.id }

// Service returns the operator's name for the service.
func (p Preview) Service() string { return p.account().Service() }

// AccountID returns the holder's ID with the service.
func (p Preview) AccountID() string { return p.account().ID() }

func (p Preview) account() Account {
	if data := p.data.Reveal(); data != nil {
		return data.account
	}
	return Account{}
}

// String returns "[preview: [account with SERVICE]]", without the ID and the code.
func (p Preview) String() string { return "[preview: " + p.account().String() + "]" }

// Format prints [Preview.String] for every verb and flag.
func (p Preview) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// MarshalText returns [Preview.String].
func (p Preview) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// LogValue implements slog.LogValuer with [Preview.String].
func (p Preview) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Preview checks whether a holder can apply with an account. It does not change the
// database. It returns [ErrProof], [ErrAccount], [ErrNoOperator], [ErrNotFound],
// [ErrWithdrawn], [ErrSuperseded], [ErrApplied], [ErrAccountUsed] or
// [ErrUnavailable].
func (r *Registry) Preview(ctx context.Context, holder *proof.Holder, account Account) (Preview, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return Preview{}, err
	}
	if err := account.check(); err != nil {
		return Preview{}, err
	}
	if r.operator == nil {
		return Preview{}, ErrNoOperator
	}
	p := NewPreview(holder, "", account)
	err := r.snapshot(ctx, func(tx queryer) error {
		state, err := r.checkApplication(ctx, tx, holder, account)
		if err == nil {
			p.id = state.ID
		}
		return err
	})
	if err != nil {
		return Preview{}, err
	}
	return p, nil
}

// checkApplication returns the state of a holder who can apply with an account, or
// the reason why not.
func (r *Registry) checkApplication(ctx context.Context, q queryer, holder *proof.Holder, account Account) (*holderState, error) {
	state, err := r.findHolder(ctx, q, holder)
	if err != nil {
		return nil, err
	}
	if _, err := state.active(); err != nil {
		return nil, err
	}
	if state.Application != nil {
		return nil, ErrApplied
	}
	list, args := r.perGeneration([]any{r.namespace, account.Service()}, account.digest)
	var value int
	used, err := queryRow(ctx, q, []any{&value}, `SELECT 1 FROM applications WHERE namespace = $1 AND service = $2 AND account IN `+list, args...)
	if err == nil && used {
		err = ErrAccountUsed
	}
	return state, err
}

// Confirm makes the application that a preview showed. A holder can apply once. The
// application can't be changed, and it stays in force if the holder withdraws the
// reservation and reserves again. The database stores a keyed digest of the account, and
// the account encrypted for the operator.
//
// It returns the errors of [Registry.Preview], [ErrOperation] or [ErrTerminalTaken].
func (r *Registry) Confirm(ctx context.Context, operation Operation, p Preview) (*Reservation, error) {
	data := p.data.Reveal()
	if data == nil {
		return nil, fmt.Errorf("%w: the preview is empty", ErrAccount)
	}
	holder, account := data.holder, data.account
	if err := r.checkHolder(holder, false); err != nil { // the preview may come from another registry
		return nil, err
	}
	if err := account.check(); err != nil {
		return nil, err
	}
	if r.operator == nil {
		return nil, ErrNoOperator
	}
	c := change{operation, kindApply, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate()), []byte(p.id), []byte(account.Service())}
	}}
	sealed, err := seal(r.operator, r.namespace, p.id, account)
	if err != nil {
		return nil, err
	}
	var result *reservationRow
	done, err := r.applyOnce(ctx, c, func(tx queryer) (*outcome, error) {
		state, err := r.checkApplication(ctx, tx, holder, account)
		if err != nil {
			return nil, err
		}
		if state.ID != p.id { // the holder has withdrawn and reserved again since the preview
			return nil, ErrWithdrawn
		}
		now := r.now().UTC()
		a := application{
			Application: Application{ID: state.ID, Namespace: r.namespace, Service: account.Service(), Applied: now, Sealed: sealed},
			lineage:     state.lineage, account: account.digest(r.current), operation: operation[:], version: 1,
		}
		if _, err := exec(ctx, tx, `INSERT INTO applications (namespace, lineage, identifier, service, account, sealed, applied, operation, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			a.Namespace, a.lineage, a.ID.String(), a.Service, a.account, a.Sealed, now.Unix(), a.operation, a.version); err != nil {
			return nil, err
		}
		result = state.reservationRow
		result.Application = &Link{Service: a.Service, Applied: now}
		return &outcome{kind: kindApply, lineage: state.lineage, images: append(state.reliedImages(), addedImage(a))}, nil
	})
	if err == nil && done {
		err = r.checkSameAccount(ctx, operation, account)
	}
	return r.reservationAfter(ctx, operation, holder, result, done, err)
}

// checkSameAccount returns [ErrOperation] if an operation was applied with another
// account. The request digest does not include the account, because it could be
// guessed from the digest with the key.
func (r *Registry) checkSameAccount(ctx context.Context, operation Operation, account Account) error {
	list, args := r.perGeneration([]any{operation[:], r.namespace}, account.digest)
	return r.retry(ctx, func(ctx context.Context) error {
		var same bool
		found, err := queryRow(ctx, r.storage.db, []any{&same}, `SELECT account IN `+list+` FROM applications WHERE operation = $1 AND namespace = $2`, args...)
		if err == nil && found && !same {
			err = fmt.Errorf("%w: it was used for a different request", ErrOperation)
		}
		return err
	})
}
