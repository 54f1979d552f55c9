package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"math/rand/v2"
	"sync"
)

// keyKind is a kind of key that cards and their CAs have.
type keyKind struct {
	random    func() (crypto.Signer, error)
	insecure  func(id string) (crypto.Signer, error) // the key that follows from id
	algorithm x509.SignatureAlgorithm                // by which a CA signs certificates
}

const rsaBits = 2048

var (
	rsa2048 = keyKind{
		random:    func() (crypto.Signer, error) { return rsa.GenerateKey(nil, rsaBits) }, // the source of randomness is the runtime's
		insecure:  insecureRSA,
		algorithm: x509.SHA256WithRSA,
	}
	p384 = keyKind{
		random:    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), nil) }, // as above
		insecure:  insecureP384,
		algorithm: x509.ECDSAWithSHA384,
	}
)

// keySource gives the key of some kind with a name: a new one each time, or the
// same in every run.
type keySource func(kind keyKind, name string) (crypto.Signer, error)

func randomKeys(kind keyKind, _ string) (crypto.Signer, error) { return kind.random() }

// seeded holds the keys that were made from seeds: they are the same every
// time, and searching primes takes about 0.1 s.
var seeded sync.Map // of seed and name to func() (crypto.Signer, error)

func seededKeys(seed string) keySource {
	return func(kind keyKind, name string) (crypto.Signer, error) {
		id := seed + "\x00" + name
		made, _ := seeded.LoadOrStore(id, sync.OnceValues(func() (crypto.Signer, error) {
			return kind.insecure(id)
		}))
		return made.(func() (crypto.Signer, error))()
	}
}

// certificateSource gives the certificate with a name that is of some validity and
// size; make makes it.
type certificateSource func(name string, of certificateTerms, make func() ([]byte, error)) ([]byte, error)

// certificateTerms are what makes another certificate of the same keys.
type certificateTerms struct {
	start, end int64 // seconds since 1970
	size       int
}

func newCertificates(_ string, _ certificateTerms, make func() ([]byte, error)) ([]byte, error) {
	return make()
}

// certificates holds the last certificate with each seed and name: cards of one
// seed are mostly made at one time, and signing their certificates takes most of it.
var certificates sync.Map // of seed and name to heldCertificate

type heldCertificate struct {
	of  certificateTerms
	der []byte
}

func seededCertificates(seed string) certificateSource {
	return func(name string, of certificateTerms, make func() ([]byte, error)) ([]byte, error) {
		id := seed + "\x00" + name
		if held, ok := certificates.Load(id); ok && held.(heldCertificate).of == of {
			return held.(heldCertificate).der, nil
		}
		der, err := make()
		if err == nil {
			certificates.Store(id, heldCertificate{of, der})
		}
		return der, err
	}
}

// insecureStream is the randomness that follows from id.
func insecureStream(id string) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256([]byte("mykeykit simulator, insecure key\x00" + id)))
}

var errNoKey = errors.New("no key follows from this seed")

// insecureRSA makes an RSA key that follows from id. rsa.GenerateKey can't:
// it does not promise the same key for the same bytes of randomness.
func insecureRSA(id string) (crypto.Signer, error) {
	stream := insecureStream(id)
	e := big.NewInt(65537)
	one := big.NewInt(1)
	for range 100 { // a prime p with p-1 a multiple of 65537 is rare; equal ones more so
		p, q := nextPrime(stream), nextPrime(stream)
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || n.BitLen() != rsaBits || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: n, E: int(e.Int64())},
			D:         d,
			Primes:    []*big.Int{p, q},
		}
		key.Precompute()
		return key, key.Validate()
	}
	return nil, errNoKey
}

// nextPrime searches upwards from a random odd number of 1024 bits with the
// top two set, so that the product of two has 2048.
func nextPrime(stream *rand.ChaCha8) *big.Int {
	b := make([]byte, rsaBits/2/8)
	_, _ = stream.Read(b) // never fails
	b[0] |= 0xC0
	b[len(b)-1] |= 1
	two := big.NewInt(2)
	for p := new(big.Int).SetBytes(b); ; p.Add(p, two) {
		if p.ProbablyPrime(0) && p.ProbablyPrime(10) {
			return p
		}
	}
}

// insecureP384 makes a P-384 key that follows from id.
func insecureP384(id string) (crypto.Signer, error) {
	stream := insecureStream(id)
	scalar := make([]byte, 48)
	for range 100 { // a scalar that is not below the curve's order is rare
		_, _ = stream.Read(scalar) // never fails
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), scalar); err == nil {
			return key, nil
		}
	}
	return nil, errNoKey
}
