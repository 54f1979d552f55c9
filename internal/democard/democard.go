// Package democard makes the simulated cards of demonstrations. They are the same in every
// program and run, so that a server recognizes the cards of its kiosks.
package democard

import (
	"crypto/x509"

	"github.com/mykeykit/mykeykit/reader/simulator"
)

// New returns a card.
func New(p simulator.Profile) (*simulator.Card, error) {
	return simulator.NewCard(p, simulator.WithInsecureSeed("kiosk"))
}

// CACertificate returns the CA certificate of the cards.
func CACertificate() (*x509.Certificate, error) {
	card, err := New(simulator.Contact)
	if err != nil {
		return nil, err
	}
	return card.CACertificate(), nil
}
