package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/hidden"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// requestTimeout bounds each request, if the context does not end before. A registry answers
// within 11 seconds.
const requestTimeout = 20 * time.Second

// Client is the service of a terminal that asks a server. It is safe for concurrent use.
type Client struct {
	server    *url.URL
	http      *http.Client
	terminal  registry.Terminal
	namespace atomic.Pointer[string]
}

var _ Service = (*Client)(nil)

// NewClient returns a client for the server at an https URL. transport presents the terminal's
// certificate; terminal signs the changes with the same key. Call SetNamespace before any
// change.
func NewClient(server string, transport http.RoundTripper, terminal registry.Terminal) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%w: the server's URL is https://HOST:PORT", ErrRequest)
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{server: u, http: client, terminal: terminal}, nil
}

// SetNamespace sets the namespace of the changes that the terminal signs: the campaign's.
func (c *Client) SetNamespace(namespace string) { c.namespace.Store(&namespace) }

// Challenge implements [Service]. It returns [ErrRequest] for a challenge of another audience
// than the namespace.
func (c *Client) Challenge(ctx context.Context) (challenge proof.Challenge, err error) {
	if err := c.post(ctx, pathChallenges, struct{}{}, nil, &challenge); err != nil {
		return proof.Challenge{}, err
	}
	// A dishonest server could relay another service's challenge, and log in there with the
	// card's evidence.
	if namespace := c.namespace.Load(); namespace == nil || challenge.Audience != *namespace || challenge.Purpose != Purpose {
		return proof.Challenge{}, fmt.Errorf("%w: the challenge is not for this terminal's campaign", ErrRequest)
	}
	return challenge, nil
}

// Ping implements [Service].
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Challenge(ctx)
	return err
}

// Heartbeat tells the server the terminal's version, and its visits since the last heartbeat.
func (c *Client) Heartbeat(ctx context.Context, version string, visits int) error {
	return c.post(ctx, pathHeartbeat, heartbeat{version, visits}, nil, &struct{}{})
}

// Campaign returns the campaign file of the server.
func (c *Client) Campaign(ctx context.Context) (text []byte, err error) {
	err = c.do(ctx, http.MethodGet, pathCampaign, nil, nil, func(body []byte) error {
		text = body
		return nil
	})
	return text, err
}

