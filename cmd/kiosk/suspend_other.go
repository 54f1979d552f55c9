//go:build !unix

package main

// neverSuspend does nothing here: there is no suspending.
func neverSuspend() {}
