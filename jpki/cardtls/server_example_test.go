package cardtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// verifyCard returns an error if the certificate is not from one of the CAs, for a
// server behind a proxy that passes its clients' certificates on. The proxy has to
// check that the client holds the key.
func verifyCard(certificate *x509.Certificate, cas *x509.CertPool) error {
	_, err := certificate.Verify(x509.VerifyOptions{
		Roots:     cas,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, // else a genuine card is rejected
	})
	return err
}

// A server that lets clients in by their card. Revocation is not checked: in Japan only
// certified verifiers may ask.
func Example_server() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = driver.AddReader("Reader").Insert(card)

	cas := x509.NewCertPool()
	cas.AddCert(card.CACertificate()) // for genuine cards: J-LIS's CA certificates for user authentication
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := r.TLS.PeerCertificates[0]
		fmt.Fprintln(w, "verified by crypto/tls:", len(r.TLS.VerifiedChains) > 0)
		fmt.Fprintln(w, "verified by the program:", verifyCard(client, cas) == nil)
		_, err := client.Verify(x509.VerifyOptions{Roots: cas})
		fmt.Fprintln(w, "without the key usage:", err)
	}))
	server.TLS = &tls.Config{
		MinVersion: tls.VersionTLS13, // which hides the client's certificate from the network
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  cas,
	}
	server.StartTLS()
	defer server.Close()

	servers := x509.NewCertPool()
	servers.AddCert(server.Certificate())
	ask := func(context.Context, jpki.Readiness) (jpki.PIN, error) { return jpki.ParsePIN([]byte("1234")) }
	web, err := client(ctx, driver, &tls.Config{RootCAs: servers}, ask) // as in the package's example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer web.CloseIdleConnections()
	response, err := web.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(page))
	// Output:
	// verified by crypto/tls: true
	// verified by the program: true
	// without the key usage: x509: certificate specifies an incompatible key usage
}
