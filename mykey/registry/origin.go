package registry

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
)

// ErrNotClerk reports that a renewal in a clerk's name was not requested by that clerk.
var ErrNotClerk = errors.New("the request does not come from the clerk")

// Role says what an enrolled terminal or clerk may do.
type Role string

// The roles of enrolled names.
const (
	// RoleTerminal is a terminal that residents use.
	RoleTerminal Role = "terminal"
	// RoleClerk is a clerk, who may confirm a renewal ([ByClerk], [MergeByClerk]).
	RoleClerk Role = "clerk"
)

// Origin is the request of a terminal or a clerk over the network. Its signature stays in the
// audit log, so that a server can't attribute a change to a terminal that did not request one.
type Origin struct {
	Terminal  string            // the enrolled name
	Role      Role              // what the terminal or clerk may do
	Key       ed25519.PublicKey // of the name
	Body      [32]byte          // SHA-256 of the request's body
	Signature []byte            // see [Terminal.SignRequest]
}

// requestDomain begins what a terminal signs, and no message of another protocol.
const requestDomain = "mykeykit request v1\x00"

func requestMessage(namespace string, operation Operation, kind string, body []byte) []byte {
	return appendParts([]byte(requestDomain), []byte(namespace), operation[:], []byte(kind), body)
}

// SignRequest signs a request for a change. It returns the Ed25519 signature of "mykeykit
// request v1" and a zero byte, then the namespace, the operation, the kind, and the SHA-256
// of the request's body, each after its length as 4 bytes, big-endian. It returns nil for the
// zero Terminal.
//
// kind is "reserve", "withdraw", "new-recovery-code" or "apply" for [Registry.Reserve],
// [Registry.Withdraw], [Registry.ReplaceRecoveryCode] or [Registry.Confirm], and
// "renew-old-card", "renew-recovery-code", "renew-clerk" or "merge-clerk" for
// [Registry.Renew], depending on the [RenewalProof].
func (t Terminal) SignRequest(namespace string, operation Operation, kind string, body [32]byte) []byte {
	key := t.key.Reveal()
	if key == nil {
		return nil
	}
	return ed25519.Sign(key, requestMessage(namespace, operation, kind, body[:]))
}

// From returns a view of the registry for a request. For each change that is made through the view,
// the origin must have signed the namespace, the operation and the kind of the change. Otherwise
// the change returns [ErrTerminal] and does nothing. The signature is stored in the change's
// record. A change returns [ErrOperation] if its operation was used by another origin, or by a
// change that has no origin.
//
// For [ByClerk] and [MergeByClerk], the origin's role must be [RoleClerk], and the clerk must be
// empty or the origin's name. Otherwise [Registry.Renew] returns [ErrNotClerk]. The record then has
// the origin's name as the clerk.
//
// The view shares the registry's connections and chains. Close only the registry.
func (r *Registry) From(o Origin) *Registry {
	view := *r
	o.Signature = bytes.Clone(o.Signature)
	view.origin = &o
	return &view
}

// checkOrigin returns [ErrTerminal] unless a change was signed by the view's origin.
func (r *Registry) checkOrigin(c change) error {
	switch o := r.origin; {
	case o == nil:
		return nil
	case !terminalName.MatchString(o.Terminal) || len(o.Key) != ed25519.PublicKeySize:
		return ErrTerminal
	case !ed25519.Verify(o.Key, requestMessage(r.namespace, c.operation, string(c.kind), o.Body[:]), o.Signature):
		return fmt.Errorf("%w: %s did not sign this request", ErrTerminal, o.Terminal)
	}
	return nil
}

// originName returns the terminal that requests a change, "" if it is made at this program.
func (r *Registry) originName() string {
	if r.origin == nil {
		return ""
	}
	return r.origin.Terminal
}

// addOrigin adds the request of the view's origin to a record.
func (r *Registry) addOrigin(c *record) {
	if o := r.origin; o != nil {
		c.terminal, c.body, c.requested = o.Terminal, o.Body[:], o.Signature
	}
}

// authenticateClerk takes the clerk of a proof from the view's origin.
func (r *Registry) authenticateClerk(by RenewalProof) (RenewalProof, error) {
	if o := r.origin; o != nil && (by.kind == kindClerk || by.kind == kindMerge) {
		if !terminalName.MatchString(o.Terminal) {
			return RenewalProof{}, ErrTerminal
		}
		if o.Role != RoleClerk || by.clerk != "" && by.clerk != o.Terminal {
			return RenewalProof{}, ErrNotClerk
		}
		by.clerk = o.Terminal
	}
	return by, nil
}

// checkRequest returns a reason why a record's request is not that of the terminal it names.
// keys must contain the terminal's key.
func (c record) checkRequest(keys map[string]ed25519.PublicKey) (reason string) {
	if c.terminal == "" {
		if len(c.body) > 0 || len(c.requested) > 0 {
			return "its request names no terminal"
		}
		return ""
	}
	requested := c.kind
	if slices.Contains(foundByReserve, c.kind) {
		requested = kindReserve
	}
	key := keys[c.terminal]
	switch {
	case key == nil:
		return "no key was given for the terminal that requested it"
	case !ed25519.Verify(key, requestMessage(c.namespace, c.operation, string(requested), c.body), c.requested):
		return "the terminal that it names did not request it"
	case c.clerk != "" && c.clerk != c.terminal:
		return "the clerk whom it names did not request it"
	}
	return ""
}
