// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// greeter tells each connection its server's name and ends it. As crowd it takes few
// system calls.
type greeter struct {
	fd   int
	done chan struct{}
}

// greet listens on a port, in the namespace of the thread that calls, and serves it
// until Close.
func (s *Server) greet(port int) (*greeter, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Port: port}),
		unix.Listen(fd, unix.SOMAXCONN))
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listening: %w", err)
	}
	g := &greeter{fd: fd, done: make(chan struct{})}
	go func() {
		defer close(g.done)
		for {
			c, from, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			switch {
			case err == unix.EINVAL: // closed
				return
			case err != nil:
				continue
			}
			_, _ = unix.Write(c, []byte(s.Name+"\n"))
			_ = unix.Close(c)
			if a, ok := from.(*unix.SockaddrInet4); ok && isClient(netip.AddrFrom4(a.Addr)) {
				s.mu.Lock()
				s.accepted++
				s.mu.Unlock()
			}
		}
	}()
	return g, nil
}

// Close implements io.Closer. It does not wait.
func (g *greeter) Close() error {
	err := unix.Shutdown(g.fd, unix.SHUT_RDWR)
	go func() {
		<-g.done
		_ = unix.Close(g.fd)
	}()
	return err
}
