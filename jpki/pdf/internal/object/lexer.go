package object

import (
	"encoding/hex"
	"io"
	"strconv"
	"strings"
)

// Bounds on what a file can ask for.
const (
	maxDepth  = 64
	maxTokens = 1 << 20  // of one object
	maxString = 16 << 20 // bytes of one string
	maxName   = 127      // bytes, ISO 32000-1 annex C
)

const blockSize = 4096

// lexer reads objects from a position on.
type lexer struct {
	r      io.ReaderAt
	size   int64
	pos    int64
	block  []byte
	start  int64 // of the block
	tokens int
	err    error // of r
}

// peek returns the byte at the position and n further, or 0 and false at the end.
func (l *lexer) peek(n int64) (byte, bool) {
	at := l.pos + n
	if at < 0 || at >= l.size || l.err != nil {
		return 0, false
	}
	if at < l.start || at >= l.start+int64(len(l.block)) {
		start := at - at%blockSize
		block := make([]byte, min(blockSize, l.size-start))
		if got, err := l.r.ReadAt(block, start); got < len(block) {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			l.err = err
			return 0, false
		}
		l.block, l.start = block, start
	}
	return l.block[at-l.start], true
}

func isSpace(c byte) bool {
	return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' '
}

func isRegular(c byte) bool { return !isSpace(c) && !strings.ContainsRune("()<>[]{}/%", rune(c)) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// space skips white space and comments.
func (l *lexer) space() {
	for {
		c, ok := l.peek(0)
		switch {
		case ok && isSpace(c):
			l.pos++
		case ok && c == '%':
			for ok && c != '\n' && c != '\r' {
				l.pos++
				c, ok = l.peek(0)
			}
		default:
			return
		}
	}
}

// word reads regular characters, at most those of a name whose bytes are all escaped.
func (l *lexer) word() string {
	var b []byte
	for len(b) <= 3*maxName {
		c, ok := l.peek(0)
		if !ok || !isRegular(c) {
			break
		}
		b = append(b, c)
		l.pos++
	}
	return string(b)
}

// keyword reads a keyword after white space.
func (l *lexer) keyword(want string) error {
	l.space()
	at := l.pos
	if got := l.word(); got != want {
		return l.fail(at, "no "+want)
	}
	return nil
}

func (l *lexer) fail(at int64, what string) error {
	if l.err != nil {
		return l.err
	}
	return malformed("%s at byte %d", what, at)
}

// integer reads a whole number after white space.
func (l *lexer) integer() (int64, error) {
	l.space()
	at := l.pos
	n, err := strconv.ParseInt(l.word(), 10, 64)
	if err != nil {
		return 0, l.fail(at, "no number")
	}
	return n, nil
}

// object reads an object. References are read as such.
func (l *lexer) object(depth int) (any, error) {
	l.space()
	at := l.pos
	if l.tokens++; depth > maxDepth || l.tokens > maxTokens {
		return nil, l.fail(at, "object too large")
	}
	c, ok := l.peek(0)
	next, _ := l.peek(1)
	switch {
	case !ok:
		return nil, l.fail(at, "end of the file inside an object")
	case c == '/':
		return l.name()
	case c == '(':
		return l.literal()
	case c == '<' && next == '<':
		l.pos += 2
		return l.dict(depth)
	case c == '<':
		return l.hex()
	case c == '[':
		l.pos++
		return l.array(depth)
	case isDigit(c) || c == '+' || c == '-' || c == '.':
		return l.number()
	}
	switch l.word() {
	case "null":
		return nil, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return nil, l.fail(at, "no object")
}

// number reads a number or a reference.
func (l *lexer) number() (any, error) {
	at := l.pos
	word := l.word()
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		if _, err := strconv.ParseFloat(word, 64); err != nil || strings.ContainsAny(word, "eExXnNiIpP_") {
			return nil, l.fail(at, "no number")
		}
		return Real(word), nil
	}
	// A reference is two whole numbers and R.
	after := l.pos
	if n > 0 && n <= maxObjects && isDigit(word[0]) {
		l.space()
		if c, ok := l.peek(0); ok && isDigit(c) {
			generation, err := strconv.Atoi(l.word())
			l.space()
			if r, _ := l.peek(0); err == nil && generation <= 65535 && r == 'R' {
				if follows, ok := l.peek(1); !ok || !isRegular(follows) {
					l.pos++
					return Ref{int(n), generation}, nil
				}
			}
		}
	}
	l.pos = after
	return n, nil
}

func (l *lexer) name() (Name, error) {
	at := l.pos
	l.pos++
	word := l.word()
	var b []byte
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c == '#' {
			n, err := strconv.ParseUint(word[min(i+1, len(word)):min(i+3, len(word))], 16, 8)
			if err != nil || n == 0 || i+3 > len(word) {
				return "", l.fail(at, "malformed name")
			}
			c, i = byte(n), i+2
		}
		b = append(b, c)
	}
	if len(b) > maxName {
		return "", l.fail(at, "name too long")
	}
	return Name(b), nil
}

