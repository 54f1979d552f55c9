package proof_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// The tests of this file show what the package comment says about other signatures by the
// same key.

const domain = "mykeykit proof v1\x00"

// recorder is a key that records the messages that it signs.
type recorder struct {
	crypto.Signer
	messages [][]byte
	last     []byte // signature
}

func (r *recorder) SignMessage(random io.Reader, message []byte, options crypto.SignerOpts) ([]byte, error) {
	r.messages = append(r.messages, bytes.Clone(message))
	h := options.HashFunc().New()
	h.Write(message)
	signed, err := r.Sign(random, h.Sum(nil), options)
	r.last = signed
	return signed, err
}

// handshake authenticates the card to a TLS server.
func handshake(t *testing.T, version uint16, key crypto.Signer, certificate []byte) {
	t.Helper()
	ca := newCA(t, cardtest.CAKey(), cardtest.Unchanged)
	server := tls.Certificate{Certificate: [][]byte{issue(t, ca, cardtest.AttackerKey(), func(c *x509.Certificate) {
		c.ExtKeyUsage, c.DNSNames = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []string{"server.example"}
	}).certificate}, PrivateKey: cardtest.AttackerKey()}
	near, far := net.Pipe()
	defer near.Close()
	done := make(chan error, 1)
	go func() {
		defer far.Close()
		done <- tls.Server(far, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true}).HandshakeContext(t.Context())
	}()
	client := tls.Client(near, &tls.Config{
		InsecureSkipVerify: true, MinVersion: version, MaxVersion: version,
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
	})
	require.NoError(t, client.HandshakeContext(t.Context()))
	require.NoError(t, <-done)
}

// What a TLS handshake has the key sign never starts like a challenge's message, so that the
// signature is no evidence.
//
// Faults: F57.
func TestTLSSignaturesAreNoEvidence(t *testing.T) {
	for name, key := range map[string]crypto.Signer{"RSA": cardtest.HolderKey(), "P-256": ecKey(t, elliptic.P256()), "P-384": ecKey(t, elliptic.P384())} {
		for version, start := range map[uint16]string{
			tls.VersionTLS13: strings.Repeat(" ", 64) + "TLS 1.3, client CertificateVerify\x00", // RFC 8446 §4.4.3
			tls.VersionTLS12: "\x01",                                                            // a ClientHello: RFC 5246 §7.4.8
		} {
			s := newSituation(t)
			s.key = key
			s.answer(t, cardtest.Unchanged)
			r := &recorder{Signer: key}
			handshake(t, version, r, s.evidence.Certificate)
			require.Len(t, r.messages, 1)
			message := string(r.messages[0])
			assert.True(t, strings.HasPrefix(message, start), "%s, %s", name, tls.VersionName(version))
			assertNotAChallenge(t, message)

			_, hash, err := proof.AlgorithmOf(key.Public())
			require.NoError(t, err)
			assert.NotEqual(t, digest(hash, r.messages[0]), digest(hash, s.challenge.Message()))
			s.evidence.Signature = fixed(t, key.Public(), r.last)
			_, err = s.Verify(t.Context(), s.evidence)
			requireOnly(t, "ErrSignature", err)
		}
	}
}

func digest(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// fixed returns a signature as evidence has it.
func fixed(t testing.TB, key crypto.PublicKey, signature []byte) []byte {
	t.Helper()
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &rs); err != nil || len(rest) > 0 {
		return signature // RSA
	}
	algorithm, hash, err := proof.AlgorithmOf(key)
	require.NoError(t, err)
	require.NotEqual(t, proof.RS256, algorithm)
	half := hash.Size()
	return append(rs.R.FillBytes(make([]byte, half)), rs.S.FillBytes(make([]byte, half))...)
}

// assertNotAChallenge asserts that a message and those of challenges differ within the bytes
// that all challenges have in common.
func assertNotAChallenge(t testing.TB, message string) {
	t.Helper()
	n := min(len(domain), len(message))
	assert.NotEqual(t, domain[:n], message[:n])
}

// What SSH has a key sign starts with the length of a session identifier, or with "SSHSIG".
//
// Faults: F57.
func TestSSHSignaturesAreNoEvidence(t *testing.T) {
	key, err := ssh.NewPublicKey(cardtest.HolderKey().Public())
	require.NoError(t, err)
	challenge := string(challenge(t, now).Message())
	for _, session := range [][]byte{nil, make([]byte, 20), []byte(challenge), bytes.Repeat([]byte("m"), 64), bytes.Repeat([]byte("m"), 1<<16)} {
		for _, user := range []string{"", "root", challenge} {
			message := ssh.Marshal(struct {
				Session               []byte
				Message               byte
				User, Service, Method string
				Signed                bool
				Algorithm             string
				Key                   []byte
			}{session, 50, user, "ssh-connection", "publickey", true, ssh.KeyAlgoRSASHA256, key.Marshal()})
			assert.Zero(t, message[0], "a session identifier has less than 16 MiB")
			assertNotAChallenge(t, string(message))
		}
	}
	for _, namespace := range []string{"file", "git", challenge} {
		hash := sha256.Sum256([]byte(challenge))
		message := "SSHSIG" + string(ssh.Marshal(struct{ Namespace, Reserved, Algorithm, Hash string }{namespace, "", "sha256", string(hash[:])}))
		assertNotAChallenge(t, message)
	}
}

