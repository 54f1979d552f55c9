// Package docs tests that the documentation matches the code: the sessions, code and
// tables in the READMEs, the links, the tests that docs/security.md names, and the list of
// tests in docs/faults.md, which `go test ./internal/docs -update` rewrites.
package docs
