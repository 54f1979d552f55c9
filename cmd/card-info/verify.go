package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cafile"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	content      string
	cas          []string // files
	timestampCAs []string // files
	attributes   bool
	// authentication accepts signatures with the key for user authentication.
	authentication bool
}

// longestMessage bounds a CMS message that is read into memory, in bytes.
const longestMessage = 512 << 20

func (p *program) verifyCommand() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use: "verify FILE", Short: p.Say(textVerifyShort), Long: p.Say(textVerifyLong),
		RunE: func(c *cobra.Command, files []string) error { return p.verify(c.Context(), files, o) },
	}
	f := c.Flags()
	f.StringVar(&o.content, "content", "", p.Say(textFlagContent))
	f.StringArrayVar(&o.timestampCAs, "timestamp-ca", nil, p.Say(textFlagTimestampCA))
	f.BoolVar(&o.attributes, "attributes", false, p.Say(textFlagAttributes))
	f.BoolVar(&o.authentication, "authentication-key", false, p.Say(textFlagAcceptAuthentication))
	caCertificateFlag(c, p, &o.cas)
	return c
}

// verifiedJSON is what verify prints as JSON.
type verifiedJSON struct {
	File       string          `json:"file"`
	Content    string          `json:"content,omitempty"` // the file that a detached signature signs
	Kind       string          `json:"kind"`
	Valid      bool            `json:"valid"`
	Signatures []signatureJSON `json:"signatures"`
}

type signatureJSON struct {
	Valid       bool         `json:"valid"`
	Code        message.Code `json:"code,omitempty"` // why it is not valid
	Key         string       `json:"key,omitempty"`  // "signature" or "authentication"
	Issuer      trust.Issuer `json:"issuer,omitempty"`
	Digest      string       `json:"digest,omitempty"`
	ClaimedTime *time.Time   `json:"claimed_time,omitempty"`
	ProvenTime  *time.Time   `json:"proven_time,omitempty"`
	WholeFile   bool         `json:"covers_whole_file"`
	Checked     []string     `json:"checked,omitempty"`
	Unchecked   []string     `json:"not_checked,omitempty"`
	Holder      *holderJSON  `json:"holder,omitempty"`
}

type holderJSON struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Birth   string `json:"birth"` // YYYY-MM-DD
	Sex     string `json:"sex"`
}

// verified is one signature of a file.
type verified struct {
	signature *cms.Signature // nil: bad
	err       error
	whole     bool
}

// verify verifies the signatures of a file and reports each of them.
func (p *program) verify(ctx context.Context, files []string, o verifyOptions) error {
	if len(files) != 1 {
		return p.Misuse(textOneFile, errors.New("verify: one file"))
	}
	v, err := p.documentVerifier(o)
	if err != nil {
		return err
	}
	report := verifiedJSON{File: files[0], Content: o.content}
	signatures, err := p.verifyFile(ctx, &report, v)
	if signatures == nil {
		return documentFailure(err)
	}
	if writeErr := p.writeVerified(report, signatures, o.attributes); writeErr != nil {
		return writeErr
	}
	return documentFailure(err)
}

// documentVerifier trusts J-LIS, the CAs in files and, with --simulator, the simulated card's.
func (p *program) documentVerifier(o verifyOptions) (*cms.Verifier, error) {
	v := &cms.Verifier{Trust: trust.Policy{Anchors: trust.JLISSignature()}, AllowAuthenticationKey: o.authentication, Now: p.now}
	read := func(flag string, files []string, use func(*x509.Certificate)) error {
		for _, file := range files {
			certificates, err := cafile.Read(file)
			if err != nil {
				return cli.Because(fmt.Errorf("%s: %w", flag, err), cli.CodeCACertificate, textCACertificateFile, textCACertificateFileNext)
			}
			for _, c := range certificates {
				use(c)
			}
		}
		return nil
	}
	err := read("--ca-certificate", o.cas, func(c *x509.Certificate) { v.Trust.CAs = append(v.Trust.CAs, c) })
	if err == nil && len(o.timestampCAs) > 0 {
		v.TimestampCAs = x509.NewCertPool()
		err = read("--timestamp-ca", o.timestampCAs, v.TimestampCAs.AddCert)
	}
	if err == nil && p.simulated != nil {
		var ca *x509.Certificate
		if ca, err = p.simulated.SignatureCACertificate(); ca != nil {
			v.Trust.SimulatorCAs = []*x509.Certificate{ca}
		}
		if o.authentication && p.simulated.CACertificate() != nil {
			v.Trust.SimulatorCAs = append(v.Trust.SimulatorCAs, p.simulated.CACertificate())
		}
	}
	return v, err
}

// verifyFile returns the signatures of the report's file, and nil if it has none that could be looked at. It completes
// the report's kind and content.
func (p *program) verifyFile(ctx context.Context, report *verifiedJSON, v *cms.Verifier) (signatures []verified, err error) {
	d, err := openDocument(ctx, report.File)
	if d != nil {
		defer d.file.Close()
	}
	if err != nil {
		return nil, err
	}
	if d.kind != kindPDF {
		return verifyMessage(ctx, d, report, v)
	}
	if report.Content != "" {
		return nil, p.Misuse(textContentOfPDF, errors.New("--content: the file is a PDF file"))
	}
	report.Kind = kindPDF
	result, err := pdf.Verify(ctx, d.file, d.size, v)
	if result == nil {
		return nil, err
	}
	for _, s := range result.Signatures {
		signatures = append(signatures, verified{s.Verified, s.Err, s.Whole})
	}
	return signatures, err
}

