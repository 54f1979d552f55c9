package pdf_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

func verifier(t testing.TB) *cms.Verifier {
	return &cms.Verifier{Trust: trust.Policy{CAs: []*x509.Certificate{signtest.CA(t).Certificate}}}
}

func signs(t testing.TB, file []byte, signer cms.Signer, o pdf.Options) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, pdf.Sign(context.Background(), &out, bytes.NewReader(file), int64(len(file)), signer, o))
	require.True(t, bytes.HasPrefix(out.Bytes(), file), "what was there stays")
	return out.Bytes()
}

func verify(t testing.TB, file []byte) (*pdf.Result, error) {
	t.Helper()
	return pdf.Verify(context.Background(), bytes.NewReader(file), int64(len(file)), verifier(t))
}

// files are the kinds of PDF files that can be signed.
func files() map[string][]byte {
	form := func(form, page string) []byte {
		return signtest.PDF(map[int]string{
			1: "<</Type /Catalog /Pages 2 0 R /AcroForm " + form + ">>",
			3: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>" + page + ">>",
			7: "<</Fields [9 0 R] /SigFlags 1 /DA (/F1 0 Tf)>>", 8: "[9 0 R]",
			9: "<</Type /Annot /Subtype /Widget /FT /Tx /T (Signature1) /DA (/F1 0 Tf) /V (a \\(text\\) \\101) /Rect [0 0 10 10]>>",
		})
	}
	return map[string][]byte{
		"table":               signtest.PDF(nil),
		"streams":             signtest.CompressedPDF(),
		"no end of line":      bytes.TrimRight(signtest.PDF(nil), "\n"),
		"updated before":      signtest.Update(signtest.PDF(nil), map[int]string{6: "<</Title (New)>>"}, "/Info 6 0 R /ID [<01><02>]"),
		"form in the catalog": form("<</Fields [9 0 R]>>", " /Annots [9 0 R]"),
		"form by reference":   form("7 0 R", " /Annots 8 0 R"),
		"fields by reference": form("<</Fields 8 0 R>>", ""),
		"pages in a tree": signtest.PDF(map[int]string{
			2: "<</Type /Pages /Kids [10 0 R 11 0 R] /Count 1>>", 10: "<</Type /Pages /Kids [] /Count 0 /Parent 2 0 R>>",
			11: "<</Type /Pages /Kids [3 0 R] /Count 1 /Parent 2 0 R>>",
			3:  "<</Type /Page /Parent 11 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>>>",
		}),
	}
}

func TestSignedFilesAreVerified(t *testing.T) {
	for name, file := range files() {
		t.Run(name, func(t *testing.T) {
			signed := signs(t, file, signtest.New(t, nil), pdf.Options{Name: "見本 花子", Reason: "Test"})
			result, err := verify(t, signed)
			require.NoError(t, err)
			require.Len(t, result.Signatures, 1)
			s := result.Signatures[0]
			assert.Equal(t, "見本 花子", s.Name())
			assert.Equal(t, "Test", s.Reason())
			assert.Equal(t, "Adobe.PPKLite", s.Filter)
			assert.Equal(t, "adbe.pkcs7.detached", s.SubFilter)
			assert.True(t, s.Whole)
			assert.Equal(t, trust.IssuerCaller, s.Verified.Issuer)

			another := signs(t, signed, signtest.Another(t), pdf.Options{Options: cms.Options{Hash: crypto.SHA512}})
			third := signs(t, another, signtest.New(t, nil), pdf.Options{})
			result, err = verify(t, third)
			require.NoError(t, err)
			require.Len(t, result.Signatures, 3)
			for i, s := range result.Signatures {
				assert.Equal(t, i == 2, s.Whole)
			}
			assert.Equal(t, crypto.SHA512, result.Signatures[1].Verified.Hash)
			assert.Equal(t, "HOLDER", result.Signatures[1].Name())
		})
	}
}

// Programs that sign next may add defaults to a form that has signatures only.
func TestDefaultsOfTheForm(t *testing.T) {
	signed := signs(t, signtest.PDF(nil), signtest.New(t, nil), pdf.Options{})
	form := regexp.MustCompile(`/AcroForm (<</Fields [^>]*)>>`).FindSubmatch(signed)
	require.NotNil(t, form)
	updated := signtest.Update(signed, map[int]string{1: "<</Type /Catalog /Pages 2 0 R /AcroForm " + string(form[1]) + " /DA (/F1 0 Tf) /DR <</Font <</F1 5 0 R>>>>>>>>"}, "/Info 6 0 R")
	_, err := verify(t, updated)
	require.NoError(t, err)
	_, err = verify(t, signs(t, updated, signtest.Another(t), pdf.Options{}))
	require.NoError(t, err)
	for name, later := range map[string]string{"changed": " /DA (/F1 9 Tf)", "removed": ""} {
		_, err = verify(t, signtest.Update(signs(t, updated, signtest.Another(t), pdf.Options{}), map[int]string{1: "<</Type /Catalog /Pages 2 0 R /AcroForm " + string(form[1]) + later + ">>>>"}, "/Info 6 0 R"))
		require.ErrorIs(t, err, pdf.ErrChangedAfter, name)
	}
}

