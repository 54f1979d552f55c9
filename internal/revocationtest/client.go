package revocationtest

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/mykeykit/mykeykit/jpki/revocation"
)

// Client is a revocation.Checker that asks a [Platform]: what an operator's program has to
// check in a response.
type Client struct {
	URL  string // without a path
	HTTP *http.Client
	// Name names the platform and the contract for revocation.NewSubject.
	Name string
}

// maxResponse is the maximum length of a response in bytes.
const maxResponse = 64 << 10

// Check implements revocation.Checker. Its errors contain nothing of the response.
func (c *Client) Check(ctx context.Context, q revocation.Question) (revocation.Answer, error) {
	hash := map[crypto.Hash]string{crypto.SHA256: "HASH_ALGORITHM_SHA256", crypto.SHA384: "HASH_ALGORITHM_SHA384"}[q.Hash]
	if hash == "" {
		return revocation.Answer{}, errors.New("unsupported hash")
	}
	body, err := json.Marshal(Request{q.Certificate.Raw, hash, q.Digest, q.Signature, "CHECK_METHOD_OCSP", true})
	if err != nil {
		return revocation.Answer{}, err
	}
	response, err := c.post(ctx, body)
	if err != nil {
		return revocation.Answer{}, err
	}
	return c.read(q, response)
}

func (c *Client) post(ctx context.Context, body []byte) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+VerifyPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	client := *c.HTTP
	// A redirect would send the certificate to another server.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", got.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("the response is not JSON")
	}
	text, err := io.ReadAll(io.LimitReader(got.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	var response Response
	if len(text) > maxResponse || json.Unmarshal(text, &response) != nil {
		return nil, errors.New("the response has another format")
	}
	return &response, nil
}

// read returns the answer in a response that does not contradict itself.
func (c *Client) read(q revocation.Question, r *Response) (revocation.Answer, error) {
	v, s := r.Verification, r.CertificateStatus
	if !bytes.Equal(v.Signature, q.Signature) {
		return revocation.Answer{}, errors.New("the response is about another signature")
	}
	a := revocation.Answer{
		Method: revocation.Method(lower(s.CheckMethod, "CHECK_METHOD_")), AsOf: s.SourceUpdatedAt, RevokedAt: s.RevokedAt, Reason: revocation.Reason(lower(s.RevocationReason, "CRL_REASON_")),
		Subject: revocation.NewSubject(c.Name, r.User.ID), Reference: v.ID, Digest: v.Digest,
	}
	switch {
	case v.Result == "RESULT_OK" && s.Status == "STATUS_GOOD":
		a.Status = revocation.Good
	case v.Result == "RESULT_CERTIFICATE_REVOKED" && s.Status == "STATUS_REVOKED":
		a.Status = revocation.Revoked
	default:
		return revocation.Answer{}, errors.New("the response has an unknown result, or contradicts itself")
	}
	return a, nil
}

// lower returns what follows the prefix of a value, as this module writes it.
func lower(value, prefix string) string {
	value, _ = strings.CutPrefix(value, prefix)
	return strings.ReplaceAll(strings.ToLower(value), "_", "-")
}
