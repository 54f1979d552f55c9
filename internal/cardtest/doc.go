// Package cardtest has test helpers that record what a program does with a card:
//
//   - [Desk] is a simulated card in a simulated reader;
//   - [Holder] is a desk with the card's holder, who enters the PIN when the program asks;
//   - [Driver] records the commands of every connection, over any driver;
//   - [Recorder] is what they record with. Its hooks can refuse a command or change its
//     answer;
//   - [CA] is a CA whose key the tests have, so that they can issue certificates.
//
// A fault of the card, the reader or the service is a rule of package simulator instead:
//
//	desk := cardtest.Open(t, simulator.Contact)
//	desk.Slot.AddFault(simulator.Fault{Nth: 3, Do: simulator.PullCard()})
//	_, err := jpki.Authenticate(ctx, desk.Connection, pin)
//	assert.Equal(t, 0, desk.Secrets())
//
// When a test ends, a desk fails it if the card is still unlocked or a connection is still
// open, and a holder fails it if the secrets sent are not those that the holder entered.
package cardtest
