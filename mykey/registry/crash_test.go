package registry_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mykeykit/mykeykit/mykey"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

const crashVariable = "MYKEYKIT_TEST_CRASH"

// serveUntilKilled runs a server that serves three terminals at once and prints its results.
func serveUntilKilled(url string) error {
	ns := func(b byte) mykey.Key {
		k, err := mykey.NewKey([]byte(strings.Repeat(string(rune(b)), 32)))
		if err != nil {
			panic(err)
		}
		return k
	}
	namespace, err := mykey.NewNamespace("points.example", ns(2))
	if err != nil {
		return err
	}
	g := registry.Generation{Number: 1, Namespace: namespace, Key: ns(3)}
	r, err := registry.Open(ctx, url, terminal(fmt.Sprint("run-", os.Getpid())), g, registry.WithOperator(operator.PublicKey()),
		registry.WithChains(3))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for first := range 3 {
		go func() { failed <- serveEveryThird(r, first) }()
	}
	return <-failed
}

func serveEveryThird(r *registry.Registry, first int) error {
	for n := first; ; n += 3 {
		reservation, err := r.Reserve(ctx, registry.NewOperation(), holder(n), registry.RecoveryCode{})
		if err != nil {
			return err
		}
		preview, err := r.Preview(ctx, holder(n), account(n))
		if err != nil && reservation.New {
			return err
		}
		if err == nil {
			if _, err := r.Confirm(ctx, registry.NewOperation(), preview); err != nil {
				return err
			}
		}
		fmt.Println(n, reservation.ID)
	}
}

// A program can be killed at any time: no printed result is lost, and the database is intact.
func TestFileSurvivesKilledPrograms(t *testing.T) {
	t.Parallel() // it mostly waits
	url := engines["sqlite"](t)
	r := open(t, url)
	reported := map[int]mykey.ID{}
	for run := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashVariable+"="+url)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for count := 0; lines.Scan(); count++ {
			var n int
			var id mykey.ID
			_, err := fmt.Sscan(lines.Text(), &n, &id)
			require.NoError(t, err)
			reported[n] = id
			if count == 20*(run+1) {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		require.Error(t, cmd.Wait(), "it was killed")
		_, err = verify(r)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, len(reported), 100)
	for n, id := range reported {
		reservation, err := r.Find(ctx, holder(n))
		require.NoError(t, err)
		assert.Equal(t, id, reservation.ID)
		assert.NotNil(t, reservation.Application)
	}
	var ok string
	require.NoError(t, r.DB().QueryRow(`PRAGMA integrity_check`).Scan(&ok))
	assert.Equal(t, "ok", ok)
}
