//go:build !unix

package main

import "os/exec"

// startSession does nothing: ssh-agent does not support these systems.
func startSession(*exec.Cmd) {}