// The card in the simulator signs.
func TestTheCardSigns(t *testing.T) {
	h := cardtest.NewHolder(t, simulator.Contact)
	h.Types = simulator.Password
	signer := h.SignatureSigner(t)
	ca, err := h.Card.SignatureCACertificate()
	require.NoError(t, err)
	file := signtest.PDF(nil)
	signed := signs(t, file, signer, pdf.Options{})
	v := &cms.Verifier{Trust: trust.Policy{SimulatorCAs: []*x509.Certificate{ca}}}
	result, err := pdf.Verify(t.Context(), bytes.NewReader(signed), int64(len(signed)), v)
	require.NoError(t, err)
	assert.Equal(t, trust.IssuerSimulator, result.Signatures[0].Verified.Issuer)
	_, err = verify(t, signed)
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
}

// A time stamp fits into the place for the signature, and proves when.
func TestTimestamp(t *testing.T) {
	authority := signtest.NewAuthority(t, nil)
	at := time.Now().Add(-time.Hour)
	signed := signs(t, signtest.PDF(nil), signtest.New(t, nil), pdf.Options{Options: cms.Options{
		Timestamp:      func(_ context.Context, s []byte) ([]byte, error) { return authority.Token(t, s, at), nil },
		CACertificates: []*x509.Certificate{signtest.CA(t).Certificate},
	}})
	v := verifier(t)
	v.TimestampCAs = authority.Pool()
	result, err := pdf.Verify(t.Context(), bytes.NewReader(signed), int64(len(signed)), v)
	require.NoError(t, err)
	assert.WithinDuration(t, at, result.Signatures[0].Verified.ProvenTime, time.Second)
}

// Files that can't be signed are refused before the signer is asked.
//
// Faults: F153.
func TestUnsuitableFilesAreNotSigned(t *testing.T) {
	good := signtest.PDF(nil)
	for name, tt := range map[string]struct {
		file []byte
		err  error
	}{
		"empty":                         {nil, pdf.ErrMalformed},
		"no PDF":                        {[]byte("PK\x03\x04"), pdf.ErrMalformed},
		"only a header":                 {[]byte("%PDF-1.7\n"), pdf.ErrMalformed},
		"cut off":                       {good[:len(good)-20], pdf.ErrMalformed},
		"bytes after the end":           {append(bytes.Clone(good), "<html>"...), pdf.ErrMalformed},
		"bytes before":                  {append([]byte("\n"), good...), pdf.ErrMalformed},
		"startxref wrong":               {bytes.Replace(good, []byte("startxref\n"), []byte("startxref\n9"), 1), pdf.ErrMalformed},
		"startxref into it":             {bytes.Replace(good, []byte("startxref\n"), []byte("startxref\n1 %"), 1), pdf.ErrMalformed},
		"encrypted":                     {signtest.Update(good, nil, "/Encrypt 9 0 R"), pdf.ErrEncrypted},
		"certified":                     {signtest.PDF(map[int]string{1: "<</Type /Catalog /Pages 2 0 R /Perms <</DocMDP 9 0 R>>>>"}), pdf.ErrSigningForbidden},
		"no catalog":                    {bytes.ReplaceAll(good, []byte("/Root 1 0 R"), []byte("/Riit 1 0 R")), pdf.ErrMalformed},
		"catalog not there":             {bytes.ReplaceAll(good, []byte("/Root 1 0 R"), []byte("/Root 8 0 R")), pdf.ErrMalformed},
		"no page":                       {signtest.PDF(map[int]string{2: "<</Type /Pages /Kids [] /Count 0>>"}), pdf.ErrMalformed},
		"pages in a circle":             {signtest.PDF(map[int]string{2: "<</Type /Pages /Kids [2 0 R] /Count 1>>"}), pdf.ErrMalformed},
		"references in a circle":        {signtest.PDF(map[int]string{2: "2 0 R"}), pdf.ErrMalformed},
		"sections in a circle":          {bytes.Replace(signtest.Update(good, nil, "/Xx 9999999"), []byte("/Xx 9999999 /Prev"), []byte("/Prev "+strconv.Itoa(len(good))+" /Xx"), 1), pdf.ErrMalformed},
		"deep nesting":                  {signtest.PDF(map[int]string{1: strings.Repeat("[", 100_000)}), pdf.ErrMalformed},
		"annotations that are a stream": {signtest.PDF(map[int]string{3: "<</Type /Page /Parent 2 0 R /Annots 4 0 R>>"}), pdf.ErrMalformed},
		"a form that is a stream":       {signtest.PDF(map[int]string{1: "<</Type /Catalog /Pages 2 0 R /AcroForm 4 0 R>>"}), pdf.ErrMalformed},
		"another generation":            {signtest.PDF(map[int]string{1: "<</Type /Catalog /Pages 2 1 R>>"}), pdf.ErrMalformed},
		"a wrong length":                {signtest.PDF(map[int]string{9: "<</Length 3>>\nstream\nabcdef\nendstream"}), pdf.ErrMalformed},
		"a key twice":                   {signtest.PDF(map[int]string{1: "<</Type /Catalog /Pages 2 0 R /Pages 2 0 R>>"}), pdf.ErrMalformed},
		"object elsewhere":              {bytes.Replace(good, []byte("\n1 0 obj"), []byte("\n9 0 obj"), 1), pdf.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			signer := signtest.New(t, nil)
			err := pdf.Sign(t.Context(), io.Discard, bytes.NewReader(tt.file), int64(len(tt.file)), signer, pdf.Options{})
			require.ErrorIs(t, err, tt.err)
			assert.Zero(t, signer.Count)
			if tt.err == pdf.ErrMalformed {
				require.ErrorIs(t, pdf.Check(bytes.NewReader(tt.file), int64(len(tt.file)), pdf.Options{}), tt.err)
			}
			_, err = verify(t, tt.file)
			require.Error(t, err)
		})
	}
	signer := signtest.New(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	err := pdf.Sign(t.Context(), io.Discard, bytes.NewReader(good), int64(len(good)), signer, pdf.Options{})
	require.ErrorIs(t, err, trust.ErrExpired)
	_, err = verify(t, good)
	require.ErrorIs(t, err, pdf.ErrNoSignature)
}

