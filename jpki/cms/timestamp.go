package cms

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// maxTimestamp bounds a time-stamp server's answer, in bytes.
const maxTimestamp = 64 << 10

// TimestampFrom returns a function for Options.Timestamp that asks a time-stamp server by HTTP
// (RFC 3161 §3.4). The server learns the SHA-256 of the signature and nothing about the content.
// client may be nil for http.DefaultClient. The function returns an error if the answer is not a time
// stamp of that signature. It does not check who issued the time stamp.
func TimestampFrom(url string, client *http.Client) func(ctx context.Context, signature []byte) ([]byte, error) {
	if client == nil {
		client = http.DefaultClient
	}
	return func(ctx context.Context, signature []byte) ([]byte, error) {
		nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
		if err != nil {
			return nil, err
		}
		question, err := timestampRequest(sum(algorithms[0].hash, signature), nonce)
		if err != nil {
			return nil, err
		}
		answer, err := post(ctx, client, url, question)
		if err != nil {
			return nil, err
		}
		token, err := readTimestampResponse(answer)
		if err != nil {
			return nil, err
		}
		info, _, err := openTimestamp(ctx, token)
		switch {
		case err != nil:
			return nil, err
		case info.nonce == nil || info.nonce.Cmp(nonce) != 0:
			return nil, errors.New("the response does not have the nonce of the request")
		}
		return token, info.covers(signature)
	}
}

func post(ctx context.Context, client *http.Client, url string, question []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/timestamp-query")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("server answered %d", response.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxTimestamp+1))
	if err == nil && len(answer) > maxTimestamp {
		err = fmt.Errorf("answer of more than %d bytes", maxTimestamp)
	}
	return answer, err
}

// timestampRequest encodes a TimeStampReq (RFC 3161 §2.4.1) that asks for the certificate.
func timestampRequest(digest []byte, nonce *big.Int) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			algorithms[0].addDigestAlgorithm(b)
			b.AddASN1OctetString(digest)
		})
		b.AddASN1BigInt(nonce)
		b.AddASN1Boolean(true)
	})
	return b.Bytes()
}

// readTimestampResponse returns the token of a TimeStampResp (RFC 3161 §2.4.2).
func readTimestampResponse(der []byte) ([]byte, error) {
	input := cryptobyte.String(der)
	var response, status, token cryptobyte.String
	var code int64
	if !input.ReadASN1(&response, tag.SEQUENCE) || !input.Empty() || !response.ReadASN1(&status, tag.SEQUENCE) || !status.ReadASN1Integer(&code) {
		return nil, errors.New("malformed answer")
	}
	if code != 0 && code != 1 { // granted, granted with changes
		return nil, fmt.Errorf("refused with status %d", code)
	}
	if !response.ReadASN1Element(&token, tag.SEQUENCE) || !response.Empty() {
		return nil, errors.New("malformed answer")
	}
	return token, nil
}

// timestampInfo is a TSTInfo (RFC 3161 §2.4.2).
type timestampInfo struct {
	algorithm algorithm
	digest    []byte
	time      time.Time
	nonce     *big.Int // nil: none
}

func (t timestampInfo) covers(data []byte) error {
	if !bytes.Equal(t.digest, sum(t.algorithm.hash, data)) {
		return errors.New("it is for other data")
	}
	return nil
}

func parseTimestampInfo(der []byte) (t timestampInfo, err error) {
	input := cryptobyte.String(der)
	var info, imprint, digest, accuracy cryptobyte.String
	var version int64
	var policy asn1.ObjectIdentifier
	serial := new(big.Int)
	if !input.ReadASN1(&info, tag.SEQUENCE) || !input.Empty() || !info.ReadASN1Integer(&version) || version != 1 ||
		!info.ReadASN1ObjectIdentifier(&policy) || !info.ReadASN1(&imprint, tag.SEQUENCE) || !info.ReadASN1Integer(serial) {
		return t, malformed("time stamp")
	}
	id, ok := readAlgorithm(&imprint)
	if !ok || !imprint.ReadASN1(&digest, tag.OCTET_STRING) || !imprint.Empty() {
		return t, malformed("time stamp's digest")
	}
	if t.algorithm, err = algorithmByDigest(id); err != nil {
		return t, err
	}
	t.digest = digest
	if t.time, ok = readTime(&info); !ok {
		return t, malformed("time of a time stamp")
	}
	var ordering bool
	if info.PeekASN1Tag(tag.SEQUENCE) && !info.ReadASN1(&accuracy, tag.SEQUENCE) ||
		info.PeekASN1Tag(tag.BOOLEAN) && !info.ReadASN1Boolean(&ordering) {
		return t, malformed("time stamp")
	}
	if info.PeekASN1Tag(tag.INTEGER) {
		if t.nonce = new(big.Int); !info.ReadASN1Integer(t.nonce) {
			return t, malformed("nonce of a time stamp")
		}
	}
	return t, nil
}

// readTime reads a GeneralizedTime that may have a fraction of a second (RFC 3161 §2.4.2).
func readTime(s *cryptobyte.String) (time.Time, bool) {
	var value cryptobyte.String
	if !s.ReadASN1(&value, tag.GeneralizedTime) {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102150405Z", string(value)) // accepts a fraction
	return t, err == nil
}

// openTimestamp verifies a token's signature. It does not check who issued the certificate.
func openTimestamp(ctx context.Context, token []byte) (timestampInfo, *message, error) {
	m, err := parse(token)
	switch {
	case err != nil:
		return timestampInfo{}, nil, err
	case !m.contentType.Equal(oidTimestampInfo) || !m.attached:
		return timestampInfo{}, nil, malformed("not a time stamp")
	case len(m.signers) != 1:
		return timestampInfo{}, nil, malformed("a time stamp without one signer")
	}
	digests, err := m.hash(ctx, bytes.NewReader(m.content))
	if err != nil {
		return timestampInfo{}, nil, err
	}
	certificate, err := m.verifySigner(m.signers[0], digests)
	if err != nil {
		return timestampInfo{}, nil, err
	}
	m.certificates = append([]*x509.Certificate{certificate}, m.certificates...)
	info, err := parseTimestampInfo(m.content)
	return info, m, err
}

// verifyTimestamp verifies a time stamp of a signature. It is trusted if its certificate is for time stamps
// alone and one of the CAs issued it.
func verifyTimestamp(ctx context.Context, token, signature []byte, cas *x509.CertPool) (at time.Time, trusted bool, err error) {
	info, m, err := openTimestamp(ctx, token)
	if err == nil {
		err = info.covers(signature)
	}
	if err != nil || cas == nil {
		return info.time, false, err
	}
	authority := m.certificates[0]
	intermediates := x509.NewCertPool()
	for _, c := range m.certificates[1:] {
		intermediates.AddCert(c)
	}
	_, err = authority.Verify(x509.VerifyOptions{
		Roots: cas, Intermediates: intermediates, CurrentTime: info.time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	only := len(authority.ExtKeyUsage) == 1 && len(authority.UnknownExtKeyUsage) == 0 // RFC 3161 §2.3
	return info.time, err == nil && only, nil
}
