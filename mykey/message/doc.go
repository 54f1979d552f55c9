// Package message turns the errors of this module into messages for users, in Japanese and
// in English: what happened, what it means for the card, and what to do next.
//
//	if err := use(card); err != nil {
//		m := message.For(err)
//		show(m.What.In(message.Japanese), m.Next.In(message.Japanese))
//		if m.Group == message.Clerk {
//			callTheCounter(m.Code)
//		}
//	}
//
// The texts are polite, plain and short: a line takes at most 78 columns of a terminal. They are
// written for residents of any age and for the clerk beside them, and name no command or option of
// the calling program. A program that has a more specific text for a failure, such as one with the
// name of an option, replaces the text and keeps the rest. So does the kiosk: package
// cmd/kiosk/internal/terminal says where its texts are.
//
// # The messages
//
// Function [For] has a message for every error of packages apdu, reader, jpki and mykey and of the
// packages below them, except jpki/cms, jpki/pdf and mykey/registry. Function [All] returns every
// message, for a manual or for a program's own table of texts.
//
// # Code, group and attempt
//
// A [Code] identifies the failure. Codes are stable: a program can compare them and a
// help desk can look them up.
//
// A [Group] says who can act, so that a program addresses the right person:
//
//	holder      put the card back, enter the PIN again
//	clerk       reset a locked PIN, renew a certificate
//	operator    install a driver, set the clock, name the right key file
//	programmer  fix the program
//
// An [Attempt] says whether the failure used up a PIN attempt. Three wrong PINs lock the PIN, so
// tell the holder. After "not-used" no attempt was lost. After "unknown", read the attempts left
// from the card first.
//
// # Two failures at once
//
// If logging the card out failed after another error, For describes the first error.
// Check for [jpki.ErrStillUnlocked] too, and ask the holder to remove the card:
//
//	if errors.Is(err, jpki.ErrStillUnlocked) && m.Code != message.CardStillUnlocked {
//		still := message.For(jpki.ErrStillUnlocked)
//		show(still.What.In(message.Japanese), still.Next.In(message.Japanese))
//	}
//
// The package holds no state and no secrets. Its functions are safe for concurrent use.
package message
