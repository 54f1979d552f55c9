// Package pdf signs PDF files with the My Number Card, and verifies signatures in PDF files.
//
// # Where to start
//
// [Sign] writes a copy of a file and adds a signature. The original bytes are not changed:
//
//	err := pdf.Sign(ctx, out, file, size, signer, pdf.Options{Name: "..."})
//
// [Verify] checks every signature of a file:
//
//	v := cms.Verifier{Trust: trust.Policy{Anchors: trust.JLISSignature(), Required: true}}
//	result, err := pdf.Verify(ctx, file, size, &v)
//
// Package cms says what a signature means, what is checked and what is not.
//
// # What Sign writes
//
// Sign writes what the Ministry of Justice accepts for registrations (登記・供託): Filter Adobe.PPKLite,
// SubFilter adbe.pkcs7.detached, with Name and M, over the whole file. The signature is invisible unless
// [Options] has an [Appearance]. A file may be signed several times. Encrypted files are rejected.
//
// # What Verify requires
//
// Published attacks deceive programs that verify PDF signatures: with a ByteRange that covers only a part of the file
// (signature wrapping), with changes that are appended after signing (incremental saving, shadow attacks), and with
// malformed signatures that a program skips or accepts (universal signature forgery). Therefore Verify
//
//   - finds all signature dictionaries that any cross-reference section lists, whatever their Filter; in object
//     streams, only those that no later section replaces;
//   - accepts only a ByteRange that covers the file from its first byte to the end of a revision, except for
//     the hexadecimal string of that signature itself;
//   - accepts only zeros after the signature in that string;
//   - compares each signed revision with the file as it is now. Further signatures, fields for them, data for
//     verifying them (DSS and Extensions), and defaults (DR and DA) of a form without other fields are allowed. Any
//     other change to a signed object is an error, which says what was changed;
//   - returns a nil error only if all signatures in the file are valid.
//
// A file that programs may understand in different ways, such as one with broken cross-reference sections, is
// rejected. Verify does not check that a program displays what the file contains. It accepts the visible signature
// of a later signer even if it hides a part of the page.
package pdf
