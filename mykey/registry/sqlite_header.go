package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
)

// databaseFile is an open database file, for reading its header. All registries of this
// process share it: under POSIX, closing a file releases all locks of the process on it,
// including SQLite's.
type databaseFile struct {
	file  *os.File
	info  fs.FileInfo
	users int
}

var databaseFiles struct {
	sync.Mutex
	list []*databaseFile
}

// createEmpty creates an empty database file with the owner of its folder, unless it
// exists.
func createEmpty(database string) error {
	file, err := os.OpenFile(database, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(giveToOwner(file, filepath.Dir(database)), file.Close())
}

// openDatabaseFile opens a file that SQLite has open, or returns the shared one.
func openDatabaseFile(path string) (*databaseFile, error) {
	databaseFiles.Lock()
	defer databaseFiles.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	for _, d := range databaseFiles.list {
		if os.SameFile(d.info, info) {
			d.users++
			return d, nil
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d := &databaseFile{file: file, users: 1}
	if d.info, err = file.Stat(); err != nil {
		_ = file.Close() // report the first error
		return nil, err
	}
	databaseFiles.list = append(databaseFiles.list, d)
	return d, nil
}

// close closes the file if no registry uses it any longer. Close the connections first.
func (d *databaseFile) close() error {
	databaseFiles.Lock()
	defer databaseFiles.Unlock()
	if d.users--; d.users > 0 {
		return nil
	}
	for i, other := range databaseFiles.list {
		if other == d {
			databaseFiles.list = append(databaseFiles.list[:i], databaseFiles.list[i+1:]...)
			break
		}
	}
	return d.file.Close()
}

// header is the header of a database file, see
// https://www.sqlite.org/fileformat2.html.
type header [100]byte

func (d *databaseFile) header() (h header, err error) {
	_, err = d.file.ReadAt(h[:], 0)
	return h, err
}

func (h header) number(offset int) uint32 { return binary.BigEndian.Uint32(h[offset:]) }

// follows reports whether SQLite can have changed an earlier header to this one. If not,
// another database was copied over the file. SQLite keeps the registry's mark, never
// decreases the schema version, and shrinks the file only with a new schema version
// (VACUUM).
func (h header) follows(earlier header) bool {
	const pages, schema, mark = 28, 40, 60
	switch {
	case !bytes.Equal(h[:18], earlier[:18]): // the file format and the page size
		return false
	case earlier.number(mark) != 0 && h.number(mark) != earlier.number(mark):
		return false
	case h.number(schema) == earlier.number(schema):
		return h.number(pages) >= earlier.number(pages)
	}
	return h.number(schema) > earlier.number(schema)
}

// markDatabase writes a random mark to a database that has none, or replaces it. A backup
// has a different mark than its database, so that a backup that is copied over the open
// database is detected. The mark is stored in "user_version", which SQLite leaves to
// programs.
func markDatabase(ctx context.Context, conn driver.Conn, replace bool) (err error) {
	execute := func(ctx context.Context, query string) error {
		_, err := conn.(driver.ExecerContext).ExecContext(ctx, query, nil)
		return err
	}
	mark, err := queryNumber(ctx, conn, `PRAGMA user_version`)
	if err != nil || mark != 0 && !replace {
		return err
	}
	if err := execute(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, execute(context.WithoutCancel(ctx), `ROLLBACK`))
		}
	}()
	// Another program may have marked it first.
	if mark, err = queryNumber(ctx, conn, `PRAGMA user_version`); err != nil {
		return err
	}
	if mark == 0 || replace {
		var random [4]byte
		_, _ = rand.Read(random[:]) // it never returns an error
		if err = execute(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, 1+binary.BigEndian.Uint32(random[:])>>1)); err != nil {
			return err
		}
	}
	return execute(ctx, `COMMIT`)
}

// replaceMark replaces the mark of a copy of a database that no program has open.
func replaceMark(ctx context.Context, path string) error {
	connector, err := sqliteConnector(path, url.Values{"mode": {"rw"}, "_pragma": {"trusted_schema(off)", "journal_mode(memory)"}})
	if err != nil {
		return err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(markDatabase(ctx, conn, true), conn.Close())
}

// queryNumber runs a query that returns one number.
func queryNumber(ctx context.Context, conn driver.Conn, query string) (int64, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	if err = errors.Join(err, rows.Close()); err != nil {
		return 0, err
	}
	number, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%T is not a number", row[0])
	}
	return number, nil
}
