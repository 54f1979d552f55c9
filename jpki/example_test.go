package jpki_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// simulated returns a connection to a simulated card; with pcsc.New() in place
// of the driver it is a real one.
func simulated(p simulator.Profile) reader.Card {
	driver := simulator.New()
	card, err := simulator.NewCard(p, simulator.WithInsecureSeed("example"))
	if err != nil {
		panic(err)
	}
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		panic(err)
	}
	connection, err := driver.Connect(context.Background(), "Reader")
	if err != nil {
		panic(err)
	}
	return connection
}

func ExampleAuthenticate() {
	ctx := context.Background()
	card := simulated(simulator.Contact)
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
		fmt.Println("tries left:", wrong.Remaining)
		return
	case err != nil:
		fmt.Println(err)
		return
	}
	fmt.Println("card accepted the PIN:", holder.CardAcceptedPIN)
	fmt.Println("possession:", holder.Possession)
	fmt.Println("certificate:", holder.Validity)
	// Output:
	// card accepted the PIN: true
	// possession: true
	// certificate: valid
}

// Single steps, which cost no try.
func ExampleDo() {
	ctx := context.Background()
	card := simulated(simulator.LastTry)
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
		fmt.Println(token.Kind, "with", counter.Remaining, "try left")
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: individual-number-card with 1 try left
}

// A kiosk that serves nobody but holders of J-LIS's certificates refuses a simulated
// card before the PIN is sent. Its tests give RequireChain the authority of theirs.
func ExampleRequireChain() {
	ctx := context.Background()
	card := simulated(simulator.Contact)
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

// A desktop program has the card's key sign, and the person asked for the PIN when
// it is needed. With pcsc.New() in place of the simulator it is a real card.
func ExampleSigner() {
	ctx := context.Background()
	driver := simulator.New()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := driver.AddReader("Reader").Insert(card); err != nil {
		fmt.Println(err)
		return
	}

	ask := func(_ context.Context, ready jpki.Readiness) (jpki.PIN, error) {
		fmt.Println("PIN, please; tries left:", ready.Remaining)
		return jpki.ParsePIN([]byte("1234")) // typed, and shown to nobody
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
	// PIN, please; tries left: 3
	// verifies: true
}
