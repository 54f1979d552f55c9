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
	insecure  func(id string) (crypto.Signer, error) // derives the key from id
	algorithm x509.SignatureAlgorithm                // with which a CA signs certificates
}

const rsaBits = 2048

var (
	rsa2048 = keyKind{
		random:    func() (crypto.Signer, error) { return rsa.GenerateKey(nil, rsaBits) }, // nil: crypto/rand is used
		insecure:  insecureRSA,
		algorithm: x509.SHA256WithRSA,
	}
	p384 = keyKind{
		random:    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), nil) }, // as above
		insecure:  insecureP384,
		algorithm: x509.ECDSAWithSHA384,
	}
)

// keySource returns a key of a kind: a new one each time, or the one derived from the
// name.
type keySource func(kind keyKind, name string) (crypto.Signer, error)

func randomKeys(kind keyKind, _ string) (crypto.Signer, error) { return kind.random() }

// seeded caches the keys derived from seeds, because the search for primes takes
// much longer than everything else that NewCard does.
var seeded sync.Map // from seed and name to func() (crypto.Signer, error)

func seededKeys(seed string) keySource {
	return func(kind keyKind, name string) (crypto.Signer, error) {
		id := seed + "\x00" + name
		derive, _ := seeded.LoadOrStore(id, sync.OnceValues(func() (crypto.Signer, error) {
			return kind.insecure(id)
		}))
		return derive.(func() (crypto.Signer, error))()
	}
}

// certificateSource returns the certificate with this name and these terms, in DER. It
// calls issue unless it has that certificate already.
type certificateSource func(name string, terms certificateTerms, issue func() ([]byte, error)) ([]byte, error)

// certificateTerms distinguish certificates for the same keys.
type certificateTerms struct {
	start, end int64 // seconds since 1970
	size       int
}

func newCertificates(_ string, _ certificateTerms, issue func() ([]byte, error)) ([]byte, error) {
	return issue()
}

// certificates caches the last certificate for each seed and name. Cards with the same
// seed usually have certificates with the same terms, and signing certificates takes most
// of the time of NewCard.
var certificates sync.Map // from seed and name to cachedCertificate

type cachedCertificate struct {
	terms certificateTerms
	der   []byte
}

func seededCertificates(seed string) certificateSource {
	return func(name string, terms certificateTerms, issue func() ([]byte, error)) ([]byte, error) {
		id := seed + "\x00" + name
		if cached, ok := certificates.Load(id); ok && cached.(cachedCertificate).terms == terms {
			return cached.(cachedCertificate).der, nil
		}
		der, err := issue()
		if err == nil {
			certificates.Store(id, cachedCertificate{terms, der})
		}
		return der, err
	}
}

// insecureStream returns pseudorandom bytes derived from id.
func insecureStream(id string) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256([]byte("mykeykit simulator, insecure key\x00" + id)))
}

var errNoKey = errors.New("can't derive a key from this seed")

// insecureRSA derives an RSA key from id. It does not use rsa.GenerateKey, which does not
// promise to return the same key for the same random bytes.
func insecureRSA(id string) (crypto.Signer, error) {
	stream := insecureStream(id)
	e := big.NewInt(65537)
	one := big.NewInt(1)
	for range 100 { // one round is nearly always enough: p-1 is rarely a multiple of 65537
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

// smallPrimes are the odd primes below 2^14: multiples of them are most of the numbers that nextPrime would test.
var smallPrimes = sync.OnceValue(func() (primes []uint32) {
	const limit = 1 << 14
	composite := make([]bool, limit)
	for n := uint32(3); n < limit; n += 2 {
		if composite[n] {
			continue
		}
		primes = append(primes, n)
		for multiple := n * n; multiple < limit; multiple += 2 * n {
			composite[multiple] = true
		}
	}
	return primes
})

// nextPrime returns the first prime after a random odd number of 1024 bits. The number's
// two top bits are set, so that the product of two primes has 2048 bits.
func nextPrime(stream *rand.ChaCha8) *big.Int {
	b := make([]byte, rsaBits/2/8)
	_, _ = stream.Read(b) // never fails
	b[0] |= 0xC0
	b[len(b)-1] |= 1
	first := new(big.Int).SetBytes(b)
	primes := smallPrimes()
	remainders := make([]uint32, len(primes))
	var divisor, remainder big.Int
	for i, prime := range primes {
		remainders[i] = uint32(remainder.Mod(first, divisor.SetUint64(uint64(prime))).Uint64())
	}
candidates:
	for distance := uint32(0); ; distance += 2 {
		for i, prime := range primes {
			if (remainders[i]+distance)%prime == 0 {
				continue candidates
			}
		}
		p := new(big.Int).Add(first, remainder.SetUint64(uint64(distance)))
		// No composite number is known to pass: see math/big.
		if p.ProbablyPrime(0) {
			return p
		}
	}
}

// insecureP384 derives a P-384 key from id.
func insecureP384(id string) (crypto.Signer, error) {
	stream := insecureStream(id)
	scalar := make([]byte, 48)
	for range 100 { // one round is nearly always enough: few scalars exceed the curve's order
		_, _ = stream.Read(scalar) // never fails
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), scalar); err == nil {
			return key, nil
		}
	}
	return nil, errNoKey
}
