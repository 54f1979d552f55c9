package simulator

import (
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
	"math/rand/v2"
	"sync"
)

const keyBits = 2048

// keySource gives the key with a name: a new one each time, or the same in
// every run.
type keySource func(name string) (*rsa.PrivateKey, error)

func randomKeys(string) (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(nil, keyBits) // the source of randomness is the runtime's
}

// seeded holds the keys that were made from seeds: they are the same every
// time, and searching primes takes about 0.1 s.
var seeded sync.Map // of seed and name to func() (*rsa.PrivateKey, error)

func seededKeys(seed string) keySource {
	return func(name string) (*rsa.PrivateKey, error) {
		id := seed + "\x00" + name
		made, _ := seeded.LoadOrStore(id, sync.OnceValues(func() (*rsa.PrivateKey, error) {
			return insecureKey(id)
		}))
		return made.(func() (*rsa.PrivateKey, error))()
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

// insecureKey makes an RSA key that follows from id. rsa.GenerateKey can't:
// it does not promise the same key for the same bytes of randomness.
func insecureKey(id string) (*rsa.PrivateKey, error) {
	stream := rand.NewChaCha8(sha256.Sum256([]byte("mykeykit simulator, insecure key\x00" + id)))
	e := big.NewInt(65537)
	one := big.NewInt(1)
	for range 100 { // a prime p with p-1 a multiple of 65537 is rare; equal ones more so
		p, q := nextPrime(stream), nextPrime(stream)
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || n.BitLen() != keyBits || p.Cmp(q) == 0 {
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
	return nil, errors.New("no key follows from this seed")
}

// nextPrime searches upwards from a random odd number of 1024 bits with the
// top two set, so that the product of two has 2048.
func nextPrime(stream *rand.ChaCha8) *big.Int {
	b := make([]byte, keyBits/2/8)
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
