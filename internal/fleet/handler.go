package fleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

type callerKey struct{}

// WithCaller returns a context for a request of a caller whom the server has authenticated.
func WithCaller(ctx context.Context, c fleettls.Identity) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the caller of a request, and false if none was authenticated.
func CallerOf(ctx context.Context) (fleettls.Identity, bool) {
	c, ok := ctx.Value(callerKey{}).(fleettls.Identity)
	return c, ok
}

// Store is the part of registry.Registry that a server uses in addition to [Registry].
type Store interface {
	Registry
	// From returns the registry for a change that a terminal has signed.
	From(registry.Origin) *registry.Registry
	StoreChallenge(ctx context.Context, terminal string, challenge proof.Challenge) error
	CheckChallenge(ctx context.Context, terminal string, challenge proof.Challenge, visit [16]byte, evidence [sha256.Size]byte) error
	UseChallenge(ctx context.Context, terminal string, challenge proof.Challenge, visit [16]byte, evidence [sha256.Size]byte) error
	Heartbeat(ctx context.Context, terminal, version string, visits int) error
}

// HandlerConfig configures a handler.
type HandlerConfig struct {
	Store Store
	// Verifier verifies evidence. Its Audience names the server. The handler sets Once, CheckUnused
	// and MaxAge. With Revocation, the maximum age of an answer should be longer than a visit:
	// otherwise a visit pays for several.
	Verifier proof.Verifier
	// Campaign is the campaign file that terminals fetch.
	Campaign []byte
	// Refused, if not nil, is called with each error that a request ends with, and the code
	// that the terminal is told.
	Refused func(r *http.Request, code string, err error)
}

type handler struct {
	HandlerConfig
	campaignTag string
}

// NewHandler returns the handler for terminals' requests. Each request's context must have a
// caller: see [WithCaller].
func NewHandler(config HandlerConfig) http.Handler {
	if config.Refused == nil {
		config.Refused = func(*http.Request, string, error) {}
	}
	sum := sha256.Sum256(config.Campaign)
	h := &handler{config, `"` + hex.EncodeToString(sum[:16]) + `"`}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathCampaign, h.campaign)
	for path, serve := range map[string]serve{
		pathChallenges: h.challenge, pathVisits: h.identify, pathHeartbeat: h.heartbeat, pathFind: h.find,
		pathReserve: byTerminal(h.reserve), pathRenew: byTerminal(h.renew), pathRecoveryCode: byTerminal(h.replaceCode),
		pathWithdraw: byTerminal(h.withdraw), pathPreview: byTerminal(h.preview), pathApply: byTerminal(h.apply),
		pathClerkRenew: byClerk(h.renewByClerk(registry.ByClerk)), pathClerkMerge: byClerk(h.renewByClerk(registry.MergeByClerk)),
	} {
		mux.HandleFunc("POST "+path, h.serve(serve))
	}
	return mux
}

// serve answers a request with a body.
type serve = func(*http.Request, []byte) (any, error)

// byTerminal rejects requests of callers that are not terminals.
func byTerminal(next serve) serve { return onlyBy(registry.RoleTerminal, ErrNotEnrolled, next) }

// byClerk rejects requests of callers that are not clerks.
func byClerk(next serve) serve { return onlyBy(registry.RoleClerk, registry.ErrNotClerk, next) }

func onlyBy(role registry.Role, otherwise error, next serve) serve {
	return func(r *http.Request, body []byte) (any, error) {
		if caller, _ := CallerOf(r.Context()); caller.Role != role {
			return nil, fmt.Errorf("%w: the role of %s is %s", otherwise, caller.Name, caller.Role)
		}
		return next(r, body)
	}
}

// serve reads a request, and writes its response or problem.
func (h *handler) serve(serve serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		defer clear(body)
		var response any
		switch _, known := CallerOf(r.Context()); {
		case !known:
			err = ErrNotEnrolled
		case errors.As(err, new(*http.MaxBytesError)):
			err = fmt.Errorf("%w: more than %d bytes", ErrRequest, maxRequest)
		case err == nil:
			response, err = serve(r, body)
		}
		if err != nil {
			h.Refused(r, WriteProblem(w, err), err)
			return
		}
		write(w, "application/json", http.StatusOK, response)
	}
}

func write(w http.ResponseWriter, contentType string, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the terminal asks again
}

