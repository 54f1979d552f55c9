// Package packaging contains the files for installing a terminal and their tests.
// docs/kiosk.md describes the installation.
package packaging
