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

// connectTimeout holds for a URL without a connect_timeout; the system's is
// minutes.
const connectTimeout = 5 * time.Second

// openPostgres opens a pool of connections to a server that speaks
// PostgreSQL's protocol. Nothing is sent yet.
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
	if mode == modeReadOnly { // once a server was chosen: the URL may ask for one that can write
		config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
			return conn.Exec(ctx, "SET default_transaction_read_only = on").Close()
		}
	}
	config.OnNotice = keepWarning
	db := stdlib.OpenDB(*config)
	limitConnections(db)
	// Of goose's tables only this one has no sequence.
	return &storage{db: db, dialect: goose.DialectAuroraDSQL, classify: classifyPostgres, warning: takeWarning, hasTable: postgresHasTable}, nil
}

const postgresHasTable = `SELECT to_regclass($1) IS NOT NULL`

// warningKey is where a connection's last warning is kept.
const warningKey = "mykeykit.warning"

// keepWarning keeps a warning with its connection. A commit that no standby has
// confirmed is announced by one: "canceling wait for synchronous replication". The
// server has committed, and reports success. It sends no code that tells it from other
// warnings, and the text is in the server's language.
func keepWarning(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warningKey] = (*pgconn.PgError)(notice)
	}
}

// takeWarning returns a connection's last warning and forgets it.
func takeWarning(driverConn any) error {
	conn, ok := driverConn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("a connection of %T", driverConn)
	}
	kept := conn.Conn().PgConn().CustomData()
	warning, ok := kept[warningKey].(*pgconn.PgError)
	if !ok {
		return nil
	}
	delete(kept, warningKey)
	return fmt.Errorf("commit is not known to be durable: %w", warning)
}

// judgePostgres goes by SQLSTATE, which other engines that speak the protocol
// promise too. An error without one came from the connection.
func classifyPostgres(err error) errorClass {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return unreachable
	}
	switch failed.Code {
	case "40001", // serialization_failure
		"40P01", // deadlock_detected
		"40003", // statement_completion_unknown
		"23505": // unique_violation: a row that was not there when we looked
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
