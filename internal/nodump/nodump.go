// Package nodump protects the memory of a process that handles a PIN from other
// processes of the same user and from core files.
//
// It does not protect against root or swap. On Windows [Protect] does nothing, since a
// process can read the memory of other processes of the same user there. On the BSDs it
// only disables core files.
package nodump
