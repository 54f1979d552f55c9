package registry

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens a file, and makes one that only its owner may read if there
// is none. Write-ahead logging lets readers and a writer be; a commit is on the
// disk when it returns, since kiosks are switched off at the plug. Transactions
// take the write lock at their start: they would conflict anyway.
func openSQLite(file string) (*storage, error) {
	if file == "" || file == ":memory:" {
		return nil, fmt.Errorf("%w: no file", ErrURL)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	// SQLite gives the files beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	path = filepath.ToSlash(path)
	if path[0] != '/' { // a drive's letter
		path = "/" + path
	}
	settings := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(100)", "journal_mode(wal)", "synchronous(full)", "trusted_schema(off)"},
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &storage{db: db, dialect: goose.DialectSQLite3, judge: judgeSQLite}, nil
}

func judgeSQLite(err error) verdict {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return final
	}
	switch failed.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return conflict
	}
	switch failed.Code() & 0xFF { // the primary code of an extended one
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return conflict
	}
	return final
}
