package face_test

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/jpki/cvc"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// A clerk types the verification number that is printed on the card. The photograph is signed, and
// the expiry is not.
func Example() {
	ctx := context.Background()
	card, err := simulator.NewCard(simulator.Contact, simulator.WithInsecureSeed("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	card.PowerOn()
	b, err := verification.ParseNumberB([]byte(simulator.NumberB))
	if err != nil {
		fmt.Println(err)
		return
	}
	authorities, err := card.Authorities()
	if err != nil {
		fmt.Println(err)
		return
	}
	var r face.Reader
	for _, a := range authorities {
		r.Policy.SimulatorAuthorities = append(r.Policy.SimulatorAuthorities, cvc.Authority{ID: a.ID, Key: a.Key})
	}
	data, err := r.Read(ctx, direct{card}, face.ByNumberB(b))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("photograph:", len(data.PhotoJP2()) > 0, "issuer:", data.Issuer())
	fmt.Println("not signed:", data.Unsigned().Expiry())
	fmt.Println(data)
	// Output:
	// photograph: true issuer: simulator
	// not signed: 20350401
	// [data of the card's face]
}

// direct sends commands to a simulated card without a reader.
type direct struct{ card *simulator.Card }

func (d direct) Transmit(_ context.Context, command []byte) ([]byte, error) {
	return d.card.Exchange(command), nil
}
