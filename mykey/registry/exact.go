package registry

import (
	"database/sql"
	"errors"
	"math"
)

// errUnexpectedType reports a column with a value that no terminal writes.
var errUnexpectedType = errors.New("a column has an unexpected type or range")

// scanExactly is like rows.Scan for tables that may have been tampered with. It does not
// convert values: a number stored as text would scan as the same number, but the
// terminals' statements do not find it. It scans all columns of the expected type, and
// returns errUnexpectedType if there are others.
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

// assign stores a driver's value in dest, if the types match.
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
