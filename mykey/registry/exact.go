package registry

import (
	"database/sql"
	"errors"
	"math"
)

// errInexact reports a column that holds something else than terminals write.
var errUnexpectedType = errors.New("a column of another type or range")

// scanExactly is Scan for tables that may have been tampered with. It converts
// nothing: a number in a text, or a text in bytes, reads the same and is not found by
// a terminal's statements. It reads every column that it can, and returns errInexact if
// there was another.
func scanExactly(rows *sql.Rows, dest ...any) error {
	values, pointers := make([]any, len(dest)), make([]any, len(dest))
	for i := range values {
		pointers[i] = &values[i]
	}
	if err := rows.Scan(pointers...); err != nil {
		return err
	}
	var err error
	for i, value := range values {
		if !assign(dest[i], value) {
			err = errUnexpectedType
		}
	}
	return err
}

// assign stores a value of a type that drivers have, if it is the place's.
func assign(dest, value any) (ok bool) {
	switch value := value.(type) {
	case string:
		var p *string
		if p, ok = dest.(*string); ok {
			*p = value
		}
	case []byte:
		switch p := dest.(type) {
		case *[]byte:
			*p, ok = value, true
		case *Operation:
			ok = copy(p[:], value) == len(p) && len(value) == len(p)
		}
	case int64:
		switch p := dest.(type) {
		case *int64:
			*p, ok = value, true
		case *uint64:
			*p, ok = uint64(value), value >= 0
		case *uint32:
			*p, ok = uint32(value), value >= 0 && value <= math.MaxUint32
		}
	}
	return ok
}
