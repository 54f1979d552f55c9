//go:build !unix

package main

import "os/exec"

// inOwnSession is for ssh-agent, which is not for these systems.
func inOwnSession(*exec.Cmd) {}
