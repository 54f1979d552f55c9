package main

import (
	"context"
	"net"
	"strconv"
	"time"
)

// serviceManager notifies the service manager that started the program, such as systemd
// with Type=notify. The zero value does nothing.
type serviceManager struct {
	socket   string        // NOTIFY_SOCKET
	watchdog time.Duration // watchdog timeout; 0 for none
}

// newServiceManager reads the environment variables of sd_notify(3).
func newServiceManager(getenv func(string) string, pid int) serviceManager {
	s := serviceManager{socket: getenv("NOTIFY_SOCKET")}
	micros, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if watchdogPID := getenv("WATCHDOG_PID"); err == nil && micros > 0 && (watchdogPID == "" || watchdogPID == strconv.Itoa(pid)) {
		s.watchdog = time.Duration(micros) * time.Microsecond
	}
	return s
}

// notify sends a state such as READY=1.
func (s serviceManager) notify(state string) error {
	if s.socket == "" {
		return nil
	}
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = connection.Write([]byte(state))
	return err
}

// keepAlive notifies the watchdog until ctx is done. It calls alive before each
// notification.
func (s serviceManager) keepAlive(ctx context.Context, alive func()) {
	if s.socket == "" || s.watchdog == 0 {
		return
	}
	tick := time.NewTicker(s.watchdog / 3)
	defer tick.Stop()
	for {
		alive()
		_ = s.notify("WATCHDOG=1") // on failure the service manager restarts the program
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
