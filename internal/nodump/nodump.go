// Package nodump keeps the memory of a process that handles a PIN from other
// processes of its user, and from core files.
//
// Root can read it all the same, and swap holds it. On Windows [Protect] does nothing:
// every process of a user can read the others there. On the BSDs it forbids core files
// only.
package nodump
