package registry

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const versionTable = "mykeykit_registry_versions"

// migrate creates or migrates the tables. With checkOnly it only returns [ErrSchema] if
// they have another version. Several programs can migrate at the same time: there is no
// lock, so all but one of them fail with various errors, and retry.
func (r *Registry) migrate(ctx context.Context, checkOnly bool) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(r.storage.dialect, r.storage.db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return r.retryLong(ctx, func(ctx context.Context) error {
		if err := r.storage.db.PingContext(ctx); err != nil {
			return wrapStorageError(err) // not caused by another program's migration
		}
		sources := provider.ListSources()
		first, target := sources[0].Version, sources[len(sources)-1].Version
		current, err := r.storage.version(ctx)
		if err != nil {
			return err
		}
		if !checkOnly && (current == 0 || current >= first) { // otherwise a development version made the tables
			if _, err := provider.Up(ctx); err != nil {
				return &storageError{cause: err, retryable: true}
			}
			if current, err = r.storage.version(ctx); err != nil {
				return err
			}
		}
		if current != target {
			return fmt.Errorf("%w: the database has version %d, the program needs %d", ErrSchema, current, target)
		}
		return nil
	})
}

// version returns the version of the database's tables, 0 if there are none.
func (s *storage) version(ctx context.Context) (current int64, err error) {
	var known bool
	if _, err := queryRow(ctx, s.db, []any{&known}, s.hasTable, versionTable); err != nil || !known {
		return 0, err
	}
	_, err = queryRow(ctx, s.db, []any{&current}, `SELECT coalesce(max(version_id), 0) FROM `+versionTable)
	return current, err
}
