package cardtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The keys of a CA, of the holder of a card, and of an attacker who has neither of these.
var (
	CAKey       = sync.OnceValue(newKey)
	HolderKey   = sync.OnceValue(newKey)
	AttackerKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // of the machine, not of what is tested
	}
	return key
}

// CA is a CA whose key the tests have.
type CA struct {
	Certificate *x509.Certificate
	Key         *rsa.PrivateKey
}

// Unchanged changes nothing in a certificate.
func Unchanged(*x509.Certificate) {}

// NewCA makes a CA. Unchanged it has J-LIS's names, and always the same key identifier:
// anybody can write both.
func NewCA(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) CA {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject: pkix.Name{Country: []string{"JP"}, Organization: []string{"JPKI"}, OrganizationalUnit: []string{
			"JPKI for user authentication", "Japan Agency for Local Authority Information Systems",
		}},
		SubjectKeyId: []byte("the CA's key"),
		NotBefore:    time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	change(template)
	return CA{Certify(t, template, template, key.Public(), key), key}
}

// Issue makes a holder's certificate. Unchanged it is like those that J-LIS issues.
func (ca CA) Issue(t testing.TB, key *rsa.PrivateKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Country: []string{"JP"}, CommonName: "HOLDER"},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(3, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, Policies: []x509.OID{OID(t, "1.2.392.200149.8.5.1.3.30")},
	}
	change(template)
	return Certify(t, template, ca.Certificate, key.Public(), ca.Key)
}

// Certify makes a certificate of a key, signed by a signer of any kind.
func Certify(t testing.TB, template, parent *x509.Certificate, key, signer any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

// SignedBy returns a function that signs challenges as a card with the key does.
func SignedBy(t testing.TB, key *rsa.PrivateKey) func(input []byte) []byte {
	return func(input []byte) []byte {
		signature, err := rsa.SignPKCS1v15(nil, key, 0, input)
		require.NoError(t, err)
		return signature
	}
}

// OID parses an object identifier.
func OID(t testing.TB, dotted string) x509.OID {
	t.Helper()
	parsed, err := x509.ParseOID(dotted)
	require.NoError(t, err)
	return parsed
}
