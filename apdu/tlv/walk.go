package tlv

import (
	"fmt"
	"iter"
)

// Limits of [Walk].
const (
	MaxDepth     = 16    // levels of nesting, the outermost included
	MaxElements  = 4096  // elements, on all levels
	MaxWalkBytes = 65536 // bytes of the outermost sequence
)

// All iterates over a sequence of elements, such as a file or the value of a
// constructed element. At the first error it yields a zero [Element] and the error,
// and ends. It does not descend into constructed elements.
func All(b []byte, options ...Option) iter.Seq2[Element, error] {
	return newRules(options).all(b)
}

func (r rules) all(b []byte) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		for rest := b; len(rest) > 0; {
			if r.filler && isFiller(rest) {
				if err := onlyFiller(rest); err != nil {
					yield(Element{}, err)
				}
				return
			}
			e, next, err := r.read(rest)
			if !yield(e, err) || err != nil {
				return
			}
			rest = next
		}
	}
}

// onlyFiller returns an error if b holds anything but 00 and FF.
func onlyFiller(b []byte) error {
	for _, v := range b {
		if v != 0x00 && v != 0xFF {
			return fmt.Errorf("%w: data after filler", ErrMalformed)
		}
	}
	return nil
}

// Find returns the first element with the tag in a sequence of elements. It does not
// descend into constructed elements, and does not check what follows the element. It
// returns [ErrNotFound] if the sequence has no such element. To detect a repeated tag,
// use [All].
func Find(b []byte, tag Tag, options ...Option) (Element, error) {
	for e, err := range All(b, options...) {
		if err != nil || e.Tag == tag {
			return e, err
		}
	}
	return Element{}, fmt.Errorf("%w: %v", ErrNotFound, tag)
}

// Walk calls visit for each element of a sequence and, after a constructed element,
// for the elements in its value. The depth of the outermost elements is 0. Walk
// stops at the first error, of the encoding or of visit, and returns it. It returns
// [ErrLimit] beyond [MaxDepth], [MaxElements] or [MaxWalkBytes]. [SkipFiller] applies
// to the outermost sequence only.
func Walk(b []byte, visit func(depth int, e Element) error, options ...Option) error {
	if len(b) > MaxWalkBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(b), MaxWalkBytes)
	}
	w := walker{visit: visit}
	return w.walk(b, 0, newRules(options))
}

type walker struct {
	visit    func(depth int, e Element) error
	elements int
}

func (w *walker) walk(b []byte, depth int, r rules) error {
	if depth == MaxDepth && len(b) > 0 {
		return fmt.Errorf("%w: more than %d levels", ErrLimit, MaxDepth)
	}
	for e, err := range r.all(b) {
		if err != nil {
			return err
		}
		if w.elements++; w.elements > MaxElements {
			return fmt.Errorf("%w: more than %d", ErrLimit, MaxElements)
		}
		if err := w.visit(depth, e); err != nil {
			return err
		}
		if !e.Tag.Constructed() {
			continue
		}
		if err := w.walk(e.Value(), depth+1, rules{longLengths: r.longLengths}); err != nil {
			return err
		}
	}
	return nil
}
