package pdf_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"regexp"
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
)

var (
	byteRange = regexp.MustCompile(`/ByteRange \[0 (\d+) (\d+) (\d+)\] *`)
	contents  = regexp.MustCompile(`/Contents <([0-9a-fA-F]+)>`)
)

// replaced replaces the one match of a pattern with text of the same length, padded with spaces.
func replaced(t *testing.T, file []byte, pattern *regexp.Regexp, text string) []byte {
	t.Helper()
	at := pattern.FindIndex(file)
	require.NotNil(t, at)
	require.LessOrEqual(t, len(text), at[1]-at[0])
	out := bytes.Clone(file)
	copy(out[at[0]:], text+strings.Repeat(" ", at[1]-at[0]-len(text)))
	return out
}

// numbers returns the numbers of the ByteRange.
func numbers(t *testing.T, file []byte) (a, b, c int) {
	t.Helper()
	_, err := fmt.Sscanf(string(byteRange.Find(file)), "/ByteRange [0 %d %d %d]", &a, &b, &c)
	require.NoError(t, err)
	return a, b, c
}

func literal(s string) *regexp.Regexp { return regexp.MustCompile(regexp.QuoteMeta(s)) }

type attack struct {
	file []byte
	err  error
}

// Signatures that do not cover the document, in the ways of universal signature forgery and signature wrapping.
//
// Faults: F151.
func TestForgedCoverage(t *testing.T) {
	signed := signs(t, signtest.PDF(nil), signtest.New(t, nil), pdf.Options{})
	a, b, c := numbers(t, signed)
	withRange := func(format string, arguments ...any) []byte {
		return replaced(t, signed, byteRange, "/ByteRange "+fmt.Sprintf(format, arguments...))
	}
	withContents := func(s string) []byte { return replaced(t, signed, contents, "/Contents "+s) }
	digits := string(contents.FindSubmatch(signed)[1])
	der := strings.TrimRight(digits, "0")
	der += strings.Repeat("0", len(der)%2)

	// The signed second part is moved back, and something that nobody signed is put before it.
	wrapped := bytes.Clone(signed[:b])
	wrapped = append(wrapped, "\n/Malicious true\n"...)
	wrapped = append(wrapped, signed[b:]...)

	for name, tt := range map[string]attack{
		"USF: no ByteRange":               {replaced(t, signed, literal("/ByteRange "), "/ByteRang3 "), pdf.ErrCoverage},
		"USF: ByteRange null":             {withRange("null"), pdf.ErrCoverage},
		"USF: ByteRange empty":            {withRange("[]"), pdf.ErrCoverage},
		"USF: ByteRange of zeros":         {withRange("[0 0 0 0]"), pdf.ErrCoverage},
		"USF: ByteRange negative":         {withRange("[0 %d %d -1]", a, b), pdf.ErrCoverage},
		"USF: first number negative":      {withRange("[-1 %d %d %d]", a, b, c), pdf.ErrCoverage},
		"USF: length negative":            {withRange("[0 -%d %d %d]", a, b, c), pdf.ErrCoverage},
		"USF: three numbers":              {withRange("[0 %d %d]", a, b), pdf.ErrCoverage},
		"USF: two numbers":                {withRange("[0 %d]", len(signed)), pdf.ErrCoverage},
		"USF: six numbers":                {withRange("[0 %d %d %d 0 0]", a, b, c), pdf.ErrCoverage},
		"USF: real numbers":               {withRange("[0 %d.0 %d %d]", a, b, c), pdf.ErrCoverage},
		"USF: a string":                   {withRange("(0 %d %d %d)", a, b, c), pdf.ErrCoverage},
		"USF: a name":                     {withRange("[0 %d %d /A]", a, b), pdf.ErrCoverage},
		"USF: a reference":                {withRange("[0 %d %d 6 0 R]", a, b), pdf.ErrCoverage},
		"USF: an array in it":             {withRange("[[0 %d %d %d]]", a, b, c), pdf.ErrCoverage},
		"USF: beyond the end":             {withRange("[0 %d %d %d]", a, b, c+1), pdf.ErrCoverage},
		"USF: overflow":                   {withRange("[0 %d %d 9223372036854775807]", a, b), pdf.ErrCoverage},
		"USF: overflow of the sum":        {withRange("[0 %d 9223372036854775807 %d]", a, c), pdf.ErrCoverage},
		"USF: more than 64 bits":          {withRange("[0 %d %d 99999999999999999999]", a, b), pdf.ErrCoverage},
		"USF: Contents not there":         {replaced(t, signed, literal("/Contents <"), "/Content3 <"), pdf.ErrCoverage},
		"USF: Contents null":              {withContents("null"), pdf.ErrCoverage},
		"USF: Contents empty":             {withContents("<>"), pdf.ErrCoverage},
		"USF: Contents a literal string":  {withContents("(0)"), pdf.ErrCoverage},
		"USF: Contents a reference":       {withContents("6 0 R"), pdf.ErrCoverage},
		"USF: Contents zero":              {withContents("<" + strings.Repeat("0", len(digits)) + ">"), cms.ErrMalformed},
		"USF: Contents one byte":          {withContents("<30>"), pdf.ErrCoverage},
		"USF: Contents cut":               {withContents("<" + der[:len(der)-10] + strings.Repeat("0", len(digits)-len(der)+10) + ">"), cms.ErrSignature},
		"USF: Contents of the wrong type": {withContents("<02" + digits[2:] + ">"), cms.ErrMalformed},
		"begins later":                    {withRange("[1 %d %d %d]", a-1, b, c), pdf.ErrCoverage},
		"gap from earlier on":             {withRange("[0 %d %d %d]", a-1, b, c), pdf.ErrCoverage},
		"gap from later on":               {withRange("[0 %d %d %d]", a+1, b, c), pdf.ErrCoverage},
		"gap ends earlier":                {withRange("[0 %d %d %d]", a, b-1, c), pdf.ErrCoverage},
		"gap ends later":                  {withRange("[0 %d %d %d]", a, b+1, c-1), pdf.ErrCoverage},
		"parts overlap":                   {withRange("[0 %d %d %d]", a, a-5, c), pdf.ErrCoverage},
		"end is not covered":              {withRange("[0 %d %d %d]", a, b, c-1), cms.ErrContent},
		"last part empty":                 {withRange("[0 %d %d 0]", a, b), pdf.ErrCoverage},
		"first part alone":                {withRange("[0 %d %d %d]", 9, b, c), pdf.ErrCoverage},
		"SWA: second part moved":          {wrapped, pdf.ErrMalformed},
		"SWA: a wider gap":                {withRange("[0 %d %d %d]", a, b+10, c-10), pdf.ErrCoverage},
		"padding: a byte at the end":      {replaced(t, signed, literal("00>"), "01>"), pdf.ErrPadding},
		"padding: a second signature":     {withContents("<" + der + der + strings.Repeat("0", len(digits)-2*len(der)) + ">"), pdf.ErrPadding},
		"padding: spaces":                 {withContents("<" + digits[:len(digits)-2] + "  >"), pdf.ErrCoverage},
		"padding: an odd digit":           {withContents("<" + digits[:len(digits)-1] + " >"), pdf.ErrCoverage},
		"padding: a line in the digits":   {withContents("<" + digits[:10] + "\n\n" + digits[12:] + ">"), pdf.ErrCoverage},
		"padding: a letter":               {withContents("<" + digits[:len(digits)-2] + "zz>"), pdf.ErrMalformed},
		"ByteRange twice":                 {withRange("[0 0 0 0]/ByteRange[0 1 2 3]"), pdf.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, tt) })
	}
}

