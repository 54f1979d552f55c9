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
	"github.com/mykeykit/mykeykit/jpki/cardtls"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// client waits for a card and returns an HTTP client that authenticates with it. The client
// calls ask to get the PIN when a server requests the certificate.
func client(ctx context.Context, driver reader.Driver, base *tls.Config, ask jpki.AskPIN) (*http.Client, error) {
	found, err := reader.Wait(ctx, driver, "", jpki.Present) // until a My Number Card is there, or ctx ends
	if err != nil {
		return nil, err
	}
	signer, err := jpki.NewSigner(ctx, driver.Connect, found.Name, ask) // reads the certificate, without a PIN
	if err != nil {
		return nil, err
	}
	config, err := cardtls.Config(ctx, base, signer)
	if err != nil {
		return nil, err
	}
	dialer := &cardtls.Dialer{Config: config}
	return &http.Client{Transport: &http.Transport{DialTLSContext: dialer.DialContext}}, nil
}

// A client authenticates to a TLS server with a card. To use a real card, pass pcsc.New()
// as the driver.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = driver.AddReader("Reader").Insert(card)

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s with %d certificate", tls.VersionName(r.TLS.Version), len(r.TLS.PeerCertificates))
	}))
	cas := x509.NewCertPool()
	cas.AddCert(card.CACertificate()) // in production: J-LIS's CA certificates
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: cas}
	server.StartTLS()
	defer server.Close()
	servers := x509.NewCertPool()
	servers.AddCert(server.Certificate())

	ask := func(_ context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("PIN, please; attempts left:", ready.Remaining)
		return jpki.ParsePIN([]byte("1234")) // a real program reads it without echo
	}
	web, err := client(ctx, driver, &tls.Config{RootCAs: servers}, ask)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer web.CloseIdleConnections()
	response, err := web.Get(server.URL)
	if err != nil {
		fmt.Println(err) // a *credential.Error has the attempts left
		return
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	fmt.Println(string(page), err)
	// Output:
	// PIN, please; attempts left: 3
	// TLS 1.3 with 1 certificate <nil>
}
