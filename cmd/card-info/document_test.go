package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/mykeykit/mykeykit/internal/cardtest"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/clitest"
	"github.com/mykeykit/mykeykit/internal/programtest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/internal/sourcetest"
	"github.com/mykeykit/mykeykit/jpki/cms"
	"github.com/mykeykit/mykeykit/jpki/pdf"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader/simulator"
)

// documents makes a folder with a PDF file and a text, and makes it the current one.
func documents(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("contract.pdf", signtest.PDF(nil), 0o600))
	require.NoError(t, os.WriteFile("note.txt", []byte("note\n"), 0o600))
}

func names(t *testing.T) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// What people see from signing to verifying.
func TestGoldenDocuments(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	for _, language := range []string{"ja", "en"} {
		documents(t)
		var b strings.Builder
		for _, c := range []struct{ typed, command string }{
			{simulator.Password, "sign contract.pdf note.txt"},
			{"", "verify contract-signed.pdf"},
			{"", "verify contract-signed.pdf --attributes"},
			{"", "verify note.txt.p7m"},
			{simulator.Password, "sign contract-signed.pdf --output twice.pdf --reason 申請"},
			{"", "verify twice.pdf"},
			{simulator.Password, "sign contract.pdf"},
			{"1234", "sign note.txt --detached"},
			{"WRONG99", "sign note.txt --detached"},
			{simulator.Password, "sign note.txt --detached"},
			{"", "verify note.txt.p7s"},
			{"", "verify contract.pdf"},
			{"", "verify note.txt"},
			{"", "sign"},
			{"", "sign nothing.pdf"},
			{simulator.Password, "attributes --from signature"},
		} {
			args := append(strings.Fields(c.command), "--simulator", "contact", "--lang", language)
			o := runner{typed: c.typed}.run(t, args...)
			b.WriteString("$ card-info " + c.command + "\n" + o.terminal + o.stdout + o.stderr + "\n")
		}
		t.Chdir(here)
		clitest.Fits(t, b.String())
		clitest.Golden(t, "document-"+language+".txt", b.String())
	}
}

// A changed file is reported, with an exit code of its own.
func TestVerifyReportsChanges(t *testing.T) {
	documents(t)
	o := runner{stdin: simulator.Password}.run(t, "sign", "contract.pdf", "--password-stdin", "--simulator", "contact", "--json")
	require.Zero(t, o.exit, o.stderr)
	assert.JSONEq(t, fmt.Sprintf(`{"signed": [{"file": "contract.pdf", "output": "contract-signed.pdf", "kind": "pdf", "sha256": "%x"}]}`,
		sha256Hex(t, "contract.pdf")), o.stdout)
	signed, err := os.ReadFile("contract-signed.pdf")
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		file []byte
		exit int
		code message.Code
	}{
		"as it is": {signed, 0, ""},
		"changed":  {bytes.Replace(signed, []byte(signtest.Page), []byte("Pay 9,000 yen"), 1), cli.ExitTampered, codeDocumentAltered},
		"updated":  {signtest.Update(signed, map[int]string{6: "<</Title (x)>>"}, "/Info 6 0 R"), cli.ExitTampered, codeDocumentAltered},
		"cut off":  {signed[:len(signed)-9], cli.ExitUsage, codeDocumentMalformed},
		"unsigned": {signtest.PDF(nil), cli.ExitCertificate, codeDocumentUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.pdf")
			require.NoError(t, os.WriteFile(path, tt.file, 0o600))
			o := runner{}.run(t, "verify", path, "--simulator", "contact", "--json")
			assert.Equal(t, tt.exit, o.exit, o.stderr)
			assert.Contains(t, o.stdout+o.stderr, string(tt.code))
			var report verifiedJSON
			if o.stdout != "" && json.Unmarshal([]byte(o.stdout), &report) == nil && report.Signatures != nil {
				assert.Equal(t, tt.exit == 0, report.Valid)
			}
		})
	}
	o = runner{}.run(t, "verify", "contract-signed.pdf")
	assert.Equal(t, cli.ExitCertificate, o.exit, "the simulator's CA is trusted only with --simulator")
	assert.Contains(t, o.stderr, string(codeSignerUnknown))
}

func sha256Hex(t *testing.T, path string) []byte {
	d, err := openDocument(t.Context(), path)
	require.NoError(t, err)
	defer d.file.Close()
	return d.sha256[:]
}

