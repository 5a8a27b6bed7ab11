// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	replySize    = 64 << 10 // of the buffer; the kernel's dumps come in parts of up to 32 KiB
	eventsBuffer = 8 << 20  // what the kernel may keep for a watcher that is late
	replyBuffer  = 1 << 20
	replyTimeout = 10 * time.Second
	dumpAttempts = 10
)

// conn is a route netlink socket, used by one goroutine at a time. The nl
// package's own sockets send one request at a time and allocate 64 KiB per
// message received, so they are not used.
type conn struct {
	file *os.File
	raw  syscall.RawConn
	seq  uint32
	buf  []byte
}

// dial opens a socket in the network namespace of the calling thread that
// listens to the given groups (a mask).
func dial(groups uint32) (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	size := replyBuffer
	if groups != 0 {
		size = eventsBuffer
	}
	// All of these may fail: without the right or on an old kernel. Then there
	// is a smaller buffer, a longer error message, or a dump that is filtered
	// here.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	}
	for _, option := range []int{unix.NETLINK_CAP_ACK, unix.NETLINK_EXT_ACK, unix.NETLINK_GET_STRICT_CHK} {
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("binding a netlink socket: %w", err), unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "netlink")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a netlink socket: %w", err), file.Close())
	}
	return &conn{file: file, raw: raw, buf: make([]byte, replySize)}, nil
}

// send hands a buffer of one or more requests to the kernel, which has carried
// them out when it returns.
func (c *conn) send(b []byte) error {
	var err error
	werr := c.raw.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if werr != nil {
		return werr
	}
	return err
}

// receive waits for messages of the kernel until the read deadline. They are
// valid until the next call.
func (c *conn) receive() (messages, error) {
	var n int
	var err error
	rerr := c.raw.Read(func(fd uintptr) bool {
		n, err = c.read(int(fd))
		return !errors.Is(err, unix.EAGAIN)
	})
	if rerr != nil {
		return nil, rerr
	}
	return c.buf[:n], err
}

// read reads one datagram. One that is not the kernel's has length 0.
func (c *conn) read(fd int) (int, error) {
	n, from, err := unix.Recvfrom(fd, c.buf, unix.MSG_DONTWAIT)
	for err == unix.EINTR {
		n, from, err = unix.Recvfrom(fd, c.buf, unix.MSG_DONTWAIT)
	}
	if err != nil {
		return 0, err
	}
	if sa, ok := from.(*unix.SockaddrNetlink); !ok || sa.Pid != 0 {
		return 0, nil
	}
	return n, nil
}

// next returns n fresh sequence numbers' first.
func (c *conn) next(n int) uint32 {
	first := c.seq + 1
	c.seq += uint32(n)
	return first
}

// replies calls each for every message that answers the requests first to
// last, until it returns true.
func (c *conn) replies(first, last uint32, each func(message) (done bool)) error {
	if err := c.file.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	for {
		ms, err := c.receive()
		if err != nil {
			return err
		}
		for m := range ms.all {
			if m.seq-first <= last-first && each(m) {
				return nil
			}
		}
	}
}

// request sends one request and returns what came back, or the kernel's error.
func (c *conn) request(b []byte, seq uint32, each func(message)) error {
	if err := c.send(b); err != nil {
		return err
	}
	var failure error
	err := c.replies(seq, seq, func(m message) bool {
		if m.kind == unix.NLMSG_ERROR {
			failure = m.err()
			return true
		}
		each(m)
		return false
	})
	if err != nil {
		return err
	}
	return failure
}

// errInterrupted says that the state changed during a dump.
var errInterrupted = errors.New("changed while it was read")

// dump sends a dump request until its answer is consistent: begin is called
// before each attempt.
func (c *conn) dump(ctx context.Context, build func(seq uint32) []byte, begin func(), each func(message)) error {
	for range dumpAttempts {
		begin()
		if err := c.dumpOnce(build, each); !errors.Is(err, errInterrupted) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return errInterrupted
}

func (c *conn) dumpOnce(build func(seq uint32) []byte, each func(message)) error {
	seq := c.next(1)
	if err := c.send(build(seq)); err != nil {
		return err
	}
	var failure error
	err := c.replies(seq, seq, func(m message) bool {
		if m.flags&unix.NLM_F_DUMP_INTR != 0 {
			failure = errInterrupted
		}
		switch m.kind {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			if err := m.err(); err != nil {
				failure = err
			}
			return true
		}
		each(m)
		return false
	})
	if err != nil {
		return err
	}
	return failure
}

func (c *conn) close() error { return c.file.Close() }
