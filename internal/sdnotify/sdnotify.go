// Package sdnotify notifies the service manager that started the program, such as systemd with
// Type=notify: see sd_notify(3).
package sdnotify

import (
	"context"
	"net"
	"strconv"
	"time"
)

// Manager is a service manager. The zero value does nothing.
type Manager struct {
	socket   string        // NOTIFY_SOCKET
	watchdog time.Duration // watchdog timeout; 0 for none
}

// New reads the environment variables of sd_notify(3). pid is the ID of this process.
func New(getenv func(string) string, pid int) Manager {
	m := Manager{socket: getenv("NOTIFY_SOCKET")}
	micros, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if watchdogPID := getenv("WATCHDOG_PID"); err == nil && micros > 0 && (watchdogPID == "" || watchdogPID == strconv.Itoa(pid)) {
		m.watchdog = time.Duration(micros) * time.Microsecond
	}
	return m
}

// Notify sends a state such as READY=1.
func (m Manager) Notify(state string) error {
	if m.socket == "" {
		return nil
	}
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = connection.Write([]byte(state))
	return err
}

// KeepAlive notifies the watchdog until ctx is done. It calls alive before each
// notification.
func (m Manager) KeepAlive(ctx context.Context, alive func()) {
	if m.socket == "" || m.watchdog == 0 {
		return
	}
	tick := time.NewTicker(m.watchdog / 3)
	defer tick.Stop()
	for {
		alive()
		_ = m.Notify("WATCHDOG=1") // on failure the service manager restarts the program
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
