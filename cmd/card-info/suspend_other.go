//go:build !unix

package main

// holdSuspension has nothing to hold here.
func holdSuspension() (release func()) { return func() {} }
