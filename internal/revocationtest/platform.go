// Package revocationtest simulates the HTTP API of a platform operator that checks
// certificates, with faults. The paths and members are those of PocketSign Verify v2 as far
// as its public reference shows them. Values of enumerations that the reference does not
// list are formed in the same way and may differ from the real ones: this package is for
// tests only.
package revocationtest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

// VerifyPath is the path of the API's only method here.
const VerifyPath = "/pocketsign.verify.v2.VerificationService/Verify"

// Request is the body of a request. Bytes are in base64.
type Request struct {
	Certificate   []byte `json:"certificate"`
	HashAlgorithm string `json:"hash_algorithm"`
	Digest        []byte `json:"digest"`
	Signature     []byte `json:"signature"`
	CheckMethod   string `json:"check_method"`
	IdentifyUser  bool   `json:"identify_user"`
}

// Response is the body of a response.
type Response struct {
	Verification struct {
		ID            string    `json:"id"`
		Result        string    `json:"result"`
		HashAlgorithm string    `json:"hash_algorithm"`
		Digest        []byte    `json:"digest"`
		Signature     []byte    `json:"signature"`
		CreatedAt     time.Time `json:"created_at"`
	} `json:"verification"`
	CertificateStatus struct {
		Status           string    `json:"status"`
		CheckMethod      string    `json:"check_method"`
		SourceUpdatedAt  time.Time `json:"source_updated_at,omitzero"`
		RevokedAt        time.Time `json:"revoked_at,omitzero"`
		RevocationReason string    `json:"revocation_reason,omitempty"`
	} `json:"certificate_status"`
	User struct {
		ID string `json:"id,omitempty"`
	} `json:"user,omitzero"`
}

// Record is what the platform knows about a certificate.
type Record struct {
	User      string // the same for all certificates of a holder
	RevokedAt time.Time
	Reason    string // as in "CRL_REASON_SUPERSEDED"
}

// Fault is what goes wrong with a response.
type Fault string

// The faults.
const (
	None             Fault = ""
	Slow             Fault = "no response until the client gives up"
	Broken           Fault = "status 500"
	Unauthorized     Fault = "status 401"
	Redirect         Fault = "a redirect to another path"
	NotJSON          Fault = "text instead of JSON"
	Cut              Fault = "half a response"
	Trailing         Fault = "two responses"
	Huge             Fault = "a megabyte"
	Empty            Fault = "an empty object"
	UnknownStatus    Fault = "STATUS_UNSPECIFIED"
	NewStatus        Fault = "a status that the client does not know"
	Stale            Fault = "information of two days ago"
	NoSource         Fault = "information of an unknown time"
	Future           Fault = "information of tomorrow"
	OtherDigest      Fault = "the response to a request about another digest"
	OtherSignature   Fault = "the response to a request about another signature"
	OKButRevoked     Fault = "result OK and status revoked"
	RevokedButGood   Fault = "result revoked and status good"
	GoodWithTime     Fault = "status good with a time of revocation"
	SignatureInvalid Fault = "a result about the signature"
)

// Faults are all faults but [None].
var Faults = []Fault{
	Slow, Broken, Unauthorized, Redirect, NotJSON, Cut, Trailing, Huge, Empty, UnknownStatus, NewStatus, Stale, NoSource, Future,
	OtherDigest, OtherSignature, OKButRevoked, RevokedButGood, GoodWithTime, SignatureInvalid,
}

// Platform is an http.Handler. The zero Platform knows no certificate. It is safe for
// concurrent use.
type Platform struct {
	now func() time.Time

	mu       sync.Mutex
	records  map[[sha256.Size]byte]Record
	fault    Fault
	requests int
}

// NewPlatform returns a platform with a clock.
func NewPlatform(now func() time.Time) *Platform {
	return &Platform{now: now, records: map[[sha256.Size]byte]Record{}}
}

// Set sets what the platform knows about a certificate.
func (p *Platform) Set(certificate *x509.Certificate, record Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[sha256.Sum256(certificate.Raw)] = record
}

