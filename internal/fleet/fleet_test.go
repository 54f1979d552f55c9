package fleet_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/internal/fleettls"
	"github.com/mykeykit/mykeykit/internal/prooftest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const (
	namespace = "points.example"
	audience  = namespace // as every server of the fleet has
)

// site is a registry with a server before it.
type site struct {
	registry *registry.Registry
	url      string
	http     http.RoundTripper

	mu      sync.Mutex
	callers map[string]fleettls.Identity
	refused []error
}

// newRegistry opens a new registry in a file.
func newRegistry(t testing.TB, options ...registry.Option) *registry.Registry {
	t.Helper()
	key := func(b byte) mykey.Key {
		k, err := mykey.NewKey(append(make([]byte, 31), b))
		require.NoError(t, err)
		return k
	}
	ns, err := mykey.NewNamespace(namespace, key(1))
	require.NoError(t, err)
	terminal, err := registry.GenerateTerminal("server")
	require.NoError(t, err)
	operator, err := hpke.MLKEM768X25519().GenerateKey()
	require.NoError(t, err)
	r, err := registry.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "registry.db"), terminal,
		registry.Generation{Number: 1, Namespace: ns, Key: key(2)}, append(options, registry.WithOperator(operator.PublicKey()))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// callerHeader names the caller in these tests. A server takes it from the TLS connection.
const callerHeader = "Test-Caller"

func newSite(t testing.TB, changes ...func(*proof.Verifier)) *site {
	t.Helper()
	verifier := proof.Verifier{Audience: audience, Purpose: fleet.Purpose, Trust: trust.Policy{CAs: []*x509.Certificate{prooftest.CA()}}}
	for _, change := range changes {
		change(&verifier)
	}
	s := &site{registry: newRegistry(t, registry.LinkBySubject(trust.IssuerCaller)), callers: map[string]fleettls.Identity{}}
	handler := fleet.NewHandler(fleet.HandlerConfig{
		Store:    s.registry,
		Verifier: verifier,
		Campaign: []byte("name = \"test\"\n"),
		Refused: func(_ *http.Request, _ string, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused = append(s.refused, err)
		},
	})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		caller, known := s.callers[r.Header.Get(callerHeader)]
		s.mu.Unlock()
		if known {
			r = r.WithContext(fleet.WithCaller(r.Context(), caller))
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url, s.http = server.URL, server.Client().Transport
	return s
}

// as is a transport with a caller.
type as struct {
	http.RoundTripper
	name string
}

func (a as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(callerHeader, a.name)
	return a.RoundTripper.RoundTrip(r)
}

// client returns the client of an enrolled terminal. wrap, if not nil, wraps its transport.
func (s *site) client(t testing.TB, name string, wrap func(http.RoundTripper) http.RoundTripper) *fleet.Client {
	t.Helper()
	return s.clientAs(t, name, registry.RoleTerminal, wrap)
}

// clientAs is like client for a role.
func (s *site) clientAs(t testing.TB, name string, role registry.Role, wrap func(http.RoundTripper) http.RoundTripper) *fleet.Client {
	t.Helper()
	terminal, err := registry.GenerateTerminal(name)
	require.NoError(t, err)
	s.mu.Lock()
	s.callers[name] = fleettls.Identity{Name: name, Role: role, Key: ed25519.PublicKey(terminal.Public().Key)}
	s.mu.Unlock()
	transport := http.RoundTripper(as{s.http, name})
	if wrap != nil {
		transport = wrap(transport)
	}
	c, err := fleet.NewClient(s.url, transport, terminal)
	require.NoError(t, err)
	c.SetNamespace(namespace)
	return c
}

// begun is when the tests began, so that a card always has the same certificate.
var begun = time.Now()

// card returns the nth card, which is valid today.
func card(n int) prooftest.Card {
	return prooftest.Card{Kind: "fleet", Number: n, NotAfter: begun.AddDate(2, 0, 0)}
}

// identify starts a visit with a card.
func identify(t testing.TB, s fleet.Service, c prooftest.Card) fleet.Visit {
	t.Helper()
	challenge, err := s.Challenge(t.Context())
	require.NoError(t, err)
	v, err := s.Identify(t.Context(), c.Answer(challenge))
	require.NoError(t, err)
	return v
}

// services returns a terminal's service of each kind, with an empty registry.
func services(t *testing.T) map[string]fleet.Service {
	return map[string]fleet.Service{
		"local":  fleet.NewLocal(newRegistry(t), trust.Policy{CAs: []*x509.Certificate{prooftest.CA()}}),
		"server": newSite(t).client(t, "t1", nil),
	}
}

// A terminal can't tell a server from a registry of its own.
func TestVisit(t *testing.T) {
	for name, s := range services(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			require.NoError(t, s.Ping(ctx))
			v := identify(t, s, card(1))
			assert.Equal(t, trust.Valid, v.Validity())
			_, err := v.Find(ctx)
			require.ErrorIs(t, err, registry.ErrNotFound)
			_, err = v.Withdraw(ctx, registry.NewOperation())
			require.ErrorIs(t, err, registry.ErrNotFound)

			code, operation := registry.NewRecoveryCode(), registry.NewOperation()
			first, err := v.Reserve(ctx, operation, code)
			require.NoError(t, err)
			assert.True(t, first.New)
			assert.Equal(t, registry.Reserved, first.State)
			assert.Equal(t, namespace, first.Namespace)
			assert.Equal(t, mykey.MonthOf(card(1).NotAfter), first.Expiry)
			again, err := v.Reserve(ctx, operation, code)
			require.NoError(t, err, "the same request again")
			assert.Equal(t, first, again)
			_, err = v.Reserve(ctx, operation, registry.NewRecoveryCode())
			require.ErrorIs(t, err, registry.ErrOperation, "another request with the same operation")
			found, err := v.Find(ctx)
			require.NoError(t, err)
			assert.Equal(t, first.ID, found.ID)

			account := registry.NewAccount("example-pay", "user-0001", "4649")
			id, err := v.Preview(ctx, account)
			require.NoError(t, err)
			assert.Equal(t, first.ID, id)
			_, err = v.Apply(ctx, registry.NewOperation(), "00000000", account)
			require.Error(t, err, "another identifier than the holder's")
			operation = registry.NewOperation()
			for range 2 {
				applied, err := v.Apply(ctx, operation, id, account)
				require.NoError(t, err)
				require.NotNil(t, applied.Application)
				assert.Equal(t, "example-pay", applied.Application.Service)
			}
			_, err = v.Apply(ctx, registry.NewOperation(), id, account)
			require.ErrorIs(t, err, registry.ErrApplied)

			next := registry.NewRecoveryCode()
			_, err = v.ReplaceRecoveryCode(ctx, registry.NewOperation(), next)
			require.NoError(t, err)

			other := identify(t, s, card(2))
			_, err = other.Renew(ctx, registry.NewOperation(), first.ID, code, registry.NewRecoveryCode())
			require.ErrorIs(t, err, registry.ErrRecovery, "the replaced code")
			renewed, err := other.Renew(ctx, registry.NewOperation(), first.ID, next, registry.NewRecoveryCode())
			require.NoError(t, err)
			assert.Equal(t, first.ID, renewed.ID)
			_, err = v.Find(ctx)
			require.ErrorIs(t, err, registry.ErrSuperseded)

			third := identify(t, s, card(3))
			_, err = third.Reserve(ctx, registry.NewOperation(), registry.NewRecoveryCode())
			require.NoError(t, err)
			_, err = third.Preview(ctx, account)
			require.ErrorIs(t, err, registry.ErrAccountUsed)
			_, err = third.Preview(ctx, registry.NewAccount("example-pay", "", ""))
			require.ErrorIs(t, err, registry.ErrAccount)
			withdrawn, err := third.Withdraw(ctx, registry.NewOperation())
			require.NoError(t, err)
			assert.Equal(t, registry.Withdrawn, withdrawn.State)
		})
	}
}

