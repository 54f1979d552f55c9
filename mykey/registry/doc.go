// Package registry keeps a database, with an audit log, of the identifiers that holders
// have reserved and of the services that they have applied for.
//
// An identifier of package mykey has 40 bits, so the identifiers of two holders can collide, and a
// renewed card gives a different identifier. A registry solves both. It derives candidates for a
// holder's identifier with increasing attempt numbers, and on a collision the next candidate is
// used. It lets a holder keep the identifier when the card is renewed. And it accepts one
// application per known holder.
//
// The formats are documented in the source: records in audit.go, the digest of a row in image.go, and
// a terminal's signed request in origin.go.
//
// A holder is the person to whom a card was issued. The operator runs the registry, its
// terminals and its desks, and employs the clerks.
//
// # Getting started
//
// [Open] opens the registry of one namespace, in a file (sqlite:FILE) or on a
// server (postgres://…). A terminal authenticates the card with jpki.Authenticate
// and then calls:
//
//   - [Registry.Reserve] to reserve an identifier, or to find the holder's.
//   - [Registry.Preview] to check an application and show it to the holder, and
//     [Registry.Confirm] to make the application after the holder has agreed.
//   - [Registry.Renew] to move a reservation to a new card, [Registry.Withdraw] to
//     withdraw it, and [Registry.ReplaceRecoveryCode] to replace its recovery code.
//
// The operator calls [OpenOperator] to verify the audit log and to read statistics, and
// [OpenDesk] to export applications, erase an account, or purge all reservations and
// applications after a campaign. [Backup] and [Restore] copy a database file. A visit
// is what one holder does at a terminal after one PIN entry. The package example shows
// a visit and an export.
//
// # Guarantees
//
//   - Until [Desk.Purge], an identifier is assigned to at most one holder. Not even a withdrawn
//     identifier is assigned again.
//   - A holder whom the registry knows can apply once per namespace. Somebody with a new card and
//     no proof is not known: see Proof below. An account can be used in one application, until
//     [Desk.Erase] erases it.
//   - A change that returned nil is durable. Each change is applied once per
//     [Operation], however often it is repeated.
//   - Every change has a signed record in the audit log. [Operator.Verify] detects
//     rows and records that were altered without a terminal's key.
//   - The database contains no holder's certificate, serial number, name or PIN, and no
//     account or recovery code in the clear.
//
// # Keys
//
//   - The terminals have the keys of a [Generation]: the namespace's key, which derives
//     identifiers, and the registry's key, which makes handles (see Personal data) and
//     digests. In this package a generation is a set of keys; it is unrelated to the
//     generations of the card. Without the registry's key, no holder can be found again.
//     [Open] returns mykey.ErrKey if a key is not the one that the database records for
//     its generation, or if a generation is missing.
//   - Each terminal and each desk has its own name and signing key, in a value of type
//     [Terminal]. The operator has the public keys, as [TerminalKey] values.
//   - The operator has the private key that decrypts accounts. The terminals have its
//     public key, see [WithOperator].
//
// To change keys, see [WithOtherGenerations]. Another program may add a generation, and register
// holders under it, while this registry is open. This registry then can't find those holders, so it
// returns mykey.ErrKey for every holder that it does not find, and for every superseded one.
//
// # Proof
//
// Anybody can read a certificate from a card, so a certificate proves nothing. Functions that act
// for a holder take a [proof.Holder], which exists only if a card's key signed a challenge. Its
// certificate must be valid and from an accepted issuer ([AcceptIssuers]). Otherwise they return
// [ErrProof]. If the terminal calls jpki.Authenticate, pass jpki.WithChain, so that the issuer is
// known.
//
// Nothing on a new card links it to the old one. A renewal needs a [RenewalProof]: the old card,
// the recovery code that the holder received, or the confirmation of a clerk. A service that
// answers queries about revocation may know which cards belong to one holder: see [LinkBySubject].
// A holder who has a new card and no proof is unknown, and can reserve another identifier and
// apply again. Only the account, which can't be used twice, and an attentive clerk prevent that.
//
// # Personal data
//
// A holder is stored as a handle: the HMAC-SHA-256 of the certificate's SubjectPublicKeyInfo under
// the registry's key. The handle is a pseudonym: it is personal data for anyone who has the key.
// With [LinkBySubject], an HMAC of the holder's [revocation.Subject] is stored too.
//
// The expiry of a certificate is stored as a month. The day is the holder's birthday;
// with it the holders of two registries could be matched without their keys. See
// [mykey.Month].
//
// An account is encrypted (HPKE) with the operator's public key. A keyed digest of it
// detects that it is used again. Whoever has the registry's key, as terminals do, can
// test guesses against the digest, so a short account ID can be found. No digest
// of the security code is stored. A recovery code is stored as an HMAC under the registry's
// key.
//
// The row of a withdrawn reservation stays, so that its identifier is not assigned
// again. An application stays with its holder, who can reserve another identifier but
// can't apply again.
//
// # Repeating changes
//
// Every change takes an [Operation], which the caller generates beforehand. If the
// answer was lost, or a button was pressed twice, repeat the change with the same
// operation: it is applied once, and the answer is the holder's current reservation.
// Using an operation for a different request returns [ErrOperation].
//
// [ErrUnavailable] means that the database can't be used, was busy for about 3 seconds
// or did not answer for 11 seconds, or that the context was done. The change may or may
// not have been made; repeat it with the same operation. [Retry] does so once.
//
// # Audit log
//
// Each change appends a record: its kind, time and operation, a random number that is
// common to all reservations of the holder, the clerk's code if there was a clerk, and
// a digest of every row that it changed or relied on. A record contains the hash of
// the record before it and is signed with the terminal's key. Each terminal has its
// own chain of records in a namespace, under its name, so that terminals do not wait
// for each other. Only one program at a time can use the name. A server for many terminals
// has several chains, see [WithChains].
//
// [Operator.Verify] replays the records and compares every row. It detects records
// and rows that were added, removed, altered or moved, and a row that was altered and
// restored if a terminal relied on it in the meantime. It needs the terminals' public
// keys and no secret. If the last records of a chain were removed together with the
// changes that they describe, only an earlier [Head] shows it: store the heads daily
// where the database's administrator can't write. [Operator.VerifyWith] verifies a large
// registry from a signed checkpoint, and continues after an interruption.
//
// # Requests over the network
//
// A server can make changes for terminals that have neither the keys of a generation nor access to
// the database. It passes each signed request to [Registry.From], and the audit log keeps the
// terminal's signature: the server can't attribute a change to a terminal unless the terminal
// signed a request for this kind of change with this operation. It can make changes in its own
// name, which the audit accepts and [Operator.Statistics] counts. To verify the audit log, the
// operator needs the public keys of the server, its terminals and its clerks.
//
// A desk enrolls terminals and clerks ([Desk.Enroll]), and the server checks each request
// with [Registry.Terminal]. [Registry.StoreChallenge] and [Registry.UseChallenge] make sure
// that the challenge of a visit is answered once, even if there are several servers.
//
// # Errors and concurrency
//
// With errors.Is, errors match those of this package, of packages proof and mykey, or of
// the file system. They contain nothing that a holder typed. A Registry is safe for
// concurrent use; it makes one change at a time for each chain. Any number of programs
// can share a database. All functions except [Restore] return when their context is done.
package registry
