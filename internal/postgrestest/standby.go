package postgrestest

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// Standby creates a standby server of s. It blocks until the standby answers and s streams to
// it. The standby runs until [Server.Stop].
func (s *Server) Standby() (*Server, error) {
	standby := &Server{bin: s.bin, password: s.password}
	var err error
	if standby.dir, err = os.MkdirTemp("", "postgrestest"); err != nil {
		return nil, err
	}
	if err = standby.follow(s); err != nil {
		standby.Stop()
		return nil, err
	}
	return standby, nil
}

func (s *Server) follow(primary *Server) error {
	if err := chownToServer(s.dir); err != nil {
		return err
	}
	out, err := s.command("pg_basebackup", "--pgdata", s.data(), "--dbname", primary.url(), "--write-recovery-conf",
		"--wal-method", "stream", "--checkpoint", "fast", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	for range 5 { // another program may take the port before the server does
		if err = s.choosePort(); err != nil {
			break
		}
		if err = s.Launch(); err == nil {
			return primary.wait(`SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'`)
		}
	}
	return err
}

// Synchronous makes each commit wait for a standby.
func (s *Server) Synchronous() error {
	if err := s.execute(`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`); err != nil {
		return err
	}
	return s.wait(`SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'`)
}

// Promote promotes a standby to a primary and waits until it is one.
func (s *Server) Promote() error { return s.execute(`SELECT pg_promote(true, 600)`) }

func (s *Server) execute(statements ...string) error {
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// wait repeats a query until it returns true.
func (s *Server) wait(query string) error {
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		return err
	}
	defer db.Close()
	for limit := time.Now().Add(startup); ; time.Sleep(5 * time.Millisecond) {
		var reached bool
		err := db.QueryRow(query).Scan(&reached)
		if reached || err != nil {
			return err
		}
		if time.Now().After(limit) {
			return errors.New("not reached: " + query)
		}
	}
}

// CancelWaits cancels the wait of commits for a standby, as an administrator may do, and
// returns their number. PostgreSQL reports each of them as committed, with a warning.
func (s *Server) CancelWaits() (waiting int, err error) {
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRow(`SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&waiting)
	return waiting, err
}
