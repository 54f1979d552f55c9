package pdf

import (
	"errors"
	"fmt"
	"io"

	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
)

var (
	// ErrFont reports a font that is not readable, or that has no glyph for a character of the text.
	ErrFont = errors.New("font can't be used")
	// ErrBlockSize reports a block of text for which the page has no room, or that has more than 255 different
	// characters.
	ErrBlockSize = errors.New("text does not fit on the page")
)

// Appearance shows a signature on a page, as a framed block of text. [Verify] does not check the text,
// which the signer chooses.
type Appearance struct {
	// Lines is the text, from top to bottom. If a line is too long for the page, signing returns [ErrBlockSize].
	Lines []string
	// Font is a TrueType or OpenType font. Of a collection, the first font is used. The glyphs that
	// the text needs are copied into the PDF file.
	Font io.ReaderAt
	// Page is the number of a page, from 1. 0 means 1.
	Page int
	// Corner is the corner of the page for the block, which is placed above or below the blocks of earlier signers.
	// The block has no background: what is on the page shows through it.
	Corner Corner
}

// Corner is a corner of a page, after the page's rotation.
type Corner int

// The corners of a page.
const (
	BottomRight Corner = iota
	BottomLeft
	TopRight
	TopLeft
)

// Measures of a block, in points.
const (
	margin     = 36.0 // around the block
	padding    = 6.0  // inside of its frame
	fontSize   = 10.0
	lineHeight = 14.0
	descent    = 3.5 // from the bottom of a line to the letters' baseline
)

// pageNumber returns the number of the page that the signature's field is on. A is nil for an invisible one.
func (a *Appearance) pageNumber() int {
	if a == nil {
		return 1
	}
	return max(a.Page, 1)
}

// draw writes a block with the text and returns the entries of the field that show it.
func (u *update) draw(a *Appearance) (object.Dict, error) {
	font, err := newFont(a.Font)
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	width, height := 0.0, 2*padding+lineHeight*float64(len(a.Lines))
	for _, line := range a.Lines {
		text, w, err := font.encode(line)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
		width = max(width, w*fontSize)
	}
	width += 2 * padding
	at, turns, err := u.page.place(u.file, a.Corner, width, height)
	if err != nil {
		return nil, err
	}

	content := fmt.Appendf(nil, "0 g 0 G 0.5 w 0.25 0.25 %s %s re S\nBT /F1 %s Tf %s TL %s %s Td\n",
		decimal(width-0.5), decimal(height-0.5), decimal(fontSize), decimal(lineHeight), decimal(padding), decimal(height-padding+descent))
	for _, text := range texts {
		content = append(content, "T* "...)
		content = append(object.Append(content, object.String{Bytes: text}), " Tj\n"...)
	}
	content = append(content, "ET"...)
	block := u.newNumber()
	u.writeStream(block, object.Dict{
		"Type": object.Name("XObject"), "Subtype": object.Name("Form"),
		"BBox": rectangle{0, 0, width, height}.array(), "Matrix": turned(turns),
		"Resources": object.Dict{"Font": object.Dict{"F1": u.writeFont(font)}},
	}, content)
	return object.Dict{"Rect": at.array(), "AP": object.Dict{"N": object.Ref{Number: block}}}, nil
}

// turned returns the matrix that turns a block counterclockwise by quarter turns. Where it ends up does not matter:
// programs move it to the field's rectangle (ISO 32000-2 §12.5.5).
func turned(quarters int) object.Array {
	cos, sin := [4]int{1, 0, -1, 0}[quarters], [4]int{0, 1, 0, -1}[quarters]
	return object.Array{cos, sin, -sin, cos, 0, 0}
}
