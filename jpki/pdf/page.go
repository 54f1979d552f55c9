package pdf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/mykeykit/mykeykit/jpki/pdf/internal/object"
)

// ErrNoPage reports a page number that is higher than the number of pages.
var ErrNoPage = errors.New("PDF has no such page")

// maxPageDepth bounds the depth of the page tree.
const maxPageDepth = 64

// page is a page with the entries that it may have from the nodes above it (ISO 32000-2 table 31).
type page struct {
	ref                      object.Ref
	dict                     object.Dict
	mediaBox, cropBox, angle any
}

// pageWalk looks for a page in the page tree.
type pageWalk struct {
	file    *object.File
	before  int // pages that still come before the wanted one
	visited map[int]bool
}

// findPage returns a page by its number, from 1.
func findPage(f *object.File, catalog object.Dict, number int) (*page, error) {
	w := pageWalk{f, number - 1, map[int]bool{}}
	found, err := w.walk(catalog["Pages"], page{}, 0)
	switch {
	case err != nil:
		return nil, err
	case found == nil && number == 1:
		return nil, fmt.Errorf("%w: no page", ErrMalformed)
	case found == nil:
		return nil, fmt.Errorf("%w: %d", ErrNoPage, number)
	}
	return found, nil
}

func (w *pageWalk) walk(node any, above page, depth int) (*page, error) {
	ref, ok := node.(object.Ref)
	if !ok || w.visited[ref.Number] || depth > maxPageDepth {
		return nil, fmt.Errorf("%w: page tree", ErrMalformed)
	}
	w.visited[ref.Number] = true
	dict, err := w.file.Dict(ref)
	if err != nil {
		return nil, err
	}
	here := page{ref, dict, above.mediaBox, above.cropBox, above.angle}
	for key, value := range map[object.Name]*any{"MediaBox": &here.mediaBox, "CropBox": &here.cropBox, "Rotate": &here.angle} {
		if dict[key] != nil {
			*value = dict[key]
		}
	}
	if dict["Type"] == object.Name("Page") {
		w.before--
		if w.before >= 0 {
			return nil, nil
		}
		return &here, nil
	}
	kids, err := w.file.Array(dict["Kids"])
	if err != nil {
		return nil, err
	}
	for _, kid := range kids {
		if found, err := w.walk(kid, here, depth+1); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// rectangle is a rectangle in points, or in what the page's UserUnit makes of them.
type rectangle struct{ left, bottom, right, top float64 }

func (r rectangle) width() float64  { return r.right - r.left }
func (r rectangle) height() float64 { return r.top - r.bottom }

func (r rectangle) array() object.Array {
	return object.Array{decimal(r.left), decimal(r.bottom), decimal(r.right), decimal(r.top)}
}

func (r rectangle) moved(x, y float64) rectangle {
	return rectangle{r.left + x, r.bottom + y, r.right + x, r.top + y}
}

func (r rectangle) overlaps(o rectangle) bool {
	return r.left < o.right && o.left < r.right && r.bottom < o.top && o.bottom < r.top
}

func decimal(v float64) object.Real { return object.Real(strconv.FormatFloat(v, 'f', 2, 64)) }

// visible returns what is shown of a page, and by how many quarter turns it is turned clockwise for that.
func (p *page) visible(f *object.File) (r rectangle, turns int, err error) {
	box := p.cropBox
	if box == nil {
		box = p.mediaBox
	}
	if r, err = readRectangle(f, box); err != nil {
		return r, 0, err
	}
	o, err := f.Resolve(p.angle)
	if err != nil {
		return r, 0, err
	}
	angle, ok := o.(int64)
	if o != nil && (!ok || angle%90 != 0) {
		return r, 0, fmt.Errorf("%w: rotation of a page", ErrMalformed)
	}
	return r, int((angle/90%4 + 4) % 4), nil
}

// readRectangle reads a rectangle, of which any two opposite corners may be given (ISO 32000-2 §7.9.5).
func readRectangle(f *object.File, o any) (r rectangle, err error) {
	array, err := f.Array(o)
	if err != nil {
		return r, err
	}
	var n [4]float64
	if len(array) != len(n) {
		return r, fmt.Errorf("%w: a rectangle", ErrMalformed)
	}
	for i := range n {
		if n[i], err = readNumber(f, array[i]); err != nil {
			return r, err
		}
	}
	return rectangle{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}, nil
}

func readNumber(f *object.File, o any) (float64, error) {
	o, err := f.Resolve(o)
	if err != nil {
		return 0, err
	}
	switch o := o.(type) {
	case int64:
		return float64(o), nil
	case object.Real:
		if n, err := strconv.ParseFloat(string(o), 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a number", ErrMalformed)
}

// gapBetween is the distance between blocks in a corner, in points.
const gapBetween = 4.0

// place returns where a block of a size is on the page, in its own coordinates, if it is in a corner of the page
// as it is shown. It is beside the blocks that are there already, towards the middle of the page.
func (p *page) place(f *object.File, corner Corner, width, height float64) (at rectangle, turns int, err error) {
	all, turns, err := p.visible(f)
	if err != nil {
		return at, 0, err
	}
	taken, err := p.signatures(f)
	if err != nil {
		return at, 0, err
	}
	shown := rectangle{0, 0, all.width(), all.height()}
	if turns%2 == 1 {
		shown.right, shown.top = shown.top, shown.right
	}
	// The block's lower left corner, from that of the page as it is shown.
	x, y, step := margin, margin, height+gapBetween
	if corner == BottomRight || corner == TopRight {
		x = shown.right - margin - width
	}
	if corner == TopLeft || corner == TopRight {
		y, step = shown.top-margin-height, -step
	}
	for ; x >= 0 && y >= 0 && x+width <= shown.right && y+height <= shown.top; y += step {
		at = turnedBack(rectangle{x, y, x + width, y + height}, shown, turns).moved(all.left, all.bottom)
		if !slices.ContainsFunc(taken, at.overlaps) {
			return at, turns, nil
		}
	}
	return at, 0, ErrBlockSize
}

// turnedBack returns where a rectangle of a page as it is shown is on the page itself, which is turned clockwise by
// quarter turns for that.
func turnedBack(r, shown rectangle, turns int) rectangle {
	switch turns {
	case 1:
		return rectangle{shown.top - r.top, r.left, shown.top - r.bottom, r.right}
	case 2:
		return rectangle{shown.right - r.right, shown.top - r.top, shown.right - r.left, shown.top - r.bottom}
	case 3:
		return rectangle{r.bottom, shown.right - r.right, r.top, shown.right - r.left}
	}
	return r
}

// signatures returns where the page shows signatures.
func (p *page) signatures(f *object.File) (places []rectangle, err error) {
	annotations, err := f.Array(p.dict["Annots"])
	if err != nil {
		return nil, err
	}
	for _, annotation := range annotations {
		field, err := f.Dict(annotation)
		if err != nil {
			return nil, err
		}
		if field["FT"] != object.Name("Sig") || field["Rect"] == nil {
			continue
		}
		at, err := readRectangle(f, field["Rect"])
		if err != nil {
			return nil, err
		}
		places = append(places, at)
	}
	return places, nil
}