// What can't be signed is found out before the password is asked for, and nothing is sent.
//
// Faults: F153.
func TestSignRefusesBeforeThePassword(t *testing.T) {
	documents(t)
	require.NoError(t, os.WriteFile("encrypted.pdf", signtest.Update(signtest.PDF(nil), nil, "/Encrypt 9 0 R"), 0o600))
	require.NoError(t, os.WriteFile("broken.pdf", []byte("%PDF-1.7\nnothing"), 0o600))
	require.NoError(t, os.WriteFile("note.txt.p7m", nil, 0o600))
	require.NoError(t, os.WriteFile("other.txt", nil, 0o600))
	require.NoError(t, os.WriteFile("latin.ttf", goregular.TTF, 0o600))
	o := runner{stdin: simulator.Password}.run(t, "sign", "contract.pdf", "--password-stdin", "--simulator", "contact", "--output", "signed.pdf")
	require.Zero(t, o.exit, o.stderr)
	signed, err := os.ReadFile("signed.pdf")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("altered.pdf", bytes.Replace(signed, []byte(signtest.Page), []byte("Pay 9,000 yen"), 1), 0o600))
	require.NoError(t, os.WriteFile("updated.pdf", signtest.Update(signed, map[int]string{6: "<</Title (x)>>"}, "/Info 6 0 R"), 0o600))
	small := signtest.PDF(map[int]string{3: "<</Type /Page /Parent 2 0 R /MediaBox [0 0 100 100]>>"})
	require.NoError(t, os.WriteFile("small.pdf", small, 0o600))
	require.NoError(t, os.Mkdir("folder", 0o700))
	for command, want := range map[string]struct {
		exit int
		code message.Code
	}{
		"encrypted.pdf":                               {cli.ExitUsage, codeDocumentEncrypted},
		"contract.pdf broken.pdf":                     {cli.ExitUsage, codeDocumentMalformed},
		"note.txt":                                    {cli.ExitUsage, codeDocumentExists},
		"contract.pdf contract.pdf":                   {cli.ExitUsage, codeDocumentExists},
		"folder":                                      {cli.ExitUsage, codeDocumentFile},
		"missing.pdf":                                 {cli.ExitUsage, codeDocumentFile},
		"contract.pdf --output no/folder.pdf":         {cli.ExitUsage, codeDocumentFile},
		"contract.pdf --hash md5":                     {cli.ExitUsage, cli.CodeUsage},
		"contract.pdf note.txt --output x":            {cli.ExitUsage, cli.CodeUsage},
		"contract.pdf --corner top-left":              {cli.ExitUsage, cli.CodeUsage},
		"contract.pdf --visible --corner left":        {cli.ExitUsage, cli.CodeUsage},
		"contract.pdf --visible --page 0":             {cli.ExitUsage, cli.CodeUsage},
		"contract.pdf --visible --page 2":             {cli.ExitUsage, codeNoPage},
		"contract.pdf --visible --font note.txt":      {cli.ExitUsage, codeFont},
		"contract.pdf --visible --font latin.ttf":     {cli.ExitUsage, codeFont},
		"contract.pdf --visible --font missing":       {cli.ExitUsage, codeFont},
		"small.pdf --visible":                         {cli.ExitUsage, codeBlockSize},
		"contract.pdf --visible --detached":           {cli.ExitUsage, cli.CodeUsage},
		"contract.pdf --visible --authentication-key": {cli.ExitUsage, cli.CodeUsage},
		"altered.pdf":                                 {cli.ExitTampered, codeDocumentAltered},
		"updated.pdf":                                 {cli.ExitTampered, codeDocumentAltered},
		"other.txt --reason why":                      {cli.ExitUsage, cli.CodeUsage},
	} {
		t.Run(command, func(t *testing.T) {
			d := cardtest.New(t, simulator.ContactExtended)
			o := runner{driver: &d.Driver, typed: simulator.Password}.run(t, append([]string{"sign", "--json"}, strings.Fields(command)...)...)
			assert.Equal(t, want.exit, o.exit, o.stderr)
			assert.Contains(t, o.stderr, string(want.code))
			assert.Empty(t, o.terminal)
			assert.Zero(t, d.Secrets())
		})
	}
	for profile, code := range map[simulator.Profile]message.Code{
		simulator.FaceAuth: codeNoSignCert, simulator.NotMyNumber: message.NotMyNumberCard,
	} {
		o := runner{typed: simulator.Password}.run(t, "sign", "contract.pdf", "--simulator", string(profile))
		assert.Contains(t, o.stderr, "["+string(code)+"]", profile)
		assert.Empty(t, o.terminal)
	}
}

