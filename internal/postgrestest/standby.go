package postgrestest

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// Standby makes a server that follows s, and waits until it answers and s streams to
// it. It runs until [Server.Stop].
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
	if err := giveAway(s.dir); err != nil {
		return err
	}
	out, err := s.command("pg_basebackup", "--pgdata", s.data(), "--dbname", primary.url(), "--write-recovery-conf",
		"--wal-method", "stream", "--checkpoint", "fast", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	for range 5 { // a port may be taken between our looking and the server's
		if err = s.choosePort(); err != nil {
			break
		}
		if err = s.Launch(); err == nil {
			return primary.wait(`SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'`)
		}
	}
	return err
}

// Synchronous has each commit wait for a standby.
func (s *Server) Synchronous() error {
	if err := s.execute(`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`); err != nil {
		return err
	}
	return s.wait(`SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'`)
}

// Promote makes a standby a primary, and waits until it is one.
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

// wait asks until a query's answer is true.
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

// CancelWaits cancels what the commits that wait for a standby wait for, as an
// administrator may, and returns how many they were. Each is told as done then, with a
// warning.
func (s *Server) CancelWaits() (waiting int, err error) {
	db, err := sql.Open("pgx", s.url())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRow(`SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&waiting)
	return waiting, err
}
