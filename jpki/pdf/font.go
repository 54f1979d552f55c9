package pdf

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf16"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
)

// typeface takes from a font the glyphs that a text needs. They are written as a Type 3 font (ISO 32000-2 §9.6.4),
// whose glyphs are drawings: it needs no part of the font's own tables.
type typeface struct {
	sfnt    *sfnt.Font
	buffer  sfnt.Buffer
	em      sfnt.Units
	codes   map[rune]byte
	runes   []rune // by code, from 1
	widths  object.Array
	outline [][]byte
	bounds  rectangle
}

// mostRunes is how many different characters a font of one-byte codes has. 0 is not used.
const mostRunes = 255

func newFont(r io.ReaderAt) (*typeface, error) {
	if r == nil {
		return nil, fmt.Errorf("%w: none is given", ErrFont)
	}
	fonts, err := sfnt.ParseCollectionReaderAt(r) // a single font is a collection of one
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFont, err)
	}
	f, err := fonts.Font(0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFont, err)
	}
	return &typeface{sfnt: f, em: f.UnitsPerEm(), codes: map[rune]byte{}}, nil
}

// encode returns the codes of a text and its width, as a multiple of the font's size.
func (t *typeface) encode(text string) (codes []byte, width float64, err error) {
	for _, r := range text {
		code, known := t.codes[r]
		if !known {
			if code, err = t.add(r); err != nil {
				return nil, 0, err
			}
		}
		codes = append(codes, code)
		width += float64(t.widths[code-1].(int)) / float64(t.em)
	}
	return codes, width, nil
}

func (t *typeface) add(r rune) (code byte, err error) {
	if len(t.runes) == mostRunes {
		return 0, fmt.Errorf("%w: more than %d different characters", ErrBlockSize, mostRunes)
	}
	glyph, err := t.sfnt.GlyphIndex(&t.buffer, r)
	if err == nil && glyph == 0 {
		err = fmt.Errorf("the font has no character %q", r)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFont, err)
	}
	ppem := fixed.Int26_6(t.em) // so that a unit of the results is one of the font
	advance, err := t.sfnt.GlyphAdvance(&t.buffer, glyph, ppem, font.HintingNone)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFont, err)
	}
	segments, err := t.sfnt.LoadGlyph(&t.buffer, glyph, ppem, nil)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFont, err)
	}
	t.outline = append(t.outline, t.drawing(int(advance), segments))
	t.runes = append(t.runes, r)
	t.widths = append(t.widths, int(advance))
	t.codes[r] = byte(len(t.runes))
	return t.codes[r], nil
}

// drawing returns a glyph as the operators of a content stream.
func (t *typeface) drawing(width int, segments sfnt.Segments) []byte {
	bounds := segments.Bounds()
	box := rectangle{float64(bounds.Min.X), float64(-bounds.Max.Y), float64(bounds.Max.X), float64(-bounds.Min.Y)} // y grows downwards in sfnt
	t.bounds = rectangle{min(t.bounds.left, box.left), min(t.bounds.bottom, box.bottom), max(t.bounds.right, box.right), max(t.bounds.top, box.top)}
	b := fmt.Appendf(nil, "%d 0 %d %d %d %d d1\n", width, int(box.left), int(box.bottom), int(box.right), int(box.top))
	var x, y float64 // the current point
	for _, s := range segments {
		var p [6]float64
		for i, arg := range s.Args {
			p[2*i], p[2*i+1] = float64(arg.X), -float64(arg.Y)
		}
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			b = operator(b, "m", p[:2])
			x, y = p[0], p[1]
		case sfnt.SegmentOpLineTo:
			b = operator(b, "l", p[:2])
			x, y = p[0], p[1]
		case sfnt.SegmentOpQuadTo: // PDF has cubic curves only
			b = operator(b, "c", []float64{x + (p[0]-x)*2/3, y + (p[1]-y)*2/3, p[2] + (p[0]-p[2])*2/3, p[3] + (p[1]-p[3])*2/3, p[2], p[3]})
			x, y = p[2], p[3]
		case sfnt.SegmentOpCubeTo:
			b = operator(b, "c", p[:])
			x, y = p[4], p[5]
		}
	}
	return append(b, 'f')
}

func operator(b []byte, name string, operands []float64) []byte {
	for _, o := range operands {
		b = append(append(b, decimal(o)...), ' ')
	}
	return append(append(b, name...), '\n')
}

// writeFont writes the glyphs that were encoded and returns the font.
func (u *update) writeFont(t *typeface) object.Ref {
	glyphs, names := object.Dict{}, object.Array{1}
	for i, outline := range t.outline {
		name := object.Name(fmt.Sprintf("g%d", i+1))
		number := u.newNumber()
		u.writeStream(number, object.Dict{}, outline)
		glyphs[name] = object.Ref{Number: number}
		names = append(names, name)
	}
	unicode, number := u.newNumber(), u.newNumber()
	u.writeStream(unicode, object.Dict{}, t.unicode())
	scale := object.Real(fmt.Sprintf("%.9f", 1/float64(t.em)))
	u.write(number, object.Dict{
		"Type": object.Name("Font"), "Subtype": object.Name("Type3"), "FontBBox": t.bounds.array(),
		"FontMatrix": object.Array{scale, 0, 0, scale, 0, 0}, "CharProcs": glyphs, "Resources": object.Dict{},
		"Encoding":  object.Dict{"Type": object.Name("Encoding"), "Differences": names},
		"FirstChar": 1, "LastChar": len(t.runes), "Widths": t.widths, "ToUnicode": object.Ref{Number: unicode},
	})
	return object.Ref{Number: number}
}

// unicode returns the map from codes to characters, with which programs copy and search the text.
func (t *typeface) unicode() []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<00> <FF>\nendcodespacerange\n")
	for i, r := range t.runes {
		if i%100 == 0 { // the longest list that is allowed
			fmt.Fprintf(&b, "%d beginbfchar\n", min(100, len(t.runes)-i))
		}
		fmt.Fprintf(&b, "<%02X> <", i+1)
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, "%04X", unit)
		}
		b.WriteString(">\n")
		if i%100 == 99 || i == len(t.runes)-1 {
			b.WriteString("endbfchar\n")
		}
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend")
	return b.Bytes()
}