// Several files take one password. If the card is exchanged between two files, the second is not signed, and what
// was signed is told.
//
// Faults: F152.
func TestSeveralFilesWithOnePassword(t *testing.T) {
	documents(t)
	d := cardtest.New(t, simulator.ContactExtended)
	o := runner{driver: &d.Driver, typed: simulator.Password}.run(t, "sign", "contract.pdf", "note.txt", "--json")
	require.Zero(t, o.exit, o.stderr)
	assert.Equal(t, 1, d.Secrets())
	assert.NotContains(t, o.stdout+o.stderr+o.terminal, simulator.Password)
	assert.Equal(t, []string{"contract-signed.pdf", "contract.pdf", "note.txt", "note.txt.p7m"}, names(t))

	documents(t)
	d = cardtest.New(t, simulator.ContactExtended)
	d.Slot.AddFault(simulator.Fault{On: simulator.Transmit, INS: 0x2A, Nth: 2, Do: simulator.SwapCard(cardtest.AnotherCard(t, simulator.ContactExtended))})
	o = runner{driver: &d.Driver, typed: simulator.Password}.run(t, "sign", "contract.pdf", "note.txt", "--json")
	assert.NotZero(t, o.exit)
	assert.Contains(t, o.stdout, "contract-signed.pdf")
	assert.Equal(t, []string{"contract-signed.pdf", "contract.pdf", "note.txt"}, names(t), "nothing half done")
}

