// Package packaging contains the files for installing a server and their tests.
package packaging
