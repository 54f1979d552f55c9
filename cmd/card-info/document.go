package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/ctxio"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
)

// The kinds of signed documents.
const (
	kindPDF      = "pdf"
	kindAttached = "cms"
	kindDetached = "cms-detached"
)

// document is a file that is signed.
type document struct {
	path, output, kind string
	file               *os.File
	size               int64
	sha256             [sha256.Size]byte
}

// openDocuments opens the files and finds out, before anybody is asked for the password, whether they can be
// signed. The caller closes them, also after an error.
func openDocuments(ctx context.Context, files []string, o signOptions, options pdf.Options) ([]*document, error) {
	var documents []*document
	outputs := map[string]bool{}
	for _, path := range files {
		d, err := openDocument(ctx, path)
		if d != nil {
			documents = append(documents, d)
		}
		if err != nil {
			return documents, err
		}
		if o.detached {
			d.kind = kindDetached
		}
		if d.kind == kindPDF {
			if err := pdf.Check(d.file, d.size, options); err != nil {
				return documents, err
			}
			if err := unaltered(ctx, d); err != nil {
				return documents, err
			}
		}
		if d.kind == kindAttached && d.size > longestMessage {
			return documents, &fs.PathError{Op: "sign", Path: path, Err: syscall.EFBIG}
		}
		d.output = outputFor(path, d.kind, o)
		if err := keyfile.CheckNew(d.output); err != nil {
			return documents, &fs.PathError{Op: "create", Path: d.output, Err: err}
		}
		if outputs[d.output] {
			return documents, cli.Because(fmt.Errorf("%s: output of two files", termtext.Printable(d.output)), codeDocumentExists, textSameOutput, textSameOutputNext)
		}
		outputs[d.output] = true
	}
	return documents, nil
}

// unaltered returns an error if a PDF file was changed after it was signed: whoever signs it next would sign the change.
// Whose the signatures are does not matter.
func unaltered(ctx context.Context, d *document) error {
	_, err := pdf.Verify(ctx, d.file, d.size, &cms.Verifier{AllowUnknownIssuer: true, AllowAuthenticationKey: true})
	for _, altered := range []error{pdf.ErrChangedAfter, pdf.ErrCoverage, pdf.ErrPadding, cms.ErrContent, cms.ErrSignature, ctx.Err()} {
		if altered != nil && errors.Is(err, altered) {
			return err
		}
	}
	return nil
}

// openDocument opens a regular file and computes its SHA-256. It does not block on a pipe.
func openDocument(ctx context.Context, path string) (*document, error) {
	file, info, err := keyfile.Open(path)
	if err != nil {
		return nil, err
	}
	d := &document{path: path, kind: kindAttached, file: file, size: info.Size()}
	head := make([]byte, 5)
	if n, _ := file.ReadAt(head, 0); string(head[:n]) == "%PDF-" {
		d.kind = kindPDF
	}
	d.sha256, err = sha256Of(ctx, file, d.size)
	return d, err
}

func closeAll(documents []*document) {
	for _, d := range documents {
		d.file.Close() // only read
	}
}

func sha256Of(ctx context.Context, r io.ReaderAt, size int64) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	n, err := io.Copy(h, ctxio.Reader(ctx, io.NewSectionReader(r, 0, size)))
	if err == nil && n != size {
		err = cms.ErrChanged
	}
	copy(sum[:], h.Sum(nil))
	return sum, err
}

// sign writes the signed document to a new file, and verifies what is on the disk before it gets its name.
func (d *document) sign(ctx context.Context, signer cms.Signer, o pdf.Options) error {
	return keyfile.WriteNewWith(d.output, func(file *os.File) error {
		var err error
		switch d.kind {
		case kindPDF:
			err = pdf.Sign(ctx, file, d.file, d.size, signer, o)
		case kindAttached:
			err = cms.SignAttached(ctx, file, signer, d.file, d.size, o.Options)
		default:
			var signature []byte
			if signature, err = cms.Sign(ctx, signer, io.NewSectionReader(d.file, 0, d.size), o.Options); err == nil {
				_, err = file.Write(signature)
			}
		}
		if err != nil {
			return err
		}
		return d.verifyOutput(ctx, file.Name(), o)
	})
}

// verifyOutput verifies a file that was just written, and that it has the bytes that were shown.
func (d *document) verifyOutput(ctx context.Context, path string, o pdf.Options) error {
	output, info, err := keyfile.Open(path)
	if err != nil {
		return err
	}
	defer output.Close()
	v := cms.Verifier{AllowUnknownIssuer: true, AllowAuthenticationKey: o.AllowAuthenticationKey, Now: o.Now} // the card's own signature: whoever issued it
	var content io.ReaderAt = d.file
	switch d.kind {
	case kindPDF:
		content = output
		var result *pdf.Result
		if result, err = pdf.Verify(ctx, output, info.Size(), &v); result != nil {
			err = pdf.ErrCoverage // an older signature may be bad, but not the one over the whole file
			for _, s := range result.Signatures {
				if s.Whole {
					err = s.Err
				}
			}
		}
	case kindAttached:
		var der []byte
		if der, err = io.ReadAll(output); err == nil {
			_, err = v.Verify(ctx, der, nil)
		}
		if inside, contentErr := cms.Content(der); contentErr == nil {
			content = bytes.NewReader(inside)
		}
	default:
		var der []byte
		if der, err = io.ReadAll(output); err == nil {
			_, err = v.Verify(ctx, der, io.NewSectionReader(d.file, 0, d.size))
		}
	}
	if err != nil {
		return err
	}
	sum, err := sha256Of(ctx, content, d.size)
	if err == nil && sum != d.sha256 {
		err = cms.ErrChanged
	}
	return err
}
