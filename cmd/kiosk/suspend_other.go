//go:build !unix

package main

// ignoreSuspend does nothing on this system.
func ignoreSuspend() {}
