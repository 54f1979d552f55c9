// Package registry keeps the identifiers of package mykey: who has taken which,
// who has renewed the card, who has withdrawn, and who has applied for a service.
//
// # What it is for
//
// An identifier of 40 bits can be another's, and a renewed card derives another
// one. A registry sees the first and passes over to the next attempt number, and
// lets a holder keep the identifier through the second. It is where a campaign's
// one application a person is kept, too.
//
// # Where to start
//
// [Open] opens one namespace's registry, in a file (sqlite:FILE) or on a server
// (postgres://…). At a terminal, after jpki.Authenticate:
//
//   - [Registry.Reserve] takes an identifier, or finds the one that is the
//     holder's.
//   - [Registry.Preview] shows what an application would link, and
//     [Registry.Confirm] does it after the person has read it back.
//   - [Registry.Renew] moves a reservation to a new card; [Registry.Withdraw]
//     gives it up; [Registry.NewCode] replaces a recovery code.
//
// At the operator's, [OpenOperator] opens it to verify the audit log and to count,
// and [OpenDesk] to export applications, erase an account, or purge a campaign's
// data. With package jpki that makes a terminal; the example shows it whole.
//
// # Proof
//
// A certificate can be read from any card, so nothing is done for one alone:
// these functions take a [jpki.Authentication] with possession, of a card that
// accepted the PIN, of an issuer that is accepted ([AcceptChains]), or fail with
// [ErrProof]. For that the terminal authenticates with jpki.WithChain. Who
// constructs one without a card deceives the registry; it trusts the terminal's
// program, and has to. That the PIN was correct is the card's word, and a relay can
// give it: see [jpki.Authentication].
//
// Nothing on a new card tells of the old one. Renewal takes the old card's own
// proof, a recovery code that the holder was given, or a clerk who is recorded;
// see [Proof]. A holder who comes with a new card and none of these is a
// stranger, and gets an identifier and an application of their own: only the
// account that is applied for, which was used, and a clerk's eye stand against
// that.
//
// # What is kept, and what is not
//
// A holder is a handle: HMAC-SHA-256 of the certificate's SubjectPublicKeyInfo,
// under the registry's own key, whole. No serial number, certificate or name is
// kept. It is a pseudonym all the same: personal data in the hands of whoever has
// the keys.
//
// Of a certificate's expiry the month is kept, in Japan's time. The day is the
// holder's birthday, and with it two registries of the same people could be joined
// without their keys; [mykey.Month] tells how often a day and a month single a
// holder out. Who needs the day, reads it from the card.
//
// The account that a person types reaches the operator sealed with HPKE for the
// operator's public key; the database has a keyed digest of it, by which its second
// use is seen. The database and its backups can't tell it; who has the registry's key,
// as terminals do, can test guesses against the digest, and a short ID is soon
// guessed. The security code is sealed only, and nothing else is made from it.
// Recovery codes are kept as an HMAC under the registry's key: they have 80 random
// bits.
//
// A withdrawn reservation's row stays, so that its identifier is given to nobody.
// What was applied for stays with the holder, who may reserve another identifier
// and not apply again.
//
// # Doing things once
//
// Every change takes an [Operation], made beforehand. Repeated under the same
// operation, after an answer that was lost or a double tap, it is done once and
// answered with what the holder has by then; the same operation for something else
// is [ErrOperation]. [ErrUnavailable] says that the database refused for about 3
// seconds, or said nothing for 11, or that the context ended: the change may have
// been made, and repeating it with its operation is right.
//
// # Audit
//
// Each change leaves a record: its kind, time, operation, a random number that goes
// with the holder's reservations, a clerk's code if there was one, and a digest of
// every row that it changed or relied on. Each record holds the hash of the one
// before it, and is signed with the terminal's own key ([Terminal]). One chain for
// all would be a row that every terminal changes, so each terminal has a chain of its
// own in a namespace, under its name; one program at a time may have the name.
//
// [Operator.Verify] replays the records and compares every row. A record or a row
// that was removed, altered, moved or added shows, also one that was altered and put
// back, once a terminal relied on it. It needs the terminals' public keys, and no
// secret. Records that were removed from a chain's end, with everything that they
// tell of, show only by a [Head] that was kept elsewhere: keep the heads, daily, where
// the database's administrator can't write.
//
// # Keys
//
// A [Generation] is the namespace's key and the registry's, under a number. Losing
// the registry's loses every holder; so [Open] refuses keys with which the
// database was not filled, and fewer generations than it was filled with. Rotation is
// [WithEarlier]. A program that was opened before a generation was added, and goes on
// without it, is told mykey.ErrKey of holders whom it does not know once that generation
// has holders.
//
// # Errors, concurrency
//
// Errors match the package's by errors.Is and quote nothing that a person typed.
// A Registry may be used by any number of goroutines; it makes one change at a
// time. Any number of registries may share a server, and some a file. Functions
// end with their context.
package registry