// verifyMessage verifies a CMS message. The content of a detached signature is the file without .p7s if it is not
// named.
func verifyMessage(ctx context.Context, d *document, report *verifiedJSON, v *cms.Verifier) (signatures []verified, err error) {
	if d.size > longestMessage {
		return nil, fmt.Errorf("%w: more than %d bytes", cms.ErrMalformed, longestMessage)
	}
	der, err := io.ReadAll(io.NewSectionReader(d.file, 0, d.size))
	if err != nil {
		return nil, err
	}
	report.Kind = kindAttached
	implied := report.Content == "" && strings.HasSuffix(d.path, ".p7s")
	if implied {
		report.Content = strings.TrimSuffix(d.path, ".p7s")
	}
	var reader io.Reader
	if report.Content != "" {
		content, err := openDocument(ctx, report.Content)
		if content != nil {
			defer content.file.Close()
		}
		if implied && errors.Is(err, os.ErrNotExist) {
			err = cli.Because(err, codeDocumentFile, textNoContent, textMessageMalformedNext)
		}
		if err != nil {
			return nil, err
		}
		report.Kind, reader = kindDetached, io.NewSectionReader(content.file, 0, content.size)
	}
	found, err := v.Verify(ctx, der, reader)
	if err != nil {
		if errors.Is(err, cms.ErrMalformed) || ctx.Err() != nil {
			return nil, err
		}
		return []verified{{err: err, whole: true}}, err
	}
	for _, s := range found {
		signatures = append(signatures, verified{signature: s, whole: true})
	}
	return signatures, nil
}

// checksOf returns what was checked of a good signature, and what was not.
func checksOf(s *cms.Signature) (checked, unchecked []string) {
	checked = []string{"content", "signature", "certificate-kind", "issuer", "validity"}
	unchecked = []string{"revocation"}
	if s.ProvenTime.IsZero() {
		unchecked = append(unchecked, "signing-time")
	} else {
		checked = append(checked, "signing-time")
	}
	return checked, unchecked
}

// writeVerified reports the signatures.
func (p *program) writeVerified(report verifiedJSON, signatures []verified, attributes bool) error {
	report.Valid = true
	t := table{program: p}
	for i, s := range signatures {
		report.Valid = report.Valid && s.err == nil
		report.Signatures = append(report.Signatures, signatureReport(s, attributes))
		if i > 0 {
			t.line(Text{})
		}
		t.line(cli.Formatted(textSignatureNumber, i+1, len(signatures)))
		p.addSignature(&t, s, attributes)
		if report.Content != "" {
			t.row(textRowContent, same(termtext.Printable(report.Content)))
		}
	}
	if p.JSON {
		return cli.WriteJSON(p.stdout, report)
	}
	return t.write(p.stdout)
}

func signatureReport(s verified, attributes bool) signatureJSON {
	if s.err != nil {
		return signatureJSON{Code: messageFor(documentFailure(s.err)).Code, WholeFile: s.whole}
	}
	key := "signature"
	if s.signature.Authentication {
		key = "authentication"
	}
	j := signatureJSON{Valid: true, Key: key, Issuer: s.signature.Issuer, Digest: s.signature.Hash.String(), WholeFile: s.whole}
	j.Checked, j.Unchecked = checksOf(s.signature)
	if at := s.signature.ClaimedTime; !at.IsZero() {
		j.ClaimedTime = &at
	}
	if at := s.signature.ProvenTime; !at.IsZero() {
		j.ProvenTime = &at
	}
	if a, err := jpki.ParseAttributes(s.signature.Certificate()); attributes && err == nil {
		j.Holder = &holderJSON{a.Name(), a.Address(), birthOf(a), sexName(a.Sex())}
	}
	return j
}

func birthOf(a jpki.Attributes) string {
	year, month, day := a.Birth().Date()
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
}

// addSignature adds what is known about a signature to a table.
func (p *program) addSignature(t *table, s verified, attributes bool) {
	if s.err != nil {
		t.row(textRowResult, textInvalid)
		t.row(textRowReason, messageFor(documentFailure(s.err)).What)
		return
	}
	t.row(textRowResult, textValid)
	if s.signature.Authentication {
		t.row(textRowKey, textAuthenticationKey)
	}
	t.row(textRowSignerIssuer, textDocumentIssuer(s.signature.Issuer))
	switch {
	case !s.signature.ProvenTime.IsZero():
		t.row(textRowTime, cli.Formatted(textTimeProven, inJapan(s.signature.ProvenTime)))
	case !s.signature.ClaimedTime.IsZero():
		t.row(textRowTime, cli.Formatted(textTimeClaimed, inJapan(s.signature.ClaimedTime)))
	}
	if !s.whole {
		t.row(textRowCoverage, textFollowed)
	}
	if attributes {
		if a, err := jpki.ParseAttributes(s.signature.Certificate()); err == nil {
			p.addHolder(t, a)
		}
	}
	t.row(textRowChecked, textDocumentChecked)
	t.row(textRowUnchecked, textDocumentUnchecked)
}

// addHolder adds the holder's attributes to a table.
func (p *program) addHolder(t *table, a jpki.Attributes) {
	t.row(textRowName, same(a.Name()))
	t.row(textRowAddress, same(a.Address()))
	t.row(textRowBirth, same(birthOf(a)))
	t.row(textRowSex, textSex(a.Sex()))
}

func inJapan(t time.Time) string { return t.In(trust.Japan).Format("2006-01-02 15:04:05 MST") }