// A challenge's message starts with the same bytes whatever an attacker chooses of it, and no
// other protocol's message does: evidence is no signature of another protocol.
//
// Faults: F57.
func TestEvidenceIsNoOtherSignature(t *testing.T) {
	for _, chosen := range []string{
		"", strings.Repeat(" ", 64) + "TLS 1.3, client CertificateVerify\x00", "\x01\x00\x00\x00", "SSHSIG", "\x00\x00\x00\x20", "1\x82", strings.Repeat("x", 1<<16), domain,
	} {
		for _, c := range []proof.Challenge{{Audience: chosen}, {Purpose: chosen}, {Audience: chosen, Purpose: chosen, Time: unix(-1)}} {
			copy(c.Nonce[:], chosen)
			message := c.Message()
			require.Equal(t, domain, string(message[:len(domain)]))
		}
	}
	for protocol, start := range map[string]string{
		"TLS 1.3": strings.Repeat(" ", 64), "TLS 1.2": "\x01", "an SSH login": "\x00", "SSHSIG": "SSHSIG", "attributes of CMS": "1", "a certificate or request": "0",
	} {
		require.NotEqual(t, start[0], domain[0], protocol)
	}
}

// A signature that a Signer made over other data is no evidence, also if the data are parts of
// the challenge. Over the challenge's own digest it is: the Signer signs any digest that the
// program makes, as the package comment says.
//
// Faults: F57.
func TestSignaturesOfASignerAreNoEvidence(t *testing.T) {
	for _, profile := range []simulator.Profile{simulator.Contact, simulator.Announced2028} {
		h := cardtest.NewHolder(t, profile)
		signer := h.Signer(t)
		c, err := proof.NewChallenge("https://verifier.example.jp", "test", signer.Certificate().NotBefore.AddDate(1, 0, 0), bytes.NewReader(make([]byte, 32)))
		require.NoError(t, err)
		v := &proof.Verifier{
			Audience: c.Audience, Purpose: c.Purpose, Now: nowIs(c), Once: new(store).once,
			Trust: trust.Policy{CAs: []*x509.Certificate{h.Card.CACertificate()}, Required: true},
		}
		algorithm, hash, err := proof.AlgorithmOf(signer.Public())
		require.NoError(t, err)
		text, err := c.MarshalJSON()
		require.NoError(t, err)
		message := c.Message()
		for name, data := range map[string][]byte{
			"a document": []byte("a document"), "nothing": nil, "the nonce": c.Nonce[:], "the JSON": text, "the message without its first bytes": message[len(domain):],
			"half of the message": message[:len(message)/2], "the message and a byte": append(bytes.Clone(message), 0), "the digest": digest(hash, message), "the message": message,
		} {
			signed, err := signer.SignContext(t.Context(), digest(hash, data), hash)
			require.NoError(t, err)
			e := proof.Evidence{Challenge: c, Certificate: signer.Certificate().Raw, Algorithm: algorithm, Signature: fixed(t, signer.Public(), signed)}
			holder, err := v.Verify(t.Context(), e)
			if name == "the message" {
				require.NoError(t, err)
				continue
			}
			requireOnly(t, "ErrSignature", err)
			assert.Nil(t, holder, name)
		}
	}
}

// A signature with the card's other key, for documents, is no evidence either.
//
// Faults: F55.
func TestSignaturesOfDocumentsAreNoEvidence(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	h.Types = simulator.Password
	signer := h.SignatureSigner(t)
	c := challenge(t, signer.Certificate().NotBefore.AddDate(1, 0, 0))
	signed, err := signer.SignContext(t.Context(), digest(crypto.SHA256, c.Message()), crypto.SHA256)
	require.NoError(t, err)
	require.NoError(t, rsa.VerifyPKCS1v15(signer.Public().(*rsa.PublicKey), crypto.SHA256, digest(crypto.SHA256, c.Message()), signed))
	v := &proof.Verifier{Audience: c.Audience, Purpose: c.Purpose, Now: nowIs(c), Once: new(store).once, AllowUnknownIssuer: true}
	_, err = v.Verify(context.Background(), proof.Evidence{Challenge: c, Certificate: signer.Certificate().Raw, Algorithm: proof.RS256, Signature: signed})
	requireOnly(t, "trust.ErrWrongKind", err)
}

var _ crypto.MessageSigner = (*recorder)(nil)
