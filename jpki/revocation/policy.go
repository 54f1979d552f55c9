package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// The defaults of a [Policy].
const (
	DefaultMaxAge  = time.Hour
	DefaultTimeout = 10 * time.Second
	// maxSkew is by how much the source's clock may be ahead.
	maxSkew = time.Minute
	// reuseRevoked is for how long it is not asked again about a revoked certificate.
	reuseRevoked = 24 * time.Hour
	maxAnswers   = 4096
	// maxQueries bounds queries at the same time, also those of a checker that does not stop.
	maxQueries = 1024
	maxText    = 255
)

// Policy requires a checker to report that certificates are good. It is safe for concurrent
// use if its fields are not changed. Do not copy a Policy after its first use. Verifiers
// may share a Policy.
type Policy struct {
	Checker Checker
	// MaxAge is how old the source's information may be. 0 is [DefaultMaxAge], which suits
	// J-LIS's OCSP responder; a CRL that is issued once a day needs more than a day.
	MaxAge time.Duration
	// Timeout is how long to wait for an answer; 0 is [DefaultTimeout]. The context of a call
	// can end the wait earlier.
	Timeout time.Duration

	mu      sync.Mutex
	answers map[key]kept
	queries map[key]*query
	running int // goroutines that call the checker
}

// key identifies a certificate and its issuer.
type key [sha256.Size]byte

// kept is a definite answer.
type kept struct {
	Answer
	learned time.Time
}

// query is a call of the checker, for which any number of callers wait.
type query struct {
	ctx     context.Context // of the call; it ends with the timeout or the last waiting caller
	cancel  context.CancelFunc
	waiting int
	done    chan struct{} // closed after answer and err were set
	answer  Answer
	err     error
}

// Check returns the answer to a question if the answer is [Good]. Otherwise it returns
// [ErrUnknown], with the cause, or a [*RevokedError]. now is the clock.
func (p *Policy) Check(ctx context.Context, q Question, now func() time.Time) (Answer, error) {
	answer, err := p.find(ctx, q, now)
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	case answer.Status == Revoked:
		return Answer{}, &RevokedError{answer.RevokedAt, answer.Reason}
	}
	return answer, nil
}

// find returns a definite answer.
func (p *Policy) find(ctx context.Context, q Question, now func() time.Time) (Answer, error) {
	switch {
	case p.Checker == nil:
		return Answer{}, errors.New("the policy has no checker")
	case q.Certificate == nil || q.CACertificate == nil:
		return Answer{}, errors.New("the issuing CA is not known")
	case now().After(q.Certificate.NotAfter): // a CRL does not keep expired certificates
		return Answer{}, errors.New("the certificate has expired")
	}
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	k := keyOf(q)
	p.mu.Lock()
	if a, ok := p.answers[k]; ok && p.usable(a, now()) {
		p.mu.Unlock()
		return a.Answer, nil
	}
	run, err := p.join(ctx, k, q, now)
	p.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	defer p.leave(k, run)
	select {
	case <-run.done:
	case <-run.ctx.Done():
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	select {
	case <-run.done:
		return run.answer, run.err
	default:
		return Answer{}, fmt.Errorf("no answer in time: %w", run.ctx.Err())
	}
}

func keyOf(q Question) key {
	certificate, ca := sha256.Sum256(q.Certificate.Raw), sha256.Sum256(q.CACertificate.Raw)
	return sha256.Sum256(append(certificate[:], ca[:]...))
}

// join returns the query about a certificate, and starts it if there is none. It is called
// with the lock held.
func (p *Policy) join(ctx context.Context, k key, q Question, now func() time.Time) (*query, error) {
	if run := p.queries[k]; run != nil && run.ctx.Err() == nil {
		run.waiting++
		return run, nil
	}
	if p.running >= maxQueries {
		return nil, errors.New("too many queries are waiting for answers")
	}
	timeout := p.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	run := &query{waiting: 1, done: make(chan struct{})}
	// Other callers may wait for the answer longer than this one.
	run.ctx, run.cancel = context.WithTimeout(context.WithoutCancel(ctx), timeout)
	if p.queries == nil {
		p.queries, p.answers = map[key]*query{}, map[key]kept{}
	}
	p.queries[k] = run
	p.running++
	go p.ask(run, k, q, now)
	return run, nil
}

// leave ends the query when nobody waits for its answer any more.
func (p *Policy) leave(k key, run *query) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if run.waiting--; run.waiting == 0 {
		run.cancel()
		p.forget(k, run)
	}
}

