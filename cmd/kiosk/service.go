package main

import (
	"context"
	"net"
	"strconv"
	"time"
)

// service is the service manager that started the program, as systemd with Type=notify.
// The zero value is none, and is told nothing.
type service struct {
	socket   string        // its address, as in NOTIFY_SOCKET
	watchdog time.Duration // how long it waits for a sign of life; 0 is for ever
}

// serviceOf reads what sd_notify(3) says of the environment.
func serviceOf(getenv func(string) string, pid int) service {
	s := service{socket: getenv("NOTIFY_SOCKET")}
	micros, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if whose := getenv("WATCHDOG_PID"); err == nil && micros > 0 && (whose == "" || whose == strconv.Itoa(pid)) {
		s.watchdog = time.Duration(micros) * time.Microsecond
	}
	return s
}

// tell tells a state, as READY=1.
func (s service) tell(state string) error {
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

// watch tells that the program lives until ctx ends, each time after alive returned.
func (s service) watch(ctx context.Context, alive func()) {
	if s.socket == "" || s.watchdog == 0 {
		return
	}
	tick := time.NewTicker(s.watchdog / 3)
	defer tick.Stop()
	for {
		alive()
		_ = s.tell("WATCHDOG=1") // else it ends the program, which it would start again
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