func requireRefused(t *testing.T, tt attack) {
	t.Helper()
	result, err := verify(t, tt.file)
	require.ErrorIs(t, err, tt.err)
	if result != nil {
		for _, s := range result.Signatures {
			if s.Err == nil {
				assert.NotNil(t, s.Verified)
			} else {
				assert.Nil(t, s.Verified)
			}
		}
	}
}

// Kinds of signatures, and signatures that are wrong, whatever their dictionary says.
//
// Faults: F151.
func TestWrongSignatures(t *testing.T) {
	file := signtest.PDF(nil)
	signer := signtest.New(t, nil)
	signed := signs(t, file, signer, pdf.Options{})
	another := signs(t, signtest.PDF(map[int]string{6: "<</Title (Another!)>>"}), signer, pdf.Options{})
	at := contents.FindSubmatchIndex(signed)
	with := func(change func([]byte)) []byte {
		out := bytes.Clone(signed)
		change(out)
		return out
	}
	stamped := func(key, value string) []byte { return replaced(t, signed, literal(key), value) }
	expired := signtest.New(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	then := pdf.Options{Options: cms.Options{Now: func() time.Time { return time.Now().AddDate(0, 0, -1) }}}
	impostor := cardtest.NewCA(t, cardtest.AttackerKey(), cardtest.Unchanged).Issue(t, signer.Key, func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	})
	authentication := signtest.New(t, func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.Policies = []x509.OID{cardtest.OID(t, "1.2.392.200149.8.5.1.3.30")}
	})
	twoSigners := signer.Message(t, []byte("x"), func(m *signtest.Message) { m.Signers = append(m.Signers, m.Signers[0]) })
	for name, tt := range map[string]attack{
		"page changed":                 {stamped(signtest.Page, "Pay 9,000 yen"), cms.ErrContent},
		"title changed":                {stamped("(Receipt)", "(Deceipt)"), cms.ErrContent},
		"name of the signer changed":   {stamped("/Name <48", "/Name <49"), cms.ErrContent},
		"trailer changed":              {stamped("/Type /Sig", "/Type /sig"), cms.ErrContent},
		"signature of another file":    {with(func(b []byte) { copy(b[at[0]:at[1]], contents.Find(another)) }), cms.ErrContent},
		"signature value changed":      {with(func(b []byte) { flip(b, at[2]+len(strings.TrimRight(string(b[at[2]:at[3]]), "0"))-40) }), cms.ErrSignature},
		"kind not said":                {stamped("/SubFilter /adbe.pkcs7.detached", "/SubFilte3 /adbe.pkcs7.detached"), pdf.ErrUnsupported},
		"kind unknown":                 {stamped("/adbe.pkcs7.detached", "/adbe.pkcs7.detache3"), pdf.ErrUnsupported},
		"SHA-1":                        {stamped("/adbe.pkcs7.detached", "/adbe.pkcs7.sha1"), pdf.ErrUnsupported},
		"a bare RSA signature":         {stamped("/adbe.pkcs7.detached", "/adbe.x509.rsa_sha1"), pdf.ErrUnsupported},
		"a time stamp of the document": {stamped("/adbe.pkcs7.detached", "/ETSI.RFC3161"), pdf.ErrUnsupported},
		"another filter, and changed":  {stamped("/Adobe.PPKLite", "/MOJSignDoc"), cms.ErrContent},
		"no filter, and changed":       {stamped("/Filter ", "/Filte3 "), cms.ErrContent},
		"no type, and changed":         {stamped("/Type /Sig", "/Typ3 /Sig"), cms.ErrContent},
		"expired":                      {signs(t, file, expired, then), trust.ErrExpired},
		"unknown issuer":               {signs(t, file, signer.WithCertificate(impostor), pdf.Options{}), trust.ErrUnknownIssuer},
		"authentication key":           {signs(t, file, authentication, pdf.Options{Options: cms.Options{AllowAuthenticationKey: true}}), trust.ErrWrongKind},
		"another key":                  {signs(t, file, signer.WithCertificate(signtest.Another(t).Certificate()), pdf.Options{}), cms.ErrSignature},
		"two signers in one": {with(func(b []byte) {
			copy(b[at[2]:at[3]], hex.EncodeToString(twoSigners)+strings.Repeat("0", at[3]-at[2]))
		}), cms.ErrContent},
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, tt) })
	}
}

