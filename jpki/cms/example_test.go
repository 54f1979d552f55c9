package cms_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A card signs data, and anybody verifies the signature.
func Example() {
	ctx := context.Background()
	card, err := simulator.NewCard(simulator.Contact)
	if err != nil {
		panic(err)
	}
	driver := simulator.New()
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		panic(err)
	}
	ask := func(context.Context, jpki.Readiness) (jpki.Password, error) {
		return jpki.ParsePassword([]byte(simulator.Password)) // ask the holder here
	}
	signer, err := jpki.NewSignatureSigner(ctx, driver.Connect, "Reader", ask)
	if err != nil {
		panic(err)
	}
	defer signer.Close()
	signature, err := cms.Sign(ctx, signer, strings.NewReader("I apply."), cms.Options{})
	if err != nil {
		panic(err)
	}

	// For a real card: trust.Policy{Anchors: trust.JLISSignature(), Required: true}
	ca, err := card.SignatureCACertificate()
	if err != nil {
		panic(err)
	}
	v := cms.Verifier{Trust: trust.Policy{SimulatorCAs: []*x509.Certificate{ca}}}
	signatures, err := v.Verify(ctx, signature, strings.NewReader("I apply."))
	if err != nil {
		panic(err)
	}
	fmt.Println(signatures[0].Issuer, signatures[0].Hash, "revocation", signatures[0].Revocation.Status)

	_, err = v.Verify(ctx, signature, strings.NewReader("I do not apply."))
	fmt.Println(err)
	// Output:
	// simulator SHA-256 revocation unknown
	// content was changed after it was signed
}
