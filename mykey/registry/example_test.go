package registry_test

import (
	"context"
	"crypto/hpke"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// This example shows a visit to a terminal, with a simulated card, an identifier and an
// application, and the operator's export.
func Example() {
	ctx := context.Background()
	driver := simulator.New()
	card, _ := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	_ = driver.AddReader("Reader").Insert(card)
	connection, err := driver.Connect(ctx, "Reader")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()

	// The contents of two key files, as "card-info keygen" generates them. Never use these keys.
	namespaceKey, _ := mykey.ParseKey([]byte("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))
	registryKey, _ := mykey.ParseKey([]byte("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"))
	points, err := mykey.NewNamespace("points.example", namespaceKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The operator generates this key pair. The terminals get only the public key.
	operator, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		fmt.Println(err)
		return
	}

	directory, _ := os.MkdirTemp("", "registry")
	defer os.RemoveAll(directory)
	url := "sqlite:" + filepath.Join(directory, "registry.db")
	terminal, _ := registry.GenerateTerminal("terminal-1") // its key stays at the terminal
	r, err := registry.Open(ctx, url, terminal,
		registry.Generation{Number: 1, Namespace: points, Key: registryKey},
		registry.WithOperator(operator.PublicKey()),
		registry.AcceptIssuers(trust.IssuerSimulator)) // the card in this example is simulated
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()

	pin, _ := jpki.ParsePIN([]byte("1234"))
	holder, err := jpki.Authenticate(ctx, connection, pin, jpki.TrustSimulator(card.CACertificate()))
	if err != nil {
		fmt.Println(err)
		return
	}
	code := registry.NewRecoveryCode() // printed for the holder, in case the card is lost
	reservation, err := r.Reserve(ctx, registry.NewOperation(), holder, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reservation.ID.Display(), reservation.New)

	preview, err := r.Preview(ctx, holder, registry.NewAccount("Example Pay", "user-000001", "4649"))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Show this to the holder before you confirm the application.
	fmt.Println("link", preview.Identifier().Display(), "to", preview.AccountID(), "of", preview.Service())
	if _, err := r.Confirm(ctx, registry.NewOperation(), preview); err != nil {
		fmt.Println(err)
		return
	}

	// The operator exports the applications, without the terminals' keys.
	office, _ := registry.GenerateTerminal("office")
	desk, err := registry.OpenDesk(ctx, url, "points.example", []registry.TerminalKey{terminal.Public()}, office)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer desk.Close()
	for application, err := range desk.Export(ctx, registry.NewOperation()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		account, err := application.Open(operator)
		fmt.Println(application.ID.Display(), account.ID(), account.Code(), err)
	}
	report, err := desk.Verify(ctx) // pass the heads of the previous report
	fmt.Println(report.Records, "records", err)
	// Output:
	// HC7W-9Y1H true
	// link HC7W-9Y1H to user-000001 of Example Pay
	// HC7W-9Y1H user-000001 4649 <nil>
	// 3 records <nil>
}
