package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Another process of the same user can't read the program's memory, and the program
// leaves no core file.
//
// Faults: F89.
func TestOtherProcessesCannotReadTheMemory(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	binary, err := os.Open(self) // the other user may have no access to its folder
	require.NoError(t, err)
	defer binary.Close()
	user := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // root may read everything
		const nobody = 65534
		user.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	start := func(argument0 string, args ...string) *exec.Cmd {
		c := exec.Command("/proc/self/fd/3", args...)
		c.Args[0] = argument0
		c.Dir, c.Env = "/", []string{"LC_ALL=C", "PCSCLITE_CSOCK_NAME=/nonexistent"}
		c.ExtraFiles, c.SysProcAttr = []*os.File{binary}, user
		require.NoError(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		return c
	}
	c := start("card-info", "simulate", "--vpcd", "127.0.0.1:1") // retries until it is killed
	path := fmt.Sprintf("/proc/%d/", c.Process.Pid)
	require.Eventually(t, func() bool {
		info, err := os.Stat(path + "mem")
		return err == nil && info.Sys().(*syscall.Stat_t).Uid == 0
	}, time.Minute, time.Millisecond, "the user owns its memory")
	for _, file := range []string{"mem", "environ", "maps", "auxv"} {
		other := exec.Command("head", "-c", "1", path+file)
		other.Dir, other.SysProcAttr = "/", user
		output, err := other.CombinedOutput()
		require.Error(t, err, file)
		assert.Contains(t, string(output), "ermission denied", file)
	}
	limits, err := os.ReadFile(path + "limits")
	require.NoError(t, err)
	assert.Regexp(t, `Max core file size +0 +0 `, string(limits))
}