func flip(b []byte, at int) {
	if b[at] == '1' {
		b[at] = '2'
	} else {
		b[at] = '1'
	}
}

// Content that was replaced, hidden or added after the signature: incremental saving, shadow and annotation
// attacks.
//
// Faults: F151.
func TestChangesAfterTheSignature(t *testing.T) {
	signer := signtest.New(t, nil)
	base := map[int]string{
		1: "<</Type /Catalog /Pages 2 0 R /AcroForm 7 0 R>>",
		3: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [9 0 R 10 0 R] /Resources <</Font <</F1 5 0 R>>>>>>",
		4: "<</Length 8 0 R>>\nstream\nBT (Pay 1,000 yen) Tj ET%BT (Pay 9,000 yen) Tj ET\nendstream", 8: "49",
		7:  "<</Fields [9 0 R 10 0 R]>>",
		9:  "<</Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (1000) /Rect [0 0 10 10]>>",
		10: "<</Type /Annot /Subtype /Widget /FT /Sig /T (later) /Rect [0 0 10 10]>>",
		11: "<</Length 2>>\nstream\n9 \nendstream", // an object that nothing uses yet
	}
	plain := signtest.PDF(base)
	signed := signs(t, plain, signer, pdf.Options{})
	page := "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots %s /Resources <</Font <</F1 5 0 R>>>>>>"
	const signature, field = 12, 13 // the numbers of the added objects
	form := "<</Fields %s /SigFlags 3>>"
	annotations, fields := fmt.Sprintf("[9 0 R 10 0 R %d 0 R]", field), fmt.Sprintf("[9 0 R 10 0 R %d 0 R]", field)
	more := func(list, refs string) string { return strings.TrimSuffix(list, "]") + " " + refs + "]" }
	update := func(objects map[int]string) []byte { return signtest.Update(signed, objects, "/Info 6 0 R") }
	added := func(dict string) []byte {
		return update(map[int]string{
			2000: dict, 7: fmt.Sprintf(form, more(fields, "2000 0 R")), 3: fmt.Sprintf(page, more(annotations, "2000 0 R")),
		})
	}
	offsets := func(entry, startxref string) []byte { // an update without an object of its own
		b := bytes.Clone(signed)
		at := len(b)
		b = append(b, "xref\n"+entry+"\r\ntrailer\n<</Root 1 0 R /Info 6 0 R /Size 3000 "+startxref+">>\n"...)
		return fmt.Appendf(b, "startxref\n%d\n%%%%EOF\n", at)
	}
	previous := fmt.Sprintf("/Prev %d", signtest.StartXref(signed))
	objectAt := func(file []byte, header string) int { return bytes.Index(file, []byte("\n"+header)) + 1 }

	// A shadow: the signed cross-reference section names a place after the signed bytes.
	shadow := signtest.Update(plain, map[int]string{}, "/Info 6 0 R")
	at := len(shadow)
	shadow = append(shadow, fmt.Sprintf("xref\n11 1\n%010d 00000 n\r\ntrailer\n<</Root 1 0 R /Info 6 0 R /Size 1000 /Prev %d>>\nstartxref\n%d\n%%%%EOF\n", 60_000, signtest.StartXref(shadow), at)...)
	require.ErrorIs(t, pdf.Check(bytes.NewReader(shadow), int64(len(shadow)), pdf.Options{}), pdf.ErrMalformed)
	dangling := signs(t, signtest.PDF(map[int]string{3: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents [4 0 R 50 0 R]>>"}), signer, pdf.Options{})
	hiding := signs(t, signtest.PDF(map[int]string{1: "<</Type /Catalog /Pages 2 0 R /Hidden [<</V <</Type /Sig /ByteRange [0 1 2 3] /Contents <3000>>>>>]>>"}), signer, pdf.Options{})

	// A hybrid file's second section, in a stream, which some programs do not read.
	hybrid := func(number int, object string) []byte {
		b := bytes.Clone(signed)
		at := len(b)
		b = fmt.Appendf(b, "%d 0 obj\n%s\nendobj\n", number, object)
		stream := len(b)
		row := []byte{1, byte(at >> 16), byte(at >> 8), byte(at), 0}
		b = fmt.Appendf(b, "2000 0 obj\n<</Type /XRef /Size 3000 /Root 1 0 R /W [1 3 1] /Index [%d 1] /Length 5>>\nstream\n%s\nendstream\nendobj\n", number, row)
		table := len(b)
		return fmt.Appendf(b, "xref\n0 1\n0000000000 65535 f\r\ntrailer\n<</Root 1 0 R /Info 6 0 R /Size 3000 /XRefStm %d %s>>\nstartxref\n%d\n%%%%EOF\n", stream, previous, table)
	}
	for name, tt := range map[string]attack{
		"hybrid: an object that nothing uses":         {hybrid(1999, "(unused)"), nil},
		"hybrid: the page's content":                  {hybrid(4, "<</Length 3>>\nstream\nBT \nendstream"), pdf.ErrChangedAfter},
		"hybrid: a signature besides":                 {hybrid(1999, "<</Type /Sig>>"), pdf.ErrCoverage},
		"generation of the page":                      {offsets(fmt.Sprintf("3 1\n%010d 00001 n", objectAt(signed, "3 0 obj")), previous), pdf.ErrChangedAfter},
		"nothing but a signature":                     {signs(t, signed, signtest.Another(t), pdf.Options{}), nil},
		"an empty update":                             {update(nil), nil},
		"objects that nothing uses":                   {update(map[int]string{2000: "(nobody sees this)"}), nil},
		"an object written again":                     {update(map[int]string{2: "<</Type /Pages /Kids [3 0 R] /Count 1>>"}), nil},
		"a signature field":                           {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /Rect [0 0 0 0]>>"), nil},
		"ISA: page content replaced":                  {update(map[int]string{4: "<</Length 27>>\nstream\nBT (Pay 9,000 yen) Tj ET    \nendstream"}), pdf.ErrChangedAfter},
		"ISA: page with other content":                {update(map[int]string{3: strings.Replace(fmt.Sprintf(page, annotations), "4 0 R", "11 0 R", 1)}), pdf.ErrChangedAfter},
		"ISA: page larger":                            {update(map[int]string{3: strings.Replace(fmt.Sprintf(page, annotations), "595", "900", 1)}), pdf.ErrChangedAfter},
		"ISA: font replaced":                          {update(map[int]string{5: "<</Type /Font /Subtype /Type1 /BaseFont /Symbol>>"}), pdf.ErrChangedAfter},
		"ISA: a page added":                           {update(map[int]string{2: "<</Type /Pages /Kids [3 0 R 3 0 R] /Count 2>>"}), pdf.ErrChangedAfter},
		"ISA: the page removed":                       {update(map[int]string{2: "<</Type /Pages /Kids [] /Count 0>>"}), pdf.ErrChangedAfter},
		"ISA: catalog with an action":                 {update(map[int]string{1: "<</Type /Catalog /Pages 2 0 R /AcroForm 7 0 R /OpenAction <</S /JavaScript /JS (x)>>>>"}), pdf.ErrChangedAfter},
		"ISA: catalog with other pages":               {update(map[int]string{1: "<</Type /Catalog /Pages 2000 0 R /AcroForm 7 0 R>>"}), pdf.ErrChangedAfter},
		"ISA: catalog with a file inside":             {update(map[int]string{1: "<</Type /Catalog /Pages 2 0 R /AcroForm 7 0 R /Names <<>>>>"}), pdf.ErrChangedAfter},
		"ISA: another catalog":                        {bytes.Replace(update(map[int]string{2000: "<</Type /Catalog /Pages 2 0 R>>"}), []byte("/Root 1 0 R /Size 2001"), []byte("/Root 2000 0 R /Size 2001"), 1), pdf.ErrChangedAfter},
		"ISA: document information changed":           {update(map[int]string{6: "<</Title (Contract)>>"}), pdf.ErrChangedAfter},
		"ISA: other document information":             {signtest.Update(signed, map[int]string{2000: "<</Title (Contract)>>"}, "/Info 2000 0 R"), pdf.ErrChangedAfter},
		"ISA: bytes after the end":                    {append(bytes.Clone(signed), "4 0 obj\n(x)\nendobj\n"...), pdf.ErrMalformed},
		"ISA: objects without xref":                   {append(append(bytes.Clone(signed), "4 0 obj\n(x)\nendobj\n"...), fmt.Sprintf("startxref\n%d\n%%%%EOF\n", signtest.StartXref(signed))...), pdf.ErrChangedAfter},
		"ISA: an update without trailer":              {append(append(bytes.Clone(signed), "xref\n0 0\n"...), fmt.Sprintf("startxref\n%d\n%%%%EOF\n", len(signed))...), pdf.ErrMalformed},
		"ISA: an update that forgets the rest":        {offsets(fmt.Sprintf("1 1\n%010d 00000 n", objectAt(signed, "1 0 obj")), ""), pdf.ErrNoSignature},
		"shadow: entry to another object":             {offsets(fmt.Sprintf("4 1\n%010d 00000 n", objectAt(signed, "11 0 obj")), previous), pdf.ErrMalformed},
		"shadow: object freed":                        {offsets("9 1\n0000000000 00001 f", previous), pdf.ErrChangedAfter},
		"shadow: page freed":                          {offsets("3 1\n0000000000 00001 f", previous), pdf.ErrChangedAfter},
		"shadow: length of the content":               {update(map[int]string{8: "24"}), pdf.ErrChangedAfter},
		"shadow: a missing part of the page":          {signtest.Update(dangling, map[int]string{50: "<</Length 2>>\nstream\nBT\nendstream"}, "/Info 6 0 R"), pdf.ErrChangedAfter},
		"a signature deep in an object":               {hiding, pdf.ErrCoverage},
		"SSA: a field with the old signature":         {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /V 12 0 R /Rect [0 0 595 842] /AP <</N 11 0 R>>>>"), pdf.ErrChangedAfter},
		"SSA: an empty field with the old signature":  {update(map[int]string{10: "<</Type /Annot /Subtype /Widget /FT /Sig /T (later) /V 12 0 R /AP <</N 11 0 R>> /Rect [0 0 10 10]>>"}), pdf.ErrChangedAfter},
		"EAA: an unsigned field drawn as a square":    {added("<</Type /Annot /Subtype /Square /FT /Sig /T (b) /Rect [0 0 595 842]>>"), pdf.ErrChangedAfter},
		"EAA: an unsigned field with a border":        {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /Rect [0 0 595 842] /BS <</W 900>>>>"), pdf.ErrChangedAfter},
		"form: value changed":                         {update(map[int]string{9: "<</Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (9000) /Rect [0 0 10 10]>>"}), pdf.ErrChangedAfter},
		"form: appearance changed":                    {update(map[int]string{9: "<</Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (1000) /Rect [0 0 10 10] /AP <</N 11 0 R>>>>"}), pdf.ErrChangedAfter},
		"form: an old field removed":                  {update(map[int]string{7: fmt.Sprintf(form, fmt.Sprintf("[10 0 R %d 0 R]", field))}), pdf.ErrChangedAfter},
		"form: all fields removed":                    {update(map[int]string{7: fmt.Sprintf(form, "[]")}), pdf.ErrChangedAfter},
		"form: the signature's field removed":         {update(map[int]string{7: fmt.Sprintf(form, "[9 0 R 10 0 R]")}), pdf.ErrChangedAfter},
		"form: appearances to be made anew":           {update(map[int]string{7: "<</Fields " + fields + " /SigFlags 3 /NeedAppearances true>>"}), pdf.ErrChangedAfter},
		"form: defaults for its text field":           {update(map[int]string{7: "<</Fields " + fields + " /SigFlags 3 /DA (/F1 40 Tf)>>"}), pdf.ErrChangedAfter},
		"form: XFA":                                   {update(map[int]string{7: "<</Fields " + fields + " /SigFlags 3 /XFA (x)>>"}), pdf.ErrChangedAfter},
		"form: removed":                               {update(map[int]string{1: "<</Type /Catalog /Pages 2 0 R>>"}), pdf.ErrChangedAfter},
		"form: an old object as a field":              {update(map[int]string{7: fmt.Sprintf(form, more(fields, "5 0 R"))}), pdf.ErrChangedAfter},
		"form: a dictionary as a field":               {update(map[int]string{7: fmt.Sprintf(form, more(fields, "<</FT /Sig /T (b)>>"))}), pdf.ErrChangedAfter},
		"EAA: a text field added":                     {added("<</Type /Annot /Subtype /Widget /FT /Tx /T (b) /V (9000) /Rect [0 0 99 99]>>"), pdf.ErrChangedAfter},
		"EAA: a note added":                           {update(map[int]string{2000: "<</Type /Annot /Subtype /FreeText /Rect [0 0 99 99]>>", 3: fmt.Sprintf(page, more(annotations, "2000 0 R"))}), pdf.ErrChangedAfter},
		"EAA: a note in the page itself":              {update(map[int]string{3: fmt.Sprintf(page, more(annotations, "<</Type /Annot /Subtype /FreeText>>"))}), pdf.ErrChangedAfter},
		"EAA: annotations replaced":                   {update(map[int]string{3: fmt.Sprintf(page, "[9 0 R]")}), pdf.ErrChangedAfter},
		"EAA: an unsigned field that shows something": {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /Rect [0 0 595 842] /AP <</N 11 0 R>>>>"), pdf.ErrChangedAfter},
		"EAA: a field with an action":                 {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /Rect [0 0 0 0] /A <</S /JavaScript /JS (x)>>>>"), pdf.ErrChangedAfter},
		"EAA: a field with actions":                   {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /Rect [0 0 0 0] /AA <<>>>>"), pdf.ErrChangedAfter},
		"EAA: a field with children":                  {added("<</FT /Sig /T (b) /Kids [9 0 R]>>"), pdf.ErrChangedAfter},
		"EAA: a field with a value that is none":      {added("<</Type /Annot /Subtype /Widget /FT /Sig /T (b) /V 6 0 R /Rect [0 0 0 0]>>"), pdf.ErrChangedAfter},
		"SSA: an empty field signed with rubbish":     {update(map[int]string{10: "<</Type /Annot /Subtype /Widget /FT /Sig /T (later) /V 6 0 R /Rect [0 0 10 10]>>"}), pdf.ErrChangedAfter},
		"SSA: an empty field moved":                   {update(map[int]string{10: "<</Type /Annot /Subtype /Widget /FT /Sig /T (later) /Rect [0 0 999 999]>>"}), pdf.ErrChangedAfter},
		"SSA: the signature's field moved":            {update(map[int]string{field: "<</Type /Annot /Subtype /Widget /FT /Sig /T (Signature1) /V 12 0 R /Rect [0 0 999 999]>>"}), pdf.ErrChangedAfter},
		"the signature replaced":                      {update(map[int]string{signature: "<</Type /Sig /Filter /Adobe.PPKLite>>"}), pdf.ErrCoverage},
		"the signature made null":                     {update(map[int]string{signature: "null"}), pdf.ErrChangedAfter},
		"an empty signature besides":                  {update(map[int]string{2000: "<</Type /Sig>>"}), pdf.ErrCoverage},
		"a false time stamp besides":                  {update(map[int]string{2000: "<</Type /DocTimeStamp /Contents <00>>>"}), pdf.ErrCoverage},
		"a signature in a field itself":               {update(map[int]string{2000: "<</FT /Sig /T (c) /V <</Type /Sig /ByteRange [0 1 2 3] /Contents <00>>>>>"}), pdf.ErrCoverage},
		"encrypted afterwards":                        {signtest.Update(signed, nil, "/Info 6 0 R /Encrypt 9 0 R"), pdf.ErrEncrypted},
		"changed between two signatures":              {signs(t, update(map[int]string{4: "<</Length 27>>\nstream\nBT (Pay 9,000 yen) Tj ET    \nendstream"}), signtest.Another(t), pdf.Options{}), pdf.ErrChangedAfter},
		"one of two signatures is wrong": {signs(t, signs(t, signtest.PDF(base), signtest.New(t, func(c *x509.Certificate) {
			c.NotBefore = time.Now().AddDate(-9, 0, 0)
			c.NotAfter = time.Now().AddDate(-4, 0, 0)
		}), pdf.Options{Options: cms.Options{Now: func() time.Time { return time.Now().AddDate(-5, 0, 0) }}}), signer, pdf.Options{}), trust.ErrExpired},
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, tt) })
	}
}

// A change of any byte of a signed file is refused.
func TestNoChangedByteIsAccepted(t *testing.T) {
	signed := signs(t, signtest.PDF(nil), signtest.New(t, nil), pdf.Options{})
	start, end := contents.FindIndex(signed)[0]+len("/Contents <"), contents.FindIndex(signed)[1]
	for i := 0; i < len(signed); i++ {
		if i > start+200 && i < end-20 && i%97 != 0 {
			continue // hexadecimal digits: some of them
		}
		changed := bytes.Clone(signed)
		changed[i] ^= 0x01
		result, err := verify(t, changed)
		if i > start && i < end && err == nil {
			continue // what no signature protects in CMS: see package cms
		}
		require.Error(t, err, "byte %d", i)
		_ = result
	}
}
