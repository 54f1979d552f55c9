package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki/proof"
)

const (
	// VisitTime is how long a visit may last: for that long after its first evidence,
	// [Registry.UseChallenge] accepts the same visit again.
	VisitTime = 15 * time.Minute

	challengeTime  = time.Hour // after which a challenge is deleted
	challengeBatch = 256       // number of challenges that are deleted at once
)

// StoreChallenge stores a challenge that a server made for a terminal, before the terminal gets it.
// If it succeeds, the database is writable and no other program uses this program's name, so the
// result of the visit can be stored. A terminal therefore asks for a challenge before it asks for a
// PIN. Like [Registry.Ping], it retries only conflicts. It returns [ErrTerminal] if terminal is not
// a valid name, [ErrTerminalTaken] or [ErrUnavailable].
func (r *Registry) StoreChallenge(ctx context.Context, terminal string, challenge proof.Challenge) error {
	if !terminalName.MatchString(terminal) {
		return ErrTerminal
	}
	digest, now := challengeDigest(challenge), r.now()
	err := r.retryConflicts(ctx, func() error {
		if err := r.checkClaim(ctx); err != nil {
			return err
		}
		return r.serializable(ctx, false, func(tx queryer) error {
			_, err := exec(ctx, tx, `INSERT INTO challenges (namespace, digest, terminal, made, visit, evidence, used) VALUES ($1, $2, $3, $4, $5, $5, 0)`,
				r.namespace, digest, terminal, now.Unix(), []byte{})
			return err
		})
	})
	if err == nil {
		r.deleteChallenges(ctx, now)
	}
	return err
}

// UseChallenge records which evidence answered a challenge. The parameter evidence is the SHA-256
// of the evidence's JSON. The first evidence begins a visit, whose random ID the terminal has
// chosen. The same visit with the same evidence is accepted again during [VisitTime], so that each
// request of a visit can be verified, even by another server.
//
// It returns an error that matches [proof.ErrUsed] for any other visit or evidence, after
// VisitTime, and if the challenge was not stored for this terminal; [proof.ErrAge] if the challenge
// was not answered and is older than [proof.DefaultMaxAge]; or [ErrUnavailable].
func (r *Registry) UseChallenge(ctx context.Context, terminal string, challenge proof.Challenge, visit [16]byte, evidence [32]byte) error {
	return r.retry(ctx, func(ctx context.Context) error {
		unused, err := r.checkChallenge(ctx, terminal, challenge, visit, evidence)
		if err != nil || !unused {
			return err
		}
		return r.answerChallenge(ctx, terminal, challengeDigest(challenge), visit, evidence, r.now())
	})
}

// CheckChallenge returns the error that [Registry.UseChallenge] would return now, and records
// nothing. A server calls it before costly checks, so that replayed evidence is rejected cheaply.
// Only UseChallenge makes sure that a challenge is answered once.
func (r *Registry) CheckChallenge(ctx context.Context, terminal string, challenge proof.Challenge, visit [16]byte, evidence [32]byte) error {
	return r.retry(ctx, func(ctx context.Context) error {
		_, err := r.checkChallenge(ctx, terminal, challenge, visit, evidence)
		return err
	})
}

// checkChallenge reports whether the challenge was not answered yet, if the evidence may answer
// it. It needs no transaction: what a server with a standby confirms later is in its log after
// the answer.
func (r *Registry) checkChallenge(ctx context.Context, terminal string, challenge proof.Challenge, visit [16]byte, evidence [32]byte) (unused bool, err error) {
	var owner string
	var knownVisit, knownEvidence []byte
	var made, used int64
	found, err := queryRow(ctx, r.storage.db, []any{&owner, &made, &knownVisit, &knownEvidence, &used},
		`SELECT terminal, made, visit, evidence, used FROM challenges WHERE namespace = $1 AND digest = $2`, r.namespace, challengeDigest(challenge))
	now := r.now()
	switch {
	case err != nil:
		return false, err
	case !found || owner != terminal:
		return false, fmt.Errorf("%w: it was not made for this terminal", proof.ErrUsed)
	case used == 0 && now.Sub(time.Unix(made, 0)) > proof.DefaultMaxAge:
		return false, proof.ErrAge
	case used == 0:
		return true, nil
	case !bytes.Equal(knownVisit, visit[:]) || !bytes.Equal(knownEvidence, evidence[:]):
		return false, fmt.Errorf("%w: in another visit", proof.ErrUsed)
	case now.Sub(time.Unix(used, 0)) > VisitTime:
		return false, fmt.Errorf("%w: the visit began more than %s ago", proof.ErrUsed, VisitTime)
	}
	return false, nil
}

// answerChallenge records the first answer to a challenge. If another request was faster, the
// error leads to a retry, which compares the answers.
func (r *Registry) answerChallenge(ctx context.Context, terminal string, digest []byte, visit [16]byte, evidence [32]byte, now time.Time) error {
	return r.serializable(ctx, false, func(tx queryer) error {
		n, err := exec(ctx, tx, `UPDATE challenges SET visit = $4, evidence = $5, used = $6
			WHERE namespace = $1 AND digest = $2 AND terminal = $3 AND used = 0`, r.namespace, digest, terminal, visit[:], evidence[:], now.Unix())
		if err == nil && n != 1 {
			err = &storageError{cause: errors.New("another request answered the challenge"), retryable: true}
		}
		return err
	})
}

// challengeDigest identifies a challenge. It covers the audience, the purpose and the time
// too, because the terminal returns them.
func challengeDigest(c proof.Challenge) []byte {
	sum := sha256.Sum256(c.Message())
	return sum[:]
}

// checkClaim returns [ErrTerminalTaken] if another program has taken this program's name. It
// reads outside of transactions, since every change writes this row.
func (r *Registry) checkClaim(ctx context.Context) error {
	var one int
	found, err := queryRow(ctx, r.storage.db, []any{&one}, `SELECT 1 FROM terminals WHERE namespace = $1 AND terminal = $2 AND session = $3`,
		r.namespace, r.terminal.name, r.session[:])
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrTerminalTaken, r.terminal.name)
	}
	return err
}

// deleteChallenges deletes old challenges, at most once per second and a limited number, so
// that no request waits long. An error does not matter: the next call deletes them.
func (r *Registry) deleteChallenges(ctx context.Context, now time.Time) {
	if last := r.shared.cleaned.Load(); last == now.Unix() || !r.shared.cleaned.CompareAndSwap(last, now.Unix()) {
		return
	}
	_, _ = exec(ctx, r.storage.db, `DELETE FROM challenges WHERE namespace = $1 AND digest IN
		(SELECT digest FROM challenges WHERE namespace = $1 AND made < $2 ORDER BY made LIMIT $3)`,
		r.namespace, now.Add(-challengeTime).Unix(), challengeBatch)
}
