package fleet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/mykeykit/mykeykit/internal/fleet"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// roundTripper is a transport made of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// api is the documented API.
type api struct {
	compiler *jsonschema.Compiler
	paths    map[string]map[string]any
}

func readAPI(t *testing.T) api {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(text, &document))
	asJSON, err := json.Marshal(document)
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	a := api{jsonschema.NewCompiler(), map[string]map[string]any{}}
	require.NoError(t, a.compiler.AddResource("api.json", parsed))
	for path, methods := range document["paths"].(map[string]any) {
		a.paths[path] = methods.(map[string]any)
	}
	return a
}

// check validates a body against the schema at a JSON pointer of the document.
func (a api) check(t *testing.T, pointer string, body []byte) {
	t.Helper()
	schema, err := a.compiler.Compile("api.json#" + pointer)
	require.NoError(t, err, pointer)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, pointer)
	require.NoError(t, schema.Validate(value), "%s: %s", pointer, body)
}

func escaped(path string) string { return strings.ReplaceAll(path, "/", "~1") }

// Every request and response of the client and the handler is as openapi.yaml says, and
// every path of it is used.
func TestRequestsAreAsDocumented(t *testing.T) {
	a := readAPI(t)
	used := map[string]bool{}
	s := newSite(t)
	checked := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			path, method := r.URL.Path, strings.ToLower(r.Method)
			operation, ok := a.paths[path][method].(map[string]any)
			require.True(t, ok, "%s %s is not documented", method, path)
			used[path] = true
			if r.Body != nil && method == "post" {
				body, err := io.ReadAll(r.Body)
				require.NoError(t, err)
				r.Body = io.NopCloser(bytes.NewReader(body))
				pointer := "/paths/" + escaped(path) + "/post/requestBody"
				if ref, ok := operation["requestBody"].(map[string]any)["$ref"].(string); ok {
					pointer = strings.TrimPrefix(ref, "#")
				}
				a.check(t, pointer+"/content/application~1json/schema", body)
				assert.Equal(t, operation["parameters"] != nil, r.Header.Get("Mykeykit-Signature") != "", "a change is signed: %s", path)
			}
			response, err := next.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			response.Body = io.NopCloser(bytes.NewReader(body))
			switch response.Header.Get("Content-Type") {
			case "application/problem+json":
				a.check(t, "/components/schemas/Problem", body)
			case "application/json":
				a.check(t, "/paths/"+escaped(path)+"/"+method+"/responses/200/content/application~1json/schema", body)
			default:
				assert.Equal(t, "application/toml", response.Header.Get("Content-Type"))
			}
			return response, nil
		})
	}
	c := s.client(t, "t1", checked)
	ctx := t.Context()
	v := identify(t, c, card(1))
	_, err := v.Find(ctx)
	require.Error(t, err)
	code := registry.NewRecoveryCode()
	first, err := v.Reserve(ctx, registry.NewOperation(), code)
	require.NoError(t, err)
	_, err = v.Find(ctx)
	require.NoError(t, err)
	account := registry.NewAccount("example-pay", "user", "")
	_, err = v.Preview(ctx, account)
	require.NoError(t, err)
	_, err = v.Apply(ctx, registry.NewOperation(), first.ID, account)
	require.NoError(t, err)
	next := registry.NewRecoveryCode()
	_, err = v.ReplaceRecoveryCode(ctx, registry.NewOperation(), next)
	require.NoError(t, err)
	other := identify(t, c, card(2))
	_, err = other.Renew(ctx, registry.NewOperation(), first.ID, next, registry.NewRecoveryCode())
	require.NoError(t, err)
	third := identifyAtDesk(t, c, card(3))
	_, err = third.RenewByOldCard(ctx, registry.NewOperation(), evidence(t, c, card(2)), registry.NewRecoveryCode())
	require.NoError(t, err)
	clerk := s.clientAs(t, "c-7", registry.RoleClerk, checked)
	_, err = identifyAtDesk(t, clerk, card(4)).RenewByClerk(ctx, registry.NewOperation(), first.ID, registry.NewRecoveryCode())
	require.NoError(t, err)
	_, err = identifyAtDesk(t, clerk, card(5)).MergeByClerk(ctx, registry.NewOperation(), first.ID, registry.NewRecoveryCode())
	require.NoError(t, err)
	_, err = identify(t, c, card(5)).Withdraw(ctx, registry.NewOperation())
	require.NoError(t, err)
	text, err := c.Campaign(ctx)
	require.NoError(t, err)
	assert.Equal(t, "name = \"test\"\n", string(text))
	require.NoError(t, c.Heartbeat(ctx, "v1", 3))
	assert.Len(t, used, len(a.paths), "paths used of those documented")
}

