package pdf_test

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/mykeykit/mykeykit/internal/programtest"
	"github.com/mykeykit/mykeykit/internal/signtest"
	"github.com/mykeykit/mykeykit/jpki/pdf"
)

// japaneseFont is a collection with PostScript outlines, which the package fonts-noto-cjk has.
const japaneseFont = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"

func latin(lines ...string) *pdf.Appearance {
	return &pdf.Appearance{Lines: lines, Font: bytes.NewReader(goregular.TTF)}
}

func onePage(entries string) []byte {
	return signtest.PDF(map[int]string{3: "<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>" + entries + ">>"})
}

// shown returns where text is on a page as it is shown, in points from the upper left corner: of the words that
// have a text, the first.
func shown(t *testing.T, file []byte, word string) (left, top, right, bottom float64) {
	t.Helper()
	page := run(t, "pdftotext", "-bbox", "-cropbox", write(t, "file.pdf", file), "-")
	found := regexp.MustCompile(`<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">` + word + `</word>`).FindStringSubmatch(page)
	require.NotNil(t, found, page)
	var n [4]float64
	for i := range n {
		var err error
		n[i], err = strconv.ParseFloat(found[i+1], 64)
		require.NoError(t, err)
	}
	return n[0], n[1], n[2], n[3]
}

// The block is upright in its corner of the page as it is shown, however the page is turned and cropped.
func TestBlockIsInItsCorner(t *testing.T) {
	for corner, name := range map[pdf.Corner]string{pdf.BottomRight: "bottom right", pdf.BottomLeft: "bottom left", pdf.TopRight: "top right", pdf.TopLeft: "top left"} {
		for _, turn := range []int{0, 90, 180, 270, -90, 450} {
			t.Run(fmt.Sprint(name, turn), func(t *testing.T) {
				file := onePage(fmt.Sprintf(" /MediaBox [0 0 595 842] /CropBox [560.5 20 60 800] /Rotate %d", turn))
				a := latin("Signed", "Longer line below")
				a.Corner = corner
				signed := signs(t, file, signtest.New(t, nil), pdf.Options{Appearance: a})
				width, height := 500.5, 780.0
				if turn%180 != 0 {
					width, height = height, width
				}
				left, top, right, bottom := shown(t, signed, "Longer")
				assert.Greater(t, right-left, bottom-top, "upright")
				_, firstTop, _, _ := shown(t, signed, "Signed")
				assert.Less(t, firstTop, top, "the first line is above")
				middle := struct{ x, y float64 }{(left + right) / 2, (top + bottom) / 2}
				if corner == pdf.BottomRight || corner == pdf.TopRight {
					assert.InDelta(t, width-36-80, middle.x, 40)
				} else {
					assert.InDelta(t, 36+20, middle.x, 20)
				}
				if corner == pdf.BottomRight || corner == pdf.BottomLeft {
					assert.InDelta(t, height-36-13, middle.y, 8)
				} else {
					assert.InDelta(t, 36+27, middle.y, 8)
				}
			})
		}
	}
}

// Further signers' blocks are beside those that are there, until the page is full.
func TestBlocksDoNotCoverEachOther(t *testing.T) {
	for corner, down := range map[pdf.Corner]bool{pdf.BottomRight: false, pdf.TopLeft: true} {
		for _, turn := range []int{0, 90, 180, 270} {
			file := onePage(fmt.Sprintf(" /MediaBox [0 0 300 300] /Rotate %d", turn))
			last := 0.0
			for n := range 8 { // as many as fit above a margin of 36 points
				a := latin(fmt.Sprintf("Number%d", n))
				a.Corner = corner
				file = signs(t, file, signtest.New(t, nil), pdf.Options{Appearance: a})
				_, top, _, _ := shown(t, file, fmt.Sprintf("Number%d", n))
				if n > 0 {
					distance := top - last
					if !down {
						distance = -distance
					}
					assert.InDelta(t, 30, distance, 0.1, "corner %d, turned by %d", corner, turn)
				}
				last = top
			}
			a := latin("x", "y")
			a.Corner = corner
			require.ErrorIs(t, pdf.Check(bytes.NewReader(file), int64(len(file)), pdf.Options{Appearance: a}), pdf.ErrBlockSize)
			_, err := verify(t, file)
			require.NoError(t, err)
		}
	}
}

// A signature is shown on a page by its number, whose size a node above it gives.
func TestBlockIsOnItsPage(t *testing.T) {
	three := signtest.PDF(map[int]string{
		2: "<</Type /Pages /Kids [10 0 R 11 0 R 7 0 R] /Count 3 /MediaBox [0 0 300 300]>>", 10: "<</Type /Pages /Kids [] /Count 0 /Parent 2 0 R>>",
		11: "<</Type /Pages /Kids [3 0 R 8 0 R] /Count 2 /Parent 2 0 R /Rotate 90>>",
		3:  "<</Type /Page /Parent 11 0 R>>", 8: "<</Type /Page /Parent 11 0 R>>", 7: "<</Type /Page /Parent 2 0 R>>",
	})
	for page := range 4 {
		a := latin("Signed")
		a.Page = page
		signed := signs(t, three, signtest.New(t, nil), pdf.Options{Appearance: a})
		path := write(t, "file.pdf", signed)
		for n := 1; n <= 3; n++ {
			text := run(t, "pdftotext", "-f", strconv.Itoa(n), "-l", strconv.Itoa(n), path, "-")
			assert.Equal(t, n == max(page, 1), strings.Contains(text, "Signed"), "page %d of a signature on page %d: %q", n, page, text)
		}
		_, err := verify(t, signed)
		require.NoError(t, err)
	}
}

