package jpki_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/proof"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// simulated returns a driver with a simulated card in its reader, "Reader". With pcsc.New()
// it is a real one.
func simulated(p simulator.Profile) reader.Driver {
	driver := simulator.New()
	card, err := simulator.NewCard(p, simulator.WithInsecureSeed("example"))
	if err != nil {
		panic(err)
	}
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		panic(err)
	}
	return driver
}

// connected returns a connection to a simulated card.
func connected(p simulator.Profile) reader.Card {
	connection, err := simulated(p).Connect(context.Background(), "Reader")
	if err != nil {
		panic(err)
	}
	return connection
}

// The holder of the card sees the attempts left before typing the PIN. The card is not held
// while the holder types.
func ExampleAuthenticateWith() {
	ctx := context.Background()
	driver := simulated(simulator.Contact)

	ask := func(_ context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("attempts left:", ready.Remaining)
		return jpki.ParsePIN([]byte("1234")) // what the holder types
	}
	holder, err := jpki.AuthenticateWith(ctx, driver.Connect, "Reader", ask)
	var refused *credential.Error
	switch {
	case errors.As(err, &refused):
		fmt.Println(refused.Reason, refused.Remaining)
		return
	case err != nil:
		fmt.Println(err)
		return
	}
	fmt.Println(holder)
	// Output:
	// attempts left: 3
	// [holder: certificate valid, issuer unknown, revocation not checked]
}

func ExampleAuthenticate() {
	ctx := context.Background()
	card := connected(simulator.Contact)
	defer card.Close()

	pin, err := jpki.ParsePIN([]byte("1234")) // typed before the card is touched
	if err != nil {
		fmt.Println(err)
		return
	}
	holder, err := jpki.Authenticate(ctx, card, pin)
	var wrong *credential.Error
	switch {
	case errors.As(err, &wrong):
		fmt.Println("attempts left:", wrong.Remaining)
		return
	case err != nil:
		fmt.Println(err)
		return
	}
	fmt.Println("certificate:", holder.Validity())
	// Output: certificate: valid
}

// A terminal has a card answer a verifier's challenge, and sends the evidence to the verifier,
// which needs no card. Package proof has the verifier's part.
func ExampleProveWith() {
	ctx := context.Background()
	driver := simulated(simulator.Contact)

	// The verifier makes the challenge and sends it to the terminal.
	challenge, err := proof.NewChallenge("https://library.example.jp", "login", time.Now(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}

	ask := func(_ context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("attempts left:", ready.Remaining)
		return jpki.ParsePIN([]byte("1234")) // what the holder types
	}
	evidence, err := jpki.ProveWith(ctx, driver.Connect, "Reader", ask, challenge)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(evidence) // for proof.ParseEvidence
	fmt.Println(evidence, len(text) > 0, err)
	// Output:
	// attempts left: 3
	// [evidence for "https://library.example.jp", "login"] true <nil>
}

// Prove is like ProveWith, with a card that is connected and a PIN that was typed before.
func ExampleProve() {
	ctx := context.Background()
	card := connected(simulator.Contact)
	defer card.Close()

	pin, err := jpki.ParsePIN([]byte("1234"))
	if err != nil {
		fmt.Println(err)
		return
	}
	challenge, err := proof.NewChallenge("https://library.example.jp", "login", time.Now(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	evidence, err := jpki.Prove(ctx, card, pin, challenge)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(evidence.Algorithm)
	// Output: RS256
}

// Single steps, which use no attempt.
func ExampleDo() {
	ctx := context.Background()
	card := connected(simulator.LastAttempt)
	defer card.Close()

	err := jpki.Do(ctx, card, func(a *jpki.Application) error {
		token, err := a.Token(ctx)
		if err != nil {
			return err
		}
		counter, err := a.AuthPINCounter(ctx)
		if err != nil {
			return err
		}
		fmt.Println(token.Kind, "with", counter.Remaining, "attempt left")
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: individual-number-card with 1 attempt left
}

// A kiosk that serves only holders of J-LIS's certificates rejects a simulated card before
// the PIN is sent. Its tests pass the simulated card's CA certificate to RequireChain.
func ExampleRequireChain() {
	ctx := context.Background()
	card := connected(simulator.Contact)
	defer card.Close()

	pin, err := jpki.ParsePIN([]byte("1234"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = jpki.Authenticate(ctx, card, pin, jpki.RequireChain())
	fmt.Println("not J-LIS's:", errors.Is(err, trust.ErrUnknownIssuer)) // and the PIN was not sent
	// Output: not J-LIS's: true
}

// A desktop program signs with the card's key. The holder is asked for the PIN when it is
// needed. With pcsc.New() instead of the simulator it is a real card.
func ExampleSigner() {
	ctx := context.Background()
	driver := simulated(simulator.Contact)

	ask := func(_ context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("PIN, please; attempts left:", ready.Remaining)
		return jpki.ParsePIN([]byte("1234")) // typed, and not echoed
	}
	signer, err := jpki.NewSigner(ctx, driver.Connect, "Reader", ask)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer signer.Close()

	digest := sha256.Sum256([]byte("a document"))
	signature, err := signer.SignContext(ctx, digest[:], crypto.SHA256)
	if err != nil {
		fmt.Println(err)
		return
	}
	key := signer.Public().(*rsa.PublicKey)
	fmt.Println("verifies:", rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil)
	// Output:
	// PIN, please; attempts left: 3
	// verifies: true
}
