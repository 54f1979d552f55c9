package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// connectTimeout is the default for a URL without connect_timeout. The system's default
// is several minutes.
const connectTimeout = 5 * time.Second

// openPostgres opens a pool of connections to a server with PostgreSQL's protocol. It
// does not connect yet.
func openPostgres(url string, mode mode) (*storage, error) {
	if err := checkReferencedFiles(url); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	config, err := parsePostgres(url)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "mykeykit"
	}
	if mode == modeReadOnly { // not a RuntimeParam: target_session_attrs=read-write would reject the server
		config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
			return conn.Exec(ctx, "SET default_transaction_read_only = on").Close()
		}
	}
	config.OnNotice = keepWarning
	db := stdlib.OpenDB(*config)
	limitConnections(db, 1)
	// This is goose's only dialect whose table has no sequence.
	return &storage{db: db, dialect: goose.DialectAuroraDSQL, classify: classifyPostgres, warning: takeWarning, hasTable: postgresHasTable}, nil
}

const postgresHasTable = `SELECT to_regclass($1) IS NOT NULL`

// warningKey is the key of a connection's last warning in its CustomData.
const warningKey = "mykeykit.warning"

// keepWarning stores a warning with its connection. The server reports a commit that no
// standby has confirmed as a success with a warning: "canceling wait for synchronous
// replication". The warning has no code of its own, and its text is in the server's
// language.
func keepWarning(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warningKey] = (*pgconn.PgError)(notice)
	}
}

// takeWarning returns and deletes a connection's last warning.
func takeWarning(driverConn any) error {
	conn, ok := driverConn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("unexpected connection type %T", driverConn)
	}
	kept := conn.Conn().PgConn().CustomData()
	warning, ok := kept[warningKey].(*pgconn.PgError)
	if !ok {
		return nil
	}
	delete(kept, warningKey)
	return fmt.Errorf("commit is not known to be durable: %w", warning)
}

// classifyPostgres classifies errors by SQLSTATE, which other engines with the same
// protocol support too. An error without SQLSTATE comes from the connection.
func classifyPostgres(err error) errorClass {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return unreachable
	}
	switch failed.Code {
	case "40001", // serialization_failure
		"40P01", // deadlock_detected
		"40003", // statement_completion_unknown
		"23505": // unique_violation: another transaction inserted the row first
		return conflict
	case "57P01", "57P02", "57P03", // shutting down, crashed, starting
		"53300": // too_many_connections
		return unreachable
	}
	if strings.HasPrefix(failed.Code, "08") { // connection_exception
		return unreachable
	}
	return permanent
}
