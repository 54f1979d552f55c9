// Package setuptest tests scripts/setup and scripts/cgo on a simulated machine: every program
// that they use is a link or a fake in a test folder, and /etc and /usr/sbin are test folders
// in a mount namespace.
package setuptest