// A challenge starts one visit, with the first evidence that answers it.
func TestEvidenceIsUsedOnce(t *testing.T) {
	for name, s := range services(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			challenge, err := s.Challenge(ctx)
			require.NoError(t, err)
			_, err = s.Identify(ctx, card(1).Answer(challenge))
			require.NoError(t, err)
			_, err = s.Identify(ctx, card(1).Answer(challenge))
			require.ErrorIs(t, err, proof.ErrUsed, "another signature for the same challenge")
			_, err = s.Identify(ctx, card(2).Answer(challenge))
			require.ErrorIs(t, err, proof.ErrUsed)

			made, err := proof.NewChallenge(challenge.Audience, challenge.Purpose, time.Now(), zeros{})
			require.NoError(t, err)
			_, err = s.Identify(ctx, card(1).Answer(made))
			require.ErrorIs(t, err, proof.ErrUsed, "a challenge that the service did not make")
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// What is wrong with evidence is told, and starts no visit.
func TestRejectedEvidence(t *testing.T) {
	for name, s := range services(t) {
		t.Run(name, func(t *testing.T) {
			for reason, test := range map[string]struct {
				change func(c *proof.Challenge)
				spoil  func(e *proof.Evidence)
				want   error
			}{
				"another audience": {func(c *proof.Challenge) { c.Audience = "https://elsewhere.example" }, nil, proof.ErrAudience},
				"another purpose":  {func(c *proof.Challenge) { c.Purpose = "login" }, nil, proof.ErrPurpose},
				"old":              {func(c *proof.Challenge) { c.Time = c.Time.Add(-time.Hour) }, nil, proof.ErrAge},
				"another time":     {func(c *proof.Challenge) { c.Time = c.Time.Add(-time.Second) }, nil, proof.ErrUsed},
				"another nonce":    {func(c *proof.Challenge) { c.Nonce[0] ^= 1 }, nil, proof.ErrUsed},
				"signature":        {nil, func(e *proof.Evidence) { e.Signature[5] ^= 1 }, proof.ErrSignature},
				"algorithm":        {nil, func(e *proof.Evidence) { e.Algorithm = proof.RS256 }, proof.ErrAlgorithm},
				"certificate":      {nil, func(e *proof.Evidence) { e.Certificate = e.Certificate[1:] }, trust.ErrMalformed},
				"another's":        {nil, func(e *proof.Evidence) { e.Certificate = card(2).Certificate().Raw }, proof.ErrSignature},
			} {
				challenge, err := s.Challenge(t.Context())
				require.NoError(t, err)
				if test.change != nil {
					test.change(&challenge)
				}
				e := card(1).Answer(challenge)
				if test.spoil != nil {
					test.spoil(&e)
				}
				_, err = s.Identify(t.Context(), e)
				require.ErrorIs(t, err, test.want, reason)
			}
		})
	}
}
