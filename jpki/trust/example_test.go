package trust_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A server gets a certificate and the CA certificate of the same card, and checks them
// without a card. This card is a simulated one, so J-LIS did not issue its certificate.
func Example() {
	der, caDER := certificates()
	certificate, err := trust.Parse(der)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := trust.CheckAuthenticationCertificate(certificate); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("certificate:", trust.ValidityAt(certificate, time.Now()))

	cardCA := func() (*x509.Certificate, error) { return trust.Parse(caDER) }
	required := trust.Policy{Anchors: trust.JLIS(), Required: true}
	_, err = required.Issuer(certificate, time.Now(), cardCA)
	fmt.Println("rejected:", errors.Is(err, trust.ErrUnknownIssuer))

	ca, err := cardCA()
	if err != nil {
		fmt.Println(err)
		return
	}
	test := trust.Policy{Anchors: trust.JLIS(), SimulatorCAs: []*x509.Certificate{ca}}
	chain, err := test.Issuer(certificate, time.Now(), cardCA)
	fmt.Println("in a test:", chain, err)
	// Output:
	// certificate: valid
	// rejected: true
	// in a test: simulator <nil>
}

// certificates returns the authentication certificate of a simulated card and the CA
// certificate beside it.
func certificates() (der, caDER []byte) {
	ctx := context.Background()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		panic(err)
	}
	driver := simulator.New()
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		panic(err)
	}
	signer, err := jpki.NewSigner(ctx, driver.Connect, "Reader", nil)
	if err != nil {
		panic(err)
	}
	defer signer.Close()
	return signer.Certificate().Raw, card.CACertificate().Raw
}