// Japanese text can be searched and copied, its font is in the file, it is drawn, and other programs accept the
// file. Each signer's block stays when another signs.
func TestJapaneseBlock(t *testing.T) {
	font, err := os.Open(japaneseFont)
	if err != nil {
		programtest.Missing(t, "fonts-noto-cjk")
	}
	defer font.Close()
	for name, file := range files() {
		t.Run(name, func(t *testing.T) {
			signed := signs(t, file, signtest.New(t, nil), pdf.Options{Name: "見本 花子", Appearance: &pdf.Appearance{Lines: []string{"見本 花子", "𠮷田"}, Font: font}})
			twice := signs(t, signed, signtest.Another(t), pdf.Options{Appearance: &pdf.Appearance{Lines: []string{"二人目"}, Font: font, Corner: pdf.TopLeft}})
			result, err := verify(t, twice)
			require.NoError(t, err)
			require.Len(t, result.Signatures, 2)

			path := write(t, "signed.pdf", twice)
			text := run(t, "pdftotext", path, "-")
			for _, line := range []string{"見本 花子", "𠮷田", "二人目"} {
				assert.Contains(t, text, line)
			}
			assert.Equal(t, 2, strings.Count(run(t, "pdffonts", path), "Type 3            Custom           yes no  yes"))
			assert.Contains(t, run(t, "qpdf", "--check", path), "No syntax or stream encoding errors")
			assert.Equal(t, 2, strings.Count(run(t, "pdfsig", "-nocert", path), "Signature is Valid."))
			assert.Greater(t, darkPixels(t, signed), darkPixels(t, file)+500, "it is drawn")
		})
	}
}

// darkPixels counts the dark pixels of a file's first page.
func darkPixels(t *testing.T, file []byte) (dark int) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "page")
	run(t, "pdftoppm", "-r", "100", "-png", "-singlefile", write(t, "file.pdf", file), name)
	image, err := os.Open(name + ".png")
	require.NoError(t, err)
	defer image.Close()
	page, err := png.Decode(image)
	require.NoError(t, err)
	for y := range page.Bounds().Dy() {
		for x := range page.Bounds().Dx() {
			if r, g, b, _ := page.At(x, y).RGBA(); r+g+b < 3*0x8000 {
				dark++
			}
		}
	}
	return dark
}

// What can't be drawn is refused by Check and Sign alike.
func TestAppearancesThatCannotBeDrawn(t *testing.T) {
	second := latin("Signed")
	second.Page = 2
	var many []rune
	for r := rune(0x21); len(many) < 256; r++ {
		if r < 0x7F || r > 0xA0 {
			many = append(many, r)
		}
	}
	for name, tt := range map[string]struct {
		file []byte
		a    *pdf.Appearance
		err  error
	}{
		"a page that is not there":      {signtest.PDF(nil), second, pdf.ErrNoPage},
		"a character without a glyph":   {signtest.PDF(nil), latin("見本"), pdf.ErrFont},
		"a line longer than the page":   {signtest.PDF(nil), latin(strings.Repeat("wide ", 100)), pdf.ErrBlockSize},
		"more lines than the page has":  {signtest.PDF(nil), latin(make([]string, 100)...), pdf.ErrBlockSize},
		"too many different characters": {signtest.PDF(nil), latin(string(many)), pdf.ErrBlockSize},
		"no font":                       {signtest.PDF(nil), &pdf.Appearance{Lines: []string{"x"}}, pdf.ErrFont},
		"something else as a font":      {signtest.PDF(nil), &pdf.Appearance{Font: strings.NewReader("font")}, pdf.ErrFont},
		"a page without a size":         {onePage(""), latin("x"), pdf.ErrMalformed},
		"a size with three numbers":     {onePage(" /MediaBox [0 0 595]"), latin("x"), pdf.ErrMalformed},
		"a size in words":               {onePage(" /MediaBox [0 0 (a) 842]"), latin("x"), pdf.ErrMalformed},
		"an oblique page":               {onePage(" /MediaBox [0 0 595 842] /Rotate 45"), latin("x"), pdf.ErrMalformed},
		"a page tree in a circle":       {signtest.PDF(map[int]string{2: "<</Type /Pages /Kids [2 0 R]>>"}), latin("x"), pdf.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			o := pdf.Options{Appearance: tt.a}
			require.ErrorIs(t, pdf.Check(bytes.NewReader(tt.file), int64(len(tt.file)), o), tt.err)
			err := pdf.Sign(t.Context(), io.Discard, bytes.NewReader(tt.file), int64(len(tt.file)), signtest.New(t, nil), o)
			require.ErrorIs(t, err, tt.err)
		})
	}
}