// A file that gets shorter, a full disk and a canceled context give no signature.
//
// Faults: F152.
func TestInterruptedSigning(t *testing.T) {
	file := signtest.PDF(nil)
	signer := signtest.New(t, nil)
	for after := 0; ; after++ {
		short := &shrinking{bytes.NewReader(file), 0, after}
		if pdf.Sign(t.Context(), io.Discard, short, int64(len(file)), signer, pdf.Options{}) == nil {
			assert.Greater(t, after, 5)
			break
		}
		assert.Zero(t, signer.Count)
	}
	signer.Count = 0
	full := errors.New("disk is full")
	err := pdf.Sign(t.Context(), failing{full}, bytes.NewReader(file), int64(len(file)), signer, pdf.Options{})
	require.ErrorIs(t, err, full)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = pdf.Sign(ctx, io.Discard, bytes.NewReader(file), int64(len(file)), signer, pdf.Options{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, signer.Count)
}

// shrinking fails after some reads, as a file does that was cut.
type shrinking struct {
	r        io.ReaderAt
	n, after int
}

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) {
	if s.n++; s.n > s.after {
		return 0, io.EOF
	}
	return s.r.ReadAt(p, off)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Small files can't ask for much work or memory.
func TestFilesThatAskForMuch(t *testing.T) {
	nested := map[int]string{}
	base := signtest.PDF(nil)
	// Objects inside the string of an object, inside the string of an object, and so on.
	var body bytes.Buffer
	body.Write(base)
	var entries strings.Builder
	const depth = 20_000
	for i := range depth {
		fmt.Fprintf(&entries, "%d 1\n%010d 00000 n\r\n", 100+i, body.Len())
		fmt.Fprintf(&body, "%d 0 obj (", 100+i)
	}
	body.WriteString(strings.Repeat(") endobj ", depth))
	at := body.Len()
	fmt.Fprintf(&body, "\nxref\n%strailer\n<</Root 1 0 R /Size 30000 /Prev %d>>\nstartxref\n%d\n%%%%EOF\n", entries.String(), signtest.StartXref(base), at+1)
	for i := range 300 {
		nested[100+i] = "<</Type /Sig>>"
	}
	for name, file := range map[string][]byte{
		"objects in objects":   body.Bytes(),
		"many signatures":      signtest.PDF(nested),
		"many entries":         bytes.Replace(base, []byte("0 1\n0000000000"), []byte("0 8000000\n0000000000"), 1),
		"deep arrays":          signtest.PDF(map[int]string{9: strings.Repeat("[", 1<<20)}),
		"deep dictionaries":    signtest.PDF(map[int]string{9: strings.Repeat("<</A ", 1<<18)}),
		"a long name":          signtest.PDF(map[int]string{9: "/" + strings.Repeat("A", 1<<20)}),
		"a string without end": signtest.PDF(map[int]string{9: "(" + strings.Repeat("(", 1<<20)}),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := verify(t, file)
			require.ErrorIs(t, err, pdf.ErrMalformed)
			assert.Less(t, time.Since(began), 10*time.Second)
		})
	}
}
