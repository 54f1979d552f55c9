// Package releasetest tests what make release has built: it installs the Debian packages into fresh Debian systems as
// docs/install.md describes, and uses the terminal and the server there.
//
// make release-test runs it, as root. MYKEYKIT_DIST names the folder with the packages; without it the tests are skipped.
package releasetest