// A request that is not exactly one of the documented ones is refused with a code, and
// nothing is written.
func TestMalformedRequests(t *testing.T) {
	s := newSite(t)
	var genuine []byte
	var signature string
	c := s.client(t, "t1", func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/v1/reservations" {
				return next.RoundTrip(r)
			}
			genuine, _ = io.ReadAll(r.Body)
			signature = r.Header.Get("Mykeykit-Signature")
			return nil, errors.New("lost")
		})
	})
	v := identify(t, c, card(1))
	_, err := v.Reserve(t.Context(), registry.NewOperation(), registry.NewRecoveryCode())
	require.ErrorIs(t, err, registry.ErrUnavailable)

	s.client(t, "t2", nil)
	post := func(caller, path, signature string, body []byte) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, bytes.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Mykeykit-Signature", signature)
		response, err := as{s.http, caller}.RoundTrip(r)
		require.NoError(t, err)
		defer response.Body.Close()
		var p struct{ Code string }
		_ = json.NewDecoder(response.Body).Decode(&p)
		return response.StatusCode, p.Code
	}
	replace := func(old, with string) []byte {
		changed := bytes.Replace(genuine, []byte(old), []byte(with), 1)
		require.NotEqual(t, genuine, changed, old)
		return changed
	}
	for name, test := range map[string]struct {
		caller, path string
		body         []byte
		status       int
		code         string
	}{
		"empty":             {"t1", "/v1/reservations", nil, 400, "request"},
		"not JSON":          {"t1", "/v1/reservations", []byte("x"), 400, "request"},
		"trailing bytes":    {"t1", "/v1/reservations", append(bytes.Clone(genuine), '{', '}'), 400, "request"},
		"unknown member":    {"t1", "/v1/reservations", replace(`{"visit"`, `{"more":"1","visit"`), 400, "request"},
		"repeated member":   {"t1", "/v1/reservations", replace(`{"visit"`, `{"recovery_code":"0000-0000-0000-0000","visit"`), 400, "request"},
		"null":              {"t1", "/v1/reservations", replace(`"operation":`, `"account":null,"operation":`), 400, "request"},
		"another case":      {"t1", "/v1/reservations", replace(`"operation"`, `"Operation"`), 400, "request"},
		"visit":             {"t1", "/v1/reservations", replace(`"visit":"`, `"visit":"0`), 400, "request"},
		"evidence":          {"t1", "/v1/reservations", replace(`"nonce":"`, `"nonce":"=`), 400, "proof-format"},
		"repeated evidence": {"t1", "/v1/reservations", replace(`"evidence":{`, `"evidence":{"format":"mykeykit-proof-v1",`), 400, "proof-format"},
		"megabytes":         {"t1", "/v1/reservations", append(bytes.Clone(genuine), bytes.Repeat([]byte(" "), 5<<20)...), 400, "request"},
		"another visit":     {"t1", "/v1/reservations", bytes.Replace(genuine, genuine[10:12], flip(genuine[10:12]), 1), 403, "proof-used"},
		"another terminal":  {"t2", "/v1/reservations", genuine, 403, "proof-used"},
		"nobody":            {"t3", "/v1/reservations", genuine, 403, "not-enrolled"},
		"a recovery code":   {"t1", "/v1/reservations", replace(`"recovery_code":"`, `"recovery_code":"0`), 403, "recovery-code"},
		"an operation":      {"t1", "/v1/reservations", replace(`"operation":"`, `"operation":"0`), 409, "operation"},
		"no account":        {"t1", "/v1/applications", genuine, 400, "request"},
	} {
		status, code := post(test.caller, test.path, signature, test.body)
		assert.Equal(t, test.status, status, name)
		assert.Equal(t, test.code, code, name)
	}
	status, code := post("t1", "/v1/reservations", "", genuine)
	assert.Equal(t, 403, status, "no signature")
	assert.Equal(t, "signature", code)

	_, err = v.Find(t.Context())
	require.ErrorIs(t, err, registry.ErrNotFound, "something was written")
	status, _ = post("t1", "/v1/reservations", signature, genuine)
	assert.Equal(t, 200, status, "the genuine request")
	for _, path := range []string{"/", "/v1", "/v1/visits/x", "/v2/visits"} {
		status, _ := post("t1", path, "", genuine)
		assert.Equal(t, 404, status, path)
	}
}