// Fail makes all requests from now on go wrong.
func (p *Platform) Fail(fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// Requests returns how many requests there were.
func (p *Platform) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// ServeHTTP implements http.Handler.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	number, fault := p.requests, p.fault
	p.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var request Request
	if err != nil || r.Method != http.MethodPost || r.URL.Path != VerifyPath || json.Unmarshal(body, &request) != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	switch fault {
	case Slow:
		<-r.Context().Done()
		return
	case Broken:
		http.Error(w, `{"code":"internal_error"}`, http.StatusInternalServerError)
		return
	case Unauthorized:
		http.Error(w, `{"code":"authentication_failed"}`, http.StatusUnauthorized)
		return
	case Redirect:
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		return
	}
	response, ok := p.answer(request, number)
	if !ok {
		http.Error(w, `{"code":"unsupported_certificate"}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(spoil(fault, response))
}

func (p *Platform) answer(request Request, number int) (response Response, known bool) {
	certificate, err := x509.ParseCertificate(request.Certificate)
	p.mu.Lock()
	record, known := p.records[sha256.Sum256(request.Certificate)]
	p.mu.Unlock()
	if err != nil || !known {
		return response, false
	}
	v, s := &response.Verification, &response.CertificateStatus
	v.ID, v.HashAlgorithm, v.Digest, v.Signature, v.CreatedAt = fmt.Sprint("verification-", number), request.HashAlgorithm, request.Digest, request.Signature, p.now()
	s.CheckMethod, s.SourceUpdatedAt = request.CheckMethod, p.now()
	v.Result, s.Status = "RESULT_OK", "STATUS_GOOD"
	switch {
	case !signed(certificate, request):
		v.Result = "RESULT_SIGNATURE_MISMATCH"
	case !record.RevokedAt.IsZero():
		v.Result, s.Status, s.RevokedAt, s.RevocationReason = "RESULT_CERTIFICATE_REVOKED", "STATUS_REVOKED", record.RevokedAt, record.Reason
	}
	if request.IdentifyUser {
		response.User.ID = record.User
	}
	return response, true
}

func signed(certificate *x509.Certificate, request Request) bool {
	hash := map[string]crypto.Hash{"HASH_ALGORITHM_SHA256": crypto.SHA256, "HASH_ALGORITHM_SHA384": crypto.SHA384}[request.HashAlgorithm]
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return hash != 0 && rsa.VerifyPKCS1v15(key, hash, request.Digest, request.Signature) == nil
	case *ecdsa.PublicKey:
		half := len(request.Signature) / 2
		return hash != 0 && ecdsa.Verify(key, request.Digest, new(big.Int).SetBytes(request.Signature[:half]), new(big.Int).SetBytes(request.Signature[half:]))
	}
	return false
}

// spoil encodes a response with a fault.
func spoil(fault Fault, response Response) []byte {
	v, s := &response.Verification, &response.CertificateStatus
	switch fault {
	case NotJSON:
		return []byte("<html>under maintenance</html>")
	case Empty:
		return []byte("{}")
	case UnknownStatus:
		v.Result, s.Status = "RESULT_UNSPECIFIED", "STATUS_UNSPECIFIED"
	case NewStatus:
		s.Status = "STATUS_SUSPENDED"
	case Stale:
		s.SourceUpdatedAt = s.SourceUpdatedAt.Add(-48 * time.Hour)
	case NoSource:
		s.SourceUpdatedAt = time.Time{}
	case Future:
		s.SourceUpdatedAt = s.SourceUpdatedAt.Add(24 * time.Hour)
	case OtherDigest:
		v.Digest = bytes.Repeat([]byte{1}, len(v.Digest))
	case OtherSignature:
		v.Signature = bytes.Repeat([]byte{1}, len(v.Signature))
	case OKButRevoked:
		s.Status, s.RevokedAt = "STATUS_REVOKED", v.CreatedAt
	case RevokedButGood:
		v.Result = "RESULT_CERTIFICATE_REVOKED"
	case GoodWithTime:
		s.RevokedAt = v.CreatedAt
	case SignatureInvalid:
		v.Result = "RESULT_SIGNATURE_MISMATCH"
	}
	text, err := json.Marshal(response)
	if err != nil {
		panic(err)
	}
	switch fault {
	case Cut:
		return text[:len(text)/2]
	case Trailing:
		return bytes.Repeat(text, 2)
	case Huge:
		return []byte(strings.Repeat(" ", 1<<20) + string(text))
	}
	return text
}
