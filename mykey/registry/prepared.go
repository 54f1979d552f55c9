package registry

import (
	"context"
	"database/sql"
	"sync"
)

// statements caches prepared statements for transactions. Without it SQLite spends a
// third of a reservation's time on parsing. pgx has a cache of its own.
type statements struct {
	db *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, prepared: map[string]*sql.Stmt{}}
}

func (s *statements) get(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prepared[query]
}

// prepare prepares statements. It stops at an error: such queries run unprepared.
func (s *statements) prepare(ctx context.Context, queries []string) {
	for _, query := range queries {
		if s.get(query) != nil {
			continue
		}
		statement, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.prepared[query] == nil {
			s.prepared[query], statement = statement, nil
		}
		s.mu.Unlock()
		if statement != nil { // another transaction has prepared it first
			_ = statement.Close() // it was never run
		}
	}
}

// preparedTx is a transaction that uses prepared statements. Preparing a statement would
// take a second connection, so a query that is not prepared yet runs as text and is
// added to uncached.
type preparedTx struct {
	*sql.Tx
	statements *statements
	uncached   *[]string
}

func (p preparedTx) statement(ctx context.Context, query string) *sql.Stmt {
	statement := p.statements.get(query)
	if statement == nil {
		*p.uncached = append(*p.uncached, query)
		return nil
	}
	return p.StmtContext(ctx, statement)
}

func (p preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s := p.statement(ctx, query); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return p.Tx.ExecContext(ctx, query, args...)
}

func (p preparedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.Tx.QueryContext(ctx, query, args...)
}

func (p preparedTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return p.Tx.QueryRowContext(ctx, query, args...)
}