func (h *handler) campaign(w http.ResponseWriter, r *http.Request) {
	if _, known := CallerOf(r.Context()); !known {
		h.Refused(r, WriteProblem(w, ErrNotEnrolled), ErrNotEnrolled)
		return
	}
	w.Header().Set("ETag", h.campaignTag)
	w.Header().Set("Content-Type", "application/toml")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.Campaign))
}

func (h *handler) now() time.Time {
	if h.Verifier.Now == nil {
		return time.Now()
	}
	return h.Verifier.Now()
}

func (h *handler) challenge(r *http.Request, body []byte) (any, error) {
	if err := decode(body, &struct{}{}); err != nil {
		return nil, err
	}
	challenge, err := proof.NewChallenge(h.Verifier.Audience, h.Verifier.Purpose, h.now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	caller, _ := CallerOf(r.Context())
	return challenge, h.Store.StoreChallenge(r.Context(), caller.Name, challenge)
}

func (h *handler) heartbeat(r *http.Request, body []byte) (any, error) {
	var beat heartbeat
	if err := decode(body, &beat); err != nil {
		return nil, err
	}
	caller, _ := CallerOf(r.Context())
	return struct{}{}, h.Store.Heartbeat(r.Context(), caller.Name, beat.Version, beat.Visits)
}

// visit is a request of a visit that was verified.
type visit struct {
	request
	holder *proof.Holder
	caller fleettls.Identity
}

// verify decodes a request of a visit and verifies its evidence. Each request carries the
// evidence again.
func (h *handler) verify(r *http.Request, body []byte) (*visit, error) {
	v := &visit{}
	if err := decode(body, &v.request); err != nil {
		return nil, err
	}
	v.caller, _ = CallerOf(r.Context())
	var err error
	v.holder, err = h.verifyEvidence(r.Context(), v, v.Evidence, h.Verifier)
	return v, err
}

// verifyEvidence verifies the evidence of a card in a visit. No other visit can use it.
func (h *handler) verifyEvidence(ctx context.Context, v *visit, e proof.Evidence, verifier proof.Verifier) (*proof.Holder, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	verifier.MaxAge = registry.VisitTime + proof.DefaultMaxAge // UseChallenge bounds the first answer
	evidence := sha256.Sum256(text)
	verifier.CheckUnused = func(ctx context.Context, challenge proof.Challenge) error {
		return h.Store.CheckChallenge(ctx, v.caller.Name, challenge, v.Visit, evidence)
	}
	verifier.Once = func(ctx context.Context, challenge proof.Challenge) error {
		return h.Store.UseChallenge(ctx, v.caller.Name, challenge, v.Visit, evidence)
	}
	return verifier.Verify(ctx, e)
}

// signedChange is a request of a visit that changes something.
type signedChange struct {
	*visit
	operation registry.Operation
	store     *registry.Registry // for the change
}

// verifyChange is like verify for a request that changes something. The registry verifies the
// signature.
func (h *handler) verifyChange(r *http.Request, body []byte) (*signedChange, error) {
	v, err := h.verify(r, body)
	if err != nil {
		return nil, err
	}
	operation, err := registry.ParseOperation(v.Operation)
	if err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(r.Header.Get(signatureHeader))
	if err != nil || len(signature) != ed25519.SignatureSize {
		return nil, fmt.Errorf("%w: no signature", registry.ErrTerminal)
	}
	origin := registry.Origin{Terminal: v.caller.Name, Role: v.caller.Role, Key: v.caller.Key, Body: sha256.Sum256(body), Signature: signature}
	return &signedChange{v, operation, h.Store.From(origin)}, nil
}

func (h *handler) identify(r *http.Request, body []byte) (any, error) {
	v, err := h.verify(r, body)
	if err != nil {
		return nil, err
	}
	return identified{v.holder.Validity()}, nil
}

func (h *handler) find(r *http.Request, body []byte) (any, error) {
	v, err := h.verify(r, body)
	if err != nil {
		return nil, err
	}
	return respond(h.Store.Find(r.Context(), v.holder))
}

func (h *handler) reserve(r *http.Request, body []byte) (any, error) {
	return h.changeWithCode(r, body, func(c *signedChange, code registry.RecoveryCode) (*registry.Reservation, error) {
		return c.store.Reserve(r.Context(), c.operation, c.holder, code)
	})
}

func (h *handler) replaceCode(r *http.Request, body []byte) (any, error) {
	return h.changeWithCode(r, body, func(c *signedChange, code registry.RecoveryCode) (*registry.Reservation, error) {
		return c.store.ReplaceRecoveryCode(r.Context(), c.operation, c.holder, code)
	})
}

func (h *handler) renew(r *http.Request, body []byte) (any, error) {
	return h.changeWithCode(r, body, func(c *signedChange, code registry.RecoveryCode) (*registry.Reservation, error) {
		by, err := h.renewalProof(r.Context(), c.visit)
		if err != nil {
			return nil, err
		}
		return c.store.Renew(r.Context(), c.operation, c.holder, by, code)
	})
}

// renewalProof returns the proof of a renewal that no clerk confirms.
func (h *handler) renewalProof(ctx context.Context, v *visit) (registry.RenewalProof, error) {
	if v.OldEvidence != nil {
		return h.byOldCard(ctx, v)
	}
	id, err := mykey.Parse(v.Identifier)
	if err != nil {
		return registry.RenewalProof{}, err
	}
	old, err := registry.ParseRecoveryCode(v.OldRecoveryCode)
	return registry.ByRecoveryCode(id, old), err
}

// byOldCard verifies the evidence of the earlier card. If revocation is checked, that card's
// certificate must not have expired, since no source knows about it then.
func (h *handler) byOldCard(ctx context.Context, v *visit) (registry.RenewalProof, error) {
	if v.Identifier != "" || v.OldRecoveryCode != "" {
		return registry.RenewalProof{}, fmt.Errorf("%w: two proofs", ErrRequest)
	}
	verifier := h.Verifier
	verifier.AllowExpired = true
	old, err := h.verifyEvidence(ctx, v, *v.OldEvidence, verifier)
	if err != nil {
		return registry.RenewalProof{}, fmt.Errorf("old card: %w", err)
	}
	return registry.ByOldCard(old), nil
}

// renewByClerk serves renewals that the caller confirms. The registry takes the clerk's name
// from the origin of the change.
func (h *handler) renewByClerk(by func(id mykey.ID, clerk string) registry.RenewalProof) serve {
	return func(r *http.Request, body []byte) (any, error) {
		return h.changeWithCode(r, body, func(c *signedChange, code registry.RecoveryCode) (*registry.Reservation, error) {
			id, err := mykey.Parse(c.Identifier)
			if err != nil {
				return nil, err
			}
			return c.store.Renew(r.Context(), c.operation, c.holder, by(id, c.caller.Name), code)
		})
	}
}

func (h *handler) withdraw(r *http.Request, body []byte) (any, error) {
	c, err := h.verifyChange(r, body)
	if err != nil {
		return nil, err
	}
	return respond(c.store.Withdraw(r.Context(), c.operation, c.holder))
}

// changeWithCode makes a change that sets a recovery code.
func (h *handler) changeWithCode(r *http.Request, body []byte, change func(*signedChange, registry.RecoveryCode) (*registry.Reservation, error)) (any, error) {
	c, err := h.verifyChange(r, body)
	if err != nil {
		return nil, err
	}
	code, err := registry.ParseRecoveryCode(c.RecoveryCode)
	if err != nil {
		return nil, err
	}
	return respond(change(c, code))
}

func (v *visit) account() (registry.Account, error) {
	if v.Account == nil {
		return registry.Account{}, fmt.Errorf("%w: no account", ErrRequest)
	}
	return registry.NewAccount(v.Account.Service, v.Account.ID, v.Account.Code), nil
}

func (h *handler) preview(r *http.Request, body []byte) (any, error) {
	v, err := h.verify(r, body)
	if err != nil {
		return nil, err
	}
	account, err := v.account()
	if err != nil {
		return nil, err
	}
	p, err := h.Store.Preview(r.Context(), v.holder, account)
	return previewed{p.Identifier().String()}, err
}

func (h *handler) apply(r *http.Request, body []byte) (any, error) {
	c, err := h.verifyChange(r, body)
	if err != nil {
		return nil, err
	}
	account, err := c.account()
	if err != nil {
		return nil, err
	}
	id, err := mykey.Parse(c.Identifier)
	if err != nil {
		return nil, err
	}
	return respond(c.store.Confirm(r.Context(), c.operation, registry.NewPreview(c.holder, id, account)))
}

func respond(r *registry.Reservation, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return newReservation(r), nil
}