func (l *lexer) array(depth int) (Array, error) {
	array := Array{}
	for {
		l.space()
		if c, ok := l.peek(0); ok && c == ']' {
			l.pos++
			return array, nil
		}
		element, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
}

// dict reads a dictionary. A key that is there twice is an error: readers differ in which one counts.
func (l *lexer) dict(depth int) (Dict, error) {
	dict := Dict{}
	for {
		l.space()
		at := l.pos
		c, ok := l.peek(0)
		if next, _ := l.peek(1); ok && c == '>' && next == '>' {
			l.pos += 2
			return dict, nil
		}
		if c != '/' {
			return nil, l.fail(at, "no key in a dictionary")
		}
		key, err := l.name()
		if err != nil {
			return nil, err
		}
		value, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		if _, twice := dict[key]; twice {
			return nil, l.fail(at, "key twice in a dictionary")
		}
		dict[key] = value
	}
}

func (l *lexer) hex() (String, error) {
	s := String{Hex: true, Start: l.pos}
	l.pos++
	var digits []byte
	for {
		c, ok := l.peek(0)
		switch {
		case !ok || len(digits) > 2*maxString:
			return s, l.fail(s.Start, "string without end")
		case c == '>':
			l.pos++
			s.End = l.pos
			s.Whole = len(digits)%2 == 0 && s.End-s.Start == int64(len(digits))+2
			if len(digits)%2 == 1 {
				digits = append(digits, '0')
			}
			s.Bytes = make([]byte, len(digits)/2)
			_, err := hex.Decode(s.Bytes, digits)
			return s, err // nil: digits alone were collected
		case isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			digits = append(digits, c)
		case !isSpace(c):
			return s, l.fail(l.pos, "malformed string")
		}
		l.pos++
	}
}

// literal reads a string in parentheses (ISO 32000-2 §7.3.4.2).
func (l *lexer) literal() (String, error) {
	s := String{Start: l.pos, Bytes: []byte{}}
	l.pos++
	for depth := 1; ; {
		c, ok := l.peek(0)
		if !ok || len(s.Bytes) > maxString {
			return s, l.fail(s.Start, "string without end")
		}
		l.pos++
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				s.End = l.pos
				return s, nil
			}
		case '\\':
			if c, ok = l.escaped(); !ok {
				continue
			}
		}
		s.Bytes = append(s.Bytes, c)
	}
}

// escaped reads what follows a backslash. It returns false for a line that goes on.
func (l *lexer) escaped() (byte, bool) {
	c, _ := l.peek(0)
	if c >= '0' && c <= '7' {
		n := 0
		for i := 0; i < 3 && c >= '0' && c <= '7'; i++ {
			n = n<<3 | int(c-'0')
			l.pos++
			c, _ = l.peek(0)
		}
		return byte(n), true
	}
	l.pos++
	switch c {
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case '\n':
		return 0, false
	case '\r':
		if c, _ = l.peek(0); c == '\n' {
			l.pos++
		}
		return 0, false
	}
	return c, true
}
