// Package nodump protects the memory of a process that handles a PIN from other
// processes of the same user and from core files.
//
// It does not protect against root or swap. On Windows [Protect] does nothing: a process can't
// keep other processes of the same user from reading its memory there. On the BSDs it only
// disables core files.
package nodump
