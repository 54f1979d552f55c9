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
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey"
)

var (
	// ErrAccount: what can't be an account with a service.
	ErrAccount = errors.New("not an account with a service")
	// ErrApplied: the holder has applied, which is done once and not changed.
	ErrApplied = errors.New("the application was made, and can't be changed")
	// ErrAccountUsed: somebody has applied with this account.
	ErrAccountUsed = errors.New("the account was used in another application")
	// ErrNoOperator: nobody is known for whom an account could be sealed.
	ErrNoOperator = errors.New("no operator's key to seal the account for")
)

// The longest parts of an account, in bytes.
const (
	maxService = 64
	maxAccount = 128
	maxCode    = 64
)

// Account is what a person types to have a cashless service linked: personal
// data, which does not print itself, in a field of another struct either. The
// form that a service's IDs have is the campaign's to check.
type Account struct {
	service string
	data    hidden.Value[accountData]
}

type accountData struct{ id, code string }

// NewAccount returns the account that a person has with a service. The service's
// name to the operator has 1 to 64 bytes, the person's ID with it
// (決済サービスID) 1 to 128, and the code that shows that the ID is the person's
// (セキュリティコード) at most 64. [Registry.Preview] checks them.
func NewAccount(service, id, code string) Account {
	return Account{service, hidden.New(accountData{id, code})}
}

// Service names the service to the operator.
func (a Account) Service() string { return a.service }

// ID is the person's with the service.
func (a Account) ID() string { return a.data.Reveal().id }

// Code is what shows that the ID is the person's.
func (a Account) Code() string { return a.data.Reveal().code }

// String names the service.
func (a Account) String() string { return "[account with " + a.service + "]" }

// Format prints [Account.String] for every verb and flag.
func (a Account) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// MarshalText writes [Account.String].
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
			return fmt.Errorf("%w: its %s has %d to %d bytes", ErrAccount, part.name, part.minLength, part.maxLength)
		case !utf8.ValidString(part.text) || strings.ContainsFunc(part.text, unicode.IsControl):
			return fmt.Errorf("%w: its %s is no text", ErrAccount, part.name)
		}
	}
	if canonical(a.ID()) == "" {
		return fmt.Errorf("%w: its ID is blank", ErrAccount)
	}
	return nil
}

// canonical is an account's ID as it is compared: full width or not, upper or
// lower case, with spaces and hyphens or without is the same account. What is
// sealed is what was typed.
func canonical(id string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || r == '\u2212' || r == '\u30FC' {
			return -1
		}
		return r
	}, cases.Fold().String(norm.NFKC.String(id)))
}

// digest is what the database knows an account by: nobody without the key can
// try IDs against it.
func (a Account) digest(g Generation) []byte {
	return mac(g.Key, purposeAccount, []byte(g.Namespace.Name()), []byte(a.Service()), []byte(canonical(a.ID())))
}

// Preview is an application that could be made: what has to be read back to the
// person before [Registry.Confirm]. It holds the account; drop it after.
type Preview struct {
	id   mykey.ID
	data hidden.Value[*previewData]
}

// shown is whose account a preview shows.
type previewData struct {
	holder  *jpki.Authentication
	account Account
}

// Identifier, Service and AccountID are what would be linked.
func (p Preview) Identifier() mykey.ID { return p.id }
func (p Preview) Service() string      { return p.account().Service() }
func (p Preview) AccountID() string    { return p.account().ID() }

func (p Preview) account() Account {
	if data := p.data.Reveal(); data != nil {
		return data.account
	}
	return Account{}
}

// String names the service.
func (p Preview) String() string { return "[preview: " + p.account().String() + "]" }

// Format prints [Preview.String] for every verb and flag.
func (p Preview) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// MarshalText writes [Preview.String].
func (p Preview) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// LogValue implements slog.LogValuer with [Preview.String].
func (p Preview) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Preview looks whether a holder could apply with an account, and writes nothing.
// It fails with [ErrProof], [ErrAccount], [ErrNoOperator], [ErrNotFound],
// [ErrWithdrawn], [ErrSuperseded], [ErrApplied], [ErrAccountUsed] or
// [ErrUnavailable].
func (r *Registry) Preview(ctx context.Context, holder *jpki.Authentication, account Account) (Preview, error) {
	if err := r.checkHolder(holder, false); err != nil {
		return Preview{}, err
	}
	if err := account.check(); err != nil {
		return Preview{}, err
	}
	if r.operator == nil {
		return Preview{}, ErrNoOperator
	}
	p := Preview{data: hidden.New(&previewData{holder, account})}
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

// mayApply returns the seat to whose reservation an account may be linked.
func (r *Registry) checkApplication(ctx context.Context, q queryer, holder *jpki.Authentication, account Account) (*holderState, error) {
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

// Confirm makes the application that a preview showed. It is made once for a
// reservation, and not changed: not by withdrawing and reserving again either.
// The database gets a keyed digest of the account, and the account itself sealed
// for the operator.
//
// It fails as [Registry.Preview], and with [ErrOperation].
func (r *Registry) Confirm(ctx context.Context, operation Operation, p Preview) (*Reservation, error) {
	data := p.data.Reveal()
	if data == nil {
		return nil, fmt.Errorf("%w: nothing was shown", ErrAccount)
	}
	holder, account := data.holder, data.account
	if err := r.checkHolder(holder, false); err != nil { // to another registry, perhaps
		return nil, err
	}
	if r.operator == nil {
		return nil, ErrNoOperator
	}
	c := change{operation, kindApply, func(g Generation) [][]byte {
		return [][]byte{g.handle(holder.Certificate), []byte(p.id), []byte(account.Service())}
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
		if state.ID != p.id { // withdrawn and reserved again since
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

// sameAccount refuses an operation that was done for another account. Its request
// does not tell: who has the key could guess the account.
func (r *Registry) checkSameAccount(ctx context.Context, operation Operation, account Account) error {
	list, args := r.perGeneration([]any{operation[:], r.namespace}, account.digest)
	return r.retry(ctx, func(ctx context.Context) error {
		var same bool
		found, err := queryRow(ctx, r.storage.db, []any{&same}, `SELECT account IN `+list+` FROM applications WHERE operation = $1 AND namespace = $2`, args...)
		if err == nil && found && !same {
			err = fmt.Errorf("%w: it was another request", ErrOperation)
		}
		return err
	})
}