// Which file a detached signature signs is told. A content for a PDF file is refused, and a missing one is named.
func TestContentOfASignature(t *testing.T) {
	documents(t)
	o := runner{typed: simulator.Password}.run(t, "sign", "note.txt", "--detached", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	o = runner{}.run(t, "verify", "note.txt.p7s", "--simulator", "contact", "--json")
	assert.Contains(t, o.stdout, `"content":"note.txt"`)
	o = runner{}.run(t, "verify", "note.txt.p7s", "--simulator", "contact", "--lang", "en")
	assert.Regexp(t, `Signed file +note.txt`, o.stdout)
	require.NoError(t, os.Rename("note.txt", "moved.txt"))
	o = runner{}.run(t, "verify", "note.txt.p7s", "--simulator", "contact", "--lang", "en")
	assert.Equal(t, cli.ExitUsage, o.exit)
	assert.Contains(t, o.stderr, "--content")
	o = runner{}.run(t, "verify", "note.txt.p7s", "--content", "moved.txt", "--simulator", "contact")
	assert.Zero(t, o.exit, o.stderr)
	o = runner{}.run(t, "verify", "contract.pdf", "--content", "moved.txt", "--simulator", "contact")
	assert.Equal(t, cli.ExitUsage, o.exit)
}

// A password of standard input is sent once. If the card needs it again, the other files are not signed.
func TestPipedPasswordIsUsedOnce(t *testing.T) {
	documents(t)
	d := cardtest.New(t, simulator.ContactExtended)
	d.Slot.AddFault(simulator.Fault{On: simulator.Transmit, INS: 0x2A, Nth: 2, Do: simulator.ResetCard()})
	o := runner{driver: &d.Driver, stdin: simulator.Password}.run(t, "sign", "contract.pdf", "note.txt", "--password-stdin")
	assert.Equal(t, cli.ExitFailed, o.exit)
	assert.Contains(t, o.stderr, string(codeAskedAgain))
	assert.Equal(t, 1, d.Secrets())
	assert.Equal(t, []string{"contract-signed.pdf", "contract.pdf", "note.txt"}, names(t))
}

// A signature is shown on a page only if asked, with the name of the certificate.
func TestVisibleSignature(t *testing.T) {
	documents(t)
	if japaneseFont(fontFolders()) == "" {
		programtest.Missing(t, "fonts-noto-cjk")
	}
	for language, want := range map[string]string{"ja": "電子署名", "en": "Digital signature"} {
		output := language + ".pdf"
		o := runner{typed: simulator.Password}.run(t, "sign", "contract.pdf", "--visible", "--corner", "top-right", "--output", output, "--simulator", "contact", "--lang", language)
		require.Zero(t, o.exit, o.stderr)
		text, err := programtest.Program(t, "pdftotext", output, "-").Output()
		require.NoError(t, err)
		assert.Contains(t, string(text), want)
		assert.Contains(t, string(text), "花子")
		o = runner{}.run(t, "verify", output, "--simulator", "contact")
		require.Zero(t, o.exit, o.stderr)
	}
}

// The key for user authentication signs and is accepted only with its flag.
func TestSignWithTheAuthenticationKey(t *testing.T) {
	documents(t)
	o := runner{typed: simulator.PIN}.run(t, "sign", "note.txt", "--authentication-key", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	assert.Contains(t, o.terminal, "note.txt")
	o = runner{}.run(t, "verify", "note.txt.p7m", "--simulator", "contact")
	assert.Equal(t, cli.ExitCertificate, o.exit)
	assert.Contains(t, o.stderr, string(codeSignerCertificate))
	o = runner{}.run(t, "verify", "note.txt.p7m", "--authentication-key", "--simulator", "contact", "--json")
	require.Zero(t, o.exit, o.stderr)
	assert.Contains(t, o.stdout, `"key":"authentication"`)
	o = runner{stdin: simulator.PIN}.run(t, "sign", "contract.pdf", "--authentication-key", "--password-stdin", "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
}

// A server that gives no time stamp leaves no signed file.
func TestSignWithTimestamp(t *testing.T) {
	documents(t)
	authority := signtest.NewAuthority(t, nil)
	server := httptest.NewServer(authority.Handler(t, func() time.Time { return today.Add(-time.Minute) }))
	defer server.Close()
	require.NoError(t, os.WriteFile("tsa.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Root.Raw}), 0o600))
	o := runner{typed: simulator.Password}.run(t, "sign", "contract.pdf", "--timestamp", server.URL, "--simulator", "contact")
	require.Zero(t, o.exit, o.stderr)
	o = runner{}.run(t, "verify", "contract-signed.pdf", "--simulator", "contact", "--lang", "en", "--timestamp-ca", "tsa.pem")
	assert.Contains(t, o.stdout, "proven by a time stamp", o.stderr)
	server.Close()
	o = runner{typed: simulator.Password}.run(t, "sign", "note.txt", "--timestamp", server.URL, "--simulator", "contact")
	assert.Equal(t, cli.ExitFailed, o.exit)
	assert.Contains(t, o.stderr, string(codeTimestamp))
	assert.NotContains(t, names(t), "note.txt.p7m")
}

// The password goes to the card once, and cert and attributes log the card out.
func TestSignatureCertificate(t *testing.T) {
	d := cardtest.New(t, simulator.ContactExtended)
	o := runner{driver: &d.Driver, stdin: simulator.Password}.run(t, "cert", "--signature", "--password-stdin")
	require.Zero(t, o.exit, o.stderr)
	assert.Contains(t, o.stdout, "BEGIN CERTIFICATE")
	assert.Equal(t, 1, d.Secrets())
	o = runner{driver: &d.Driver}.run(t, "cert", "--signature", "--ca")
	require.Zero(t, o.exit, o.stderr)
	assert.Equal(t, 1, d.Secrets(), "the CA certificate needs none")
	o = runner{driver: &d.Driver, typed: "WRONG99"}.run(t, "cert", "--signature")
	assert.Equal(t, cli.ExitPIN, o.exit)
	assert.Equal(t, 4, d.Card.State().SignatureAttempts)
}

// Every error of the packages for documents has a message of its own.
func TestDocumentErrorsHaveMessages(t *testing.T) {
	// Those that are another one.
	same := []string{"pdf.ErrChanged", "pdf.ErrMalformed"}
	known := map[string]error{
		"cms.ErrAlgorithm": cms.ErrAlgorithm, "cms.ErrChanged": cms.ErrChanged, "cms.ErrContent": cms.ErrContent,
		"cms.ErrMalformed": cms.ErrMalformed, "cms.ErrNoCertificate": cms.ErrNoCertificate, "cms.ErrNoSigner": cms.ErrNoSigner,
		"cms.ErrOtherCertificate": cms.ErrOtherCertificate, "cms.ErrSignature": cms.ErrSignature, "cms.ErrSignerTwice": cms.ErrSignerTwice,
		"cms.ErrTimestamp": cms.ErrTimestamp, "object.ErrMalformed": pdf.ErrMalformed,
		"pdf.ErrChangedAfter": pdf.ErrChangedAfter, "pdf.ErrCoverage": pdf.ErrCoverage, "pdf.ErrEncrypted": pdf.ErrEncrypted,
		"pdf.ErrBlockSize": pdf.ErrBlockSize, "pdf.ErrFont": pdf.ErrFont, "pdf.ErrNoPage": pdf.ErrNoPage,
		"pdf.ErrNoSignature": pdf.ErrNoSignature, "pdf.ErrPadding": pdf.ErrPadding, "pdf.ErrSigningForbidden": pdf.ErrSigningForbidden,
		"pdf.ErrUnsupported": pdf.ErrUnsupported,
	}
	var exported []string
	for _, folder := range []string{"cms", "pdf", "pdf/internal/object"} {
		exported = append(exported, sourcetest.Errors(t, filepath.Join("..", "..", "jpki", filepath.FromSlash(folder)))...)
	}
	listed := slices.Clone(same)
	for name, err := range known {
		listed = append(listed, name)
		var failure *cli.Failure
		require.ErrorAs(t, documentFailure(fmt.Errorf("somewhere: %w", err)), &failure, name)
		assert.NotEmpty(t, failure.Message.What.JA, name)
		assert.NotEmpty(t, failure.Message.Next.EN, name)
	}
	slices.Sort(listed)
	slices.Sort(exported)
	assert.Equal(t, exported, listed)
	for _, err := range []error{syscall.ENOSPC, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}} {
		require.ErrorAs(t, documentFailure(err), new(*cli.Failure))
	}
	wrong := errors.New("the card's")
	assert.Equal(t, wrong, documentFailure(wrong))
	require.NoError(t, documentFailure(nil))
}
