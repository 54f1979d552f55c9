package registry

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// connectTimeout holds for a URL without a connect_timeout; the system's is
// minutes.
const connectTimeout = 5 * time.Second

// openPostgres opens a pool of connections to a server that speaks
// PostgreSQL's protocol. Nothing is sent yet.
func openPostgres(url string) (*storage, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err) // pgx leaves the password out
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "mykeykit"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	// Of goose's tables only this one has no sequence.
	return &storage{db: db, dialect: goose.DialectAuroraDSQL, judge: judgePostgres}, nil
}

// judgePostgres goes by SQLSTATE, which other engines that speak the protocol
// promise too. An error without one came from the connection.
func judgePostgres(err error) verdict {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return lost
	}
	switch failed.Code {
	case "40001", // serialization_failure
		"40P01", // deadlock_detected
		"40003", // statement_completion_unknown
		"23505": // unique_violation: a row that was not there when we looked
		return conflict
	case "57P01", "57P02", "57P03", // shutting down, crashed, starting
		"53300": // too_many_connections
		return lost
	}
	if strings.HasPrefix(failed.Code, "08") { // connection_exception
		return lost
	}
	return final
}