func flip(b []byte) []byte {
	flipped := bytes.Clone(b)
	flipped[0] = '0' + (flipped[0]-'0'+1)%10
	return flipped
}

// A terminal whose answer is lost asks again, and the change is made once.
//
// Faults: F140.
func TestLostAnswers(t *testing.T) {
	s := newSite(t)
	var lose atomic.Bool
	c := s.client(t, "t1", func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && lose.CompareAndSwap(true, false) {
				_ = response.Body.Close()
				return nil, errors.New("lost")
			}
			return response, err
		})
	})
	ctx := t.Context()
	challenge, err := c.Challenge(ctx)
	require.NoError(t, err)
	lose.Store(true)
	v, err := c.Identify(ctx, card(1).Answer(challenge))
	require.NoError(t, err, "it asks again by itself")

	operation, code := registry.NewOperation(), registry.NewRecoveryCode()
	lose.Store(true)
	_, err = v.Reserve(ctx, operation, code)
	require.ErrorIs(t, err, registry.ErrUnavailable)
	made, err := v.Reserve(ctx, operation, code)
	require.NoError(t, err)
	assert.True(t, made.New, "its recovery code is in force")
	_, err = identify(t, c, card(2)).Renew(ctx, registry.NewOperation(), made.ID, code, registry.NewRecoveryCode())
	require.NoError(t, err)
}

// Whatever answers in the server's place, the client returns an error that closes the
// terminal, and follows no redirect.
func TestStrangeServers(t *testing.T) {
	s := newSite(t)
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"a proxy's page":  {502, "<html>", registry.ErrUnavailable},
		"a redirect":      {302, "", registry.ErrUnavailable},
		"an unknown code": {409, `{"code":"new"}`, registry.ErrUnavailable},
		"not JSON":        {200, "<html>", registry.ErrUnavailable},
		"too long":        {200, `"` + strings.Repeat("x", 2<<20) + `"`, registry.ErrUnavailable},
		"no challenge":    {200, `{}`, registry.ErrUnavailable},
		"busy":            {429, `{"code":"busy"}`, fleet.ErrBusy},
		"not enrolled":    {403, `{"code":"not-enrolled"}`, fleet.ErrNotEnrolled},
		"proof":           {403, `{"code":"proof-age"}`, proof.ErrAge},
	} {
		c := s.client(t, "t1", func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				header := http.Header{"Location": {"https://elsewhere.example/"}}
				return &http.Response{StatusCode: test.status, Header: header, Body: io.NopCloser(strings.NewReader(test.body)), Request: r}, nil
			})
		})
		_, err := c.Challenge(t.Context())
		assert.ErrorIs(t, err, test.want, name)
		assert.Less(t, len(err.Error()), 200, name)
	}
	for _, url := range []string{"", "http://server.example", "https://", "https://u:p@server.example", "https://server.example/path", "https://server.example?x", "::"} {
		_, err := fleet.NewClient(url, http.DefaultTransport, registry.Terminal{})
		assert.ErrorIs(t, err, fleet.ErrRequest, url)
	}
}
