package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
)

// loadCard is a card with its certificate, so that no time of a simulated card is measured. Like
// those of real cards, the keys have 2,048 bits of RSA.
type loadCard struct {
	key         *rsa.PrivateKey
	certificate []byte
	account     string
}

// lastLoadCard counts the cards of all benchmarks, so that none comes twice.
var lastLoadCard atomic.Int64

// newLoadCards returns cards that did not come yet.
func newLoadCards(n int) []*loadCard {
	cards := make([]*loadCard, n)
	last := lastLoadCard.Add(int64(n))
	var next atomic.Int64
	var working sync.WaitGroup
	for range 2 {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				cards[i] = newLoadCard(int(last) - n + int(i))
			}
		})
	}
	working.Wait()
	return cards
}

// loadPrimes are the primes of all keys. Each two of them make a key, since new primes for each
// would take too long. Such keys are not secure.
var loadPrimes = sync.OnceValue(func() (primes []*big.Int) {
	for len(primes) < 250 { // 31,125 keys
		p, err := rand.Prime(rand.Reader, 1024)
		must(err)
		if new(big.Int).Mod(new(big.Int).Sub(p, big.NewInt(1)), big.NewInt(exponent)).Sign() != 0 {
			primes = append(primes, p)
		}
	}
	return primes
})

const exponent = 65537

// loadKey returns the nth key.
func loadKey(n int) *rsa.PrivateKey {
	second := 1
	for n >= second {
		n, second = n-second, second+1
	}
	p, q := loadPrimes()[n], loadPrimes()[second]
	one := big.NewInt(1)
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent}, Primes: []*big.Int{p, q}}
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key.D = new(big.Int).ModInverse(big.NewInt(exponent), totient)
	key.Precompute()
	must(key.Validate())
	return key
}

func newLoadCard(n int) *loadCard {
	key := loadKey(n)
	certificate, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(int64(n + 2)), Subject: pkix.Name{CommonName: fmt.Sprint("load ", n)},
		NotBefore: time.Now().AddDate(0, -1, 0), NotAfter: time.Now().AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, loadCA().certificate, key.Public(), loadCA().key)
	must(err)
	return &loadCard{key, certificate, fmt.Sprintf("%010d", n)}
}

type loadAuthority struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

// loadCA is the CA of all cards.
var loadCA = sync.OnceValue(func() loadAuthority {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Load CA"}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(9, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	certificate, err := x509.ParseCertificate(der)
	must(err)
	return loadAuthority{key, certificate}
})

func (c *loadCard) answer(challenge proof.Challenge) proof.Evidence {
	digest := sha256.Sum256(challenge.Message())
	signature, err := rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, digest[:])
	must(err)
	return proof.Evidence{Challenge: challenge, Certificate: c.certificate, CACertificate: loadCA().certificate.Raw, Algorithm: proof.RS256, Signature: signature}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