// Identify implements [Service]. It sends the evidence a second time if the answer is lost.
func (c *Client) Identify(ctx context.Context, evidence proof.Evidence) (Visit, error) {
	v, err := c.IdentifyAtDesk(ctx, evidence)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// IdentifyAtDesk is like [Client.Identify] for a visit at a desk.
func (c *Client) IdentifyAtDesk(ctx context.Context, evidence proof.Evidence) (DeskVisit, error) {
	v := &clientVisit{client: c}
	_, _ = rand.Read(v.id[:]) // it never returns an error
	v.evidence = hidden.New(evidence)
	var response identified
	err := v.post(ctx, pathVisits, request{}, nil, &response)
	if errors.Is(err, registry.ErrUnavailable) && ctx.Err() == nil {
		err = v.post(ctx, pathVisits, request{}, nil, &response)
	}
	if err != nil {
		return nil, err
	}
	v.validity = response.Validity
	return v, nil
}

// clientVisit is a visit at a server.
type clientVisit struct {
	client   *Client
	id       visitID
	evidence hidden.Value[proof.Evidence]
	validity trust.Validity
}

func (v *clientVisit) Validity() trust.Validity { return v.validity }

func (v *clientVisit) Find(ctx context.Context) (*registry.Reservation, error) {
	return v.reservation(ctx, pathFind, request{}, nil)
}

func (v *clientVisit) Reserve(ctx context.Context, operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.reservation(ctx, pathReserve, request{RecoveryCode: code.Reveal()}, &change{operation, "reserve"})
}

func (v *clientVisit) Renew(ctx context.Context, operation registry.Operation, id mykey.ID, code, next registry.RecoveryCode) (*registry.Reservation, error) {
	return v.reservation(ctx, pathRenew, request{Identifier: id.String(), OldRecoveryCode: code.Reveal(), RecoveryCode: next.Reveal()}, &change{operation, "renew-recovery-code"})
}

func (v *clientVisit) RenewByOldCard(ctx context.Context, operation registry.Operation, old proof.Evidence, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.reservation(ctx, pathRenew, request{OldEvidence: &old, RecoveryCode: code.Reveal()}, &change{operation, "renew-old-card"})
}

func (v *clientVisit) RenewByClerk(ctx context.Context, operation registry.Operation, id mykey.ID, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.reservation(ctx, pathClerkRenew, request{Identifier: id.String(), RecoveryCode: code.Reveal()}, &change{operation, "renew-clerk"})
}

func (v *clientVisit) MergeByClerk(ctx context.Context, operation registry.Operation, id mykey.ID, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.reservation(ctx, pathClerkMerge, request{Identifier: id.String(), RecoveryCode: code.Reveal()}, &change{operation, "merge-clerk"})
}

func (v *clientVisit) ReplaceRecoveryCode(ctx context.Context, operation registry.Operation, code registry.RecoveryCode) (*registry.Reservation, error) {
	return v.reservation(ctx, pathRecoveryCode, request{RecoveryCode: code.Reveal()}, &change{operation, "new-recovery-code"})
}

func (v *clientVisit) Withdraw(ctx context.Context, operation registry.Operation) (*registry.Reservation, error) {
	return v.reservation(ctx, pathWithdraw, request{}, &change{operation, "withdraw"})
}

func (v *clientVisit) Preview(ctx context.Context, account registry.Account) (mykey.ID, error) {
	var response previewed
	if err := v.post(ctx, pathPreview, request{Account: newWireAccount(account)}, nil, &response); err != nil {
		return "", err
	}
	return parseIdentifier(response.Identifier)
}

func (v *clientVisit) Apply(ctx context.Context, operation registry.Operation, id mykey.ID, account registry.Account) (*registry.Reservation, error) {
	return v.reservation(ctx, pathApply, request{Identifier: id.String(), Account: newWireAccount(account)}, &change{operation, "apply"})
}

func newWireAccount(a registry.Account) *wireAccount {
	return &wireAccount{a.Service(), a.ID(), a.Code()}
}

// change is what a terminal signs of a request. The kinds are package registry's.
type change struct {
	operation registry.Operation
	kind      string
}

// reservation posts a request of a visit and returns the reservation of the response.
func (v *clientVisit) reservation(ctx context.Context, path string, q request, signed *change) (*registry.Reservation, error) {
	var response reservation
	if err := v.post(ctx, path, q, signed, &response); err != nil {
		return nil, err
	}
	return response.registry()
}

func (v *clientVisit) post(ctx context.Context, path string, q request, signed *change, response any) error {
	q.Visit, q.Evidence = v.id, v.evidence.Reveal()
	if signed != nil {
		q.Operation = signed.operation.String()
	}
	return v.client.post(ctx, path, q, signed, response)
}

func (c *Client) post(ctx context.Context, path string, q any, signed *change, response any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	defer clear(body)
	return c.do(ctx, http.MethodPost, path, body, signed, func(text []byte) error { return json.Unmarshal(text, response) })
}

// do sends a request, and passes the body of the response to read.
func (c *Client) do(ctx context.Context, method, path string, body []byte, signed *change, read func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, c.server.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	if signed != nil {
		namespace := c.namespace.Load()
		if namespace == nil {
			return fmt.Errorf("%w: the namespace is not known yet", ErrRequest)
		}
		signature := c.terminal.SignRequest(*namespace, signed.operation, signed.kind, sha256.Sum256(body))
		q.Header.Set(signatureHeader, base64.StdEncoding.EncodeToString(signature))
	}
	response, err := c.http.Do(q)
	if err != nil {
		if errors.Is(fleettls.Explain(err, time.Now()), fleettls.ErrRejected) {
			return fmt.Errorf("%w: %w", ErrNotEnrolled, err)
		}
		return fmt.Errorf("%w: %w", registry.ErrUnavailable, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", registry.ErrUnavailable, err)
	case len(text) > maxResponse:
		return fmt.Errorf("%w: the response is too long", registry.ErrUnavailable)
	case response.StatusCode != http.StatusOK:
		p := problem{Status: response.StatusCode}
		_ = json.Unmarshal(text, &p) // a proxy's page has no code
		return p.err()
	}
	if err := read(text); err != nil {
		return fmt.Errorf("%w: the response is malformed", registry.ErrUnavailable)
	}
	return nil
}
