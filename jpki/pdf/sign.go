package pdf

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/mykeykit/mykeykit/internal/ctxio"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
	"github.com/mykeykit/mykeykit/jpki/trust"
)

var (
	// ErrMalformed reports a file that is not a PDF file, or that two programs may interpret in different ways.
	ErrMalformed = object.ErrMalformed
	// ErrEncrypted reports an encrypted file.
	ErrEncrypted = errors.New("encrypted PDF")
	// ErrChanged reports a file that became shorter while it was being signed.
	ErrChanged = cms.ErrChanged
	// ErrSigningForbidden reports a certified file (DocMDP), which Sign does not sign.
	ErrSigningForbidden = errors.New("PDF allows no further signature")
)

// Options say how to sign. The zero value is usable.
type Options struct {
	cms.Options
	// Name is the signer's name for the signature dictionary. If it is empty, the certificate's common name is
	// used, which for this card is a serial code and not a name.
	Name             string
	Reason, Location string // left out if empty
	// Appearance shows the signature on a page. If Appearance is nil, the signature is invisible.
	Appearance *Appearance
}

// Check returns the error with which [Sign] would refuse the file, without signing: [ErrMalformed],
// [ErrEncrypted], [ErrSigningForbidden], [ErrNoPage], [ErrFont], [ErrBlockSize], or an error of file. It reads
// every object of the file.
func Check(file io.ReaderAt, size int64, o Options) error {
	u, err := prepare(file, size, o)
	if err == nil && o.Appearance != nil {
		_, err = u.draw(o.Appearance)
	}
	return err
}

// prepare begins the update of a file that can be signed.
func prepare(file io.ReaderAt, size int64, o Options) (*update, error) {
	f, err := open(file, size)
	if err != nil {
		return nil, err
	}
	u, err := newUpdate(f, file, size)
	if err != nil {
		return nil, err
	}
	catalog, err := f.Dict(f.Trailer()["Root"])
	if err != nil {
		return nil, err
	}
	if u.page, err = findPage(f, catalog, o.Appearance.pageNumber()); err != nil {
		return nil, err
	}
	if _, err := f.Array(u.page.dict["Annots"]); err != nil {
		return nil, err
	}
	if _, err := u.fieldName(catalog); err != nil {
		return nil, err
	}
	// What Verify would refuse in the signed file.
	if err := f.Listed(func(object.Ref, int64, any) error { return nil }); err != nil {
		return nil, err
	}
	return u, newComparison(f, nil, size, nil).complete()
}

func open(file io.ReaderAt, size int64) (*object.File, error) {
	f, err := object.Open(file, size)
	if err != nil {
		return nil, err
	}
	if f.Encrypted() {
		return nil, ErrEncrypted
	}
	catalog, err := f.Dict(f.Trailer()["Root"])
	if err != nil {
		return nil, err
	}
	if catalog == nil {
		return nil, fmt.Errorf("%w: no document catalog", ErrMalformed)
	}
	permissions, err := f.Dict(catalog["Perms"])
	if err != nil {
		return nil, err
	}
	if permissions["DocMDP"] != nil {
		return nil, fmt.Errorf("%w: it is certified", ErrSigningForbidden)
	}
	return f, nil
}

// Sign writes the file's bytes to w, then an incremental update with a signature of both. It reads the file's
// objects first, and then the file from start to end. It does not read the whole file into memory. After an error,
// a part of the output may have been written to w: write to a new file, and rename it when Sign returns nil.
//
// It returns the errors of [Check], [ErrChanged], and those of [cms.Sign].
func Sign(ctx context.Context, w io.Writer, file io.ReaderAt, size int64, signer cms.Signer, o Options) error {
	if err := o.Check(signer.Certificate()); err != nil {
		return err
	}
	u, err := prepare(file, size, o)
	if err != nil {
		return err
	}
	if err := u.addSignature(o, signer, now(o)); err != nil {
		return err
	}
	update, gap := u.bytes()

	h := o.NewHash()
	copied, err := copyAndHash(w, h, ctxio.Reader(ctx, io.NewSectionReader(file, 0, size)))
	switch {
	case err != nil:
		return err
	case copied != size:
		return fmt.Errorf("%w: %d bytes in place of %d", ErrChanged, copied, size)
	}
	h.Write(update[:gap.start])
	h.Write(update[gap.end:])
	signature, err := cms.SignDigest(ctx, signer, h.Sum(nil), o.Options)
	if err != nil {
		return err
	}
	hexadecimal := update[gap.start+1 : gap.end-1]
	if hex.EncodedLen(len(signature)) > len(hexadecimal) {
		return fmt.Errorf("signature of %d bytes exceeds the %d bytes reserved for it", len(signature), len(hexadecimal)/2)
	}
	hex.Encode(hexadecimal, signature)
	_, err = w.Write(update)
	return err
}

// copyAndHash writes what it reads to w, and hashes the same bytes at the same time, which takes about as long.
func copyAndHash(w io.Writer, h hash.Hash, r io.Reader) (copied int64, err error) {
	block := make([]byte, 128<<10)
	for {
		n, err := io.ReadFull(r, block)
		hashed := make(chan struct{})
		go func() {
			h.Write(block[:n])
			close(hashed)
		}()
		_, writeErr := w.Write(block[:n])
		<-hashed
		copied += int64(n)
		switch {
		case writeErr != nil:
			return copied, writeErr
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			return copied, nil
		case err != nil:
			return copied, err
		}
	}
}

func now(o Options) time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// room returns how many bytes to reserve for the signature.
func room(o Options, signer cms.Signer) int {
	n := 4096 + 2*len(signer.Certificate().Raw)
	for _, ca := range o.CACertificates {
		n += len(ca.Raw)
	}
	if o.Timestamp != nil {
		n += 16 << 10
	}
	return n
}

// signatureDictionary encodes the dictionary of a signature, with room for it, and returns where the
// placeholders are.
func signatureDictionary(o Options, signer cms.Signer, at time.Time) (b []byte, byteRange, contents int) {
	name := o.Name
	if name == "" {
		name = signer.Certificate().Subject.CommonName
	}
	b = append(b, "<</Type /Sig\n/Filter /Adobe.PPKLite\n/SubFilter /adbe.pkcs7.detached\n/ByteRange "...)
	byteRange = len(b)
	b = append(b, bytes.Repeat([]byte(" "), byteRangeWidth)...)
	b = append(b, "\n/Contents "...)
	contents = len(b)
	b = append(b, '<')
	b = append(b, bytes.Repeat([]byte("0"), 2*room(o, signer))...)
	b = append(b, ">\n/M "...)
	b = object.Append(b, text(at.In(trust.Japan).Format("D:20060102150405+09'00'")))
	for _, entry := range []struct{ key, value string }{{"Name", name}, {"Reason", o.Reason}, {"Location", o.Location}} {
		if entry.value != "" {
			b = object.Append(append(append(b, '\n', '/'), entry.key+" "...), text(entry.value))
		}
	}
	return append(b, ">>"...), byteRange, contents
}
