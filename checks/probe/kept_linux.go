// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged makes a TCP connection end when what was sent is not
// acknowledged for so long (RFC 5482). Where that can't be set it doesn't.
func limitUnacknowledged(c net.Conn, d time.Duration) {
	withSocket(c, func(fd int) {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(d.Milliseconds(), 1)))
	})
}

// idle tells whether a connection is open and nothing has come on it that has
// not been read.
func idle(c net.Conn) bool {
	var err error
	withSocket(c, func(fd int) {
		_, _, err = unix.Recvfrom(fd, make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err == unix.EAGAIN || err == unix.EINTR
}

// withSocket does something to a connection's socket.
func withSocket(c net.Conn, do func(fd int)) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { do(int(fd)) })
	}
}