// forget makes the next question start a new query.
func (p *Policy) forget(k key, run *query) {
	if p.queries[k] == run {
		delete(p.queries, k)
	}
}

// ask calls the checker, also if it panics or ends the goroutine, and keeps a definite answer.
func (p *Policy) ask(run *query, k key, q Question, now func() time.Time) {
	answer, err := Answer{}, errors.New("the checker did not return")
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("the checker panicked: %w", cause)
		default: // may contain what was asked
			err = fmt.Errorf("the checker panicked with %T", cause)
		}
		at := now()
		if err == nil {
			err = p.check(q, answer, at)
		}
		answer.Digest = nil
		p.mu.Lock()
		defer p.mu.Unlock()
		if err == nil {
			answer = p.keep(k, kept{answer, at}, at)
		}
		p.running--
		p.forget(k, run)
		run.answer, run.err = answer, err
		close(run.done)
	}()
	answer, err = p.Checker.Check(run.ctx, q)
}

// isName reports whether a method or a reason has 1 to 32 small letters, digits and hyphens.
func isName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// check returns an error unless an answer is definite and can be accepted.
func (p *Policy) check(q Question, a Answer, now time.Time) error {
	platform, identifier := a.Subject.Reveal()
	switch {
	case a.Status != Good && a.Status != Revoked:
		return errors.New("the source does not know")
	case len(q.Digest) == 0 || subtle.ConstantTimeCompare(a.Digest, q.Digest) != 1:
		return errors.New("the answer is for another question")
	case !isName(string(a.Method)):
		return errors.New("the answer has no valid method")
	case a.Reason != "" && !isName(string(a.Reason)):
		return errors.New("the answer has an invalid reason")
	case !isText(a.Reference) || !isText(platform) || !isText(identifier):
		return errors.New("the answer has an invalid text")
	case a.Status == Revoked:
		return nil
	case !a.RevokedAt.IsZero() || a.Reason != "":
		return errors.New("the answer contradicts itself")
	}
	return p.checkAge(a, now)
}

func isText(s string) bool {
	if len(s) > maxText || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// checkAge checks the age of the information that a certificate is good.
func (p *Policy) checkAge(a Answer, now time.Time) error {
	maxAge := p.MaxAge
	if maxAge == 0 {
		maxAge = DefaultMaxAge
	}
	switch {
	case a.AsOf.IsZero():
		return errors.New("the age of the source's information is not known")
	case now.Sub(a.AsOf) > maxAge:
		return errors.New("the source's information is too old")
	case a.AsOf.Sub(now) > maxSkew:
		return errors.New("the source's information is from the future")
	}
	return nil
}

// usable reports whether a kept answer can be used at a time.
func (p *Policy) usable(a kept, now time.Time) bool {
	if a.Status == Revoked {
		return now.Sub(a.learned) <= reuseRevoked
	}
	return p.checkAge(a.Answer, now) == nil
}

// keep keeps an answer and returns it, or a usable one that says more: Revoked is final, and
// an answer may come after that to a later question. If there are too many answers, keep
// drops those that can't be used, or else the one with the oldest information. It is called
// with the lock held.
func (p *Policy) keep(k key, a kept, now time.Time) Answer {
	for other, old := range p.answers {
		if !p.usable(old, now) {
			delete(p.answers, other)
		}
	}
	old, found := p.answers[k]
	switch {
	case found && old.Status == Revoked && a.Status == Good:
		return old.Answer
	case !found && len(p.answers) >= maxAnswers:
		oldest := k
		for other, old := range p.answers {
			if oldest == k || old.AsOf.Before(p.answers[oldest].AsOf) {
				oldest = other
			}
		}
		delete(p.answers, oldest)
	}
	p.answers[k] = a
	return a.Answer
}
