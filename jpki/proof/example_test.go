package proof_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A verifier accepts evidence once. This one keeps its challenges in a map; several servers
// keep them in one database. Genuine cards need the policy trust.Policy{Anchors: trust.JLIS()}.
func ExampleVerifier() {
	ctx := context.Background()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	pending := map[proof.Challenge]bool{} // guarded by a mutex if there are several goroutines
	verifier := &proof.Verifier{
		Audience: "https://library.example.jp",
		Purpose:  "login",
		Trust:    trust.Policy{CAs: []*x509.Certificate{card.CACertificate()}},
		Once: func(_ context.Context, challenge proof.Challenge) error {
			if !pending[challenge] {
				return proof.ErrUsed
			}
			delete(pending, challenge)
			return nil
		},
	}
	challenge, err := proof.NewChallenge(verifier.Audience, verifier.Purpose, time.Now(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	pending[challenge] = true

	// The challenge goes to the terminal as JSON, and the evidence comes back.
	text := terminal(ctx, card, challenge)
	for range 2 {
		evidence, err := proof.ParseEvidence(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		holder, err := verifier.Verify(ctx, evidence)
		if err != nil {
			fmt.Println("rejected:", errors.Is(err, proof.ErrUsed))
			return
		}
		fmt.Println(holder)
	}
	// Output:
	// [holder: certificate valid, issuer caller, revocation not checked]
	// rejected: true
}

// terminal has a card answer a challenge.
func terminal(ctx context.Context, card *simulator.Card, challenge proof.Challenge) []byte {
	driver := simulator.New()
	_ = driver.AddReader("Reader").Insert(card)
	ask := func(context.Context, jpki.Readiness) (jpki.PIN, error) { return jpki.ParsePIN([]byte("1234")) }
	evidence, err := jpki.ProveWith(ctx, driver.Connect, "Reader", ask, challenge)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(evidence)
	if err != nil {
		panic(err)
	}
	return text
}
