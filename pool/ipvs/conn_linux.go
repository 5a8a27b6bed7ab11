// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

const (
	replySize    = 64 << 10 // of the buffer; the kernel's dumps come in parts of up to 32 KiB
	replyBuffer  = 1 << 20  // the socket's, for a batch's errors
	replyTimeout = 10 * time.Second
	batchSize    = 128 // commands per system call, whose errors the socket keeps
)

// conn is a generic netlink socket, used by one goroutine at a time.
type conn struct {
	file   *os.File
	raw    syscall.RawConn
	family uint16 // IPVS's number; 0 before it was looked up
	seq    uint32
	buf    []byte
}

// dial opens a socket in the network namespace of the calling thread.
func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	// These may fail: without the right, or on an old kernel. Then there is a smaller
	// buffer, or errors are longer and without a text.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, replyBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, replyBuffer)
	}
	for _, option := range []int{unix.NETLINK_CAP_ACK, unix.NETLINK_EXT_ACK} {
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(fmt.Errorf("binding a netlink socket: %w", err), unix.Close(fd))
	}
	file := os.NewFile(uintptr(fd), "netlink")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a netlink socket: %w", err), file.Close())
	}
	return &conn{file: file, raw: raw, buf: make([]byte, replySize)}, nil
}

func (c *conn) close() error { return c.file.Close() }

// send hands requests to the kernel, which has carried them out when it returns.
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

// receive waits for messages of the kernel. They are valid until the next call.
func (c *conn) receive() (messages, error) {
	var n int
	var err error
	rerr := c.raw.Read(func(fd uintptr) bool {
		var from unix.Sockaddr
		for err = unix.EINTR; err == unix.EINTR; {
			n, from, err = unix.Recvfrom(int(fd), c.buf, unix.MSG_DONTWAIT)
		}
		if sa, ok := from.(*unix.SockaddrNetlink); err == nil && (!ok || sa.Pid != 0) {
			n = 0 // not the kernel's
		}
		return err != unix.EAGAIN
	})
	if rerr != nil {
		return nil, rerr
	}
	if err != nil {
		return nil, err
	}
	return c.buf[:n], nil
}

// replies calls each for every message that answers the requests first to last,
// until it returns true.
func (c *conn) replies(first, last uint32, each func(message) (done bool)) error {
	if err := c.file.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	for {
		ms, err := c.receive()
		if err != nil {
			return fmt.Errorf("reading the kernel's answer: %w", err)
		}
		for m := range ms.all {
			if m.seq-first <= last-first && each(m) {
				return nil
			}
		}
	}
}

// run carries out commands in order and returns each one's outcome. Only the last
// of a batch asks for an acknowledgement: errors are told in any case, and come
// before it.
func (c *conn) run(commands []command) ([]error, error) {
	outcomes := make([]error, 0, len(commands))
	for len(outcomes) < len(commands) {
		batch := commands[len(outcomes):]
		batch = batch[:min(len(batch), batchSize)]
		first := c.seq + 1
		c.seq += uint32(len(batch))
		var b []byte
		for i, cmd := range batch {
			flags := uint16(0)
			if i == len(batch)-1 {
				flags = flagAck
			}
			b = cmd.append(b, c.family, flags, first+uint32(i))
		}
		if err := c.send(b); err != nil {
			return nil, fmt.Errorf("asking the kernel: %w", err)
		}
		errs := make([]error, len(batch))
		err := c.replies(first, c.seq, func(m message) bool {
			if m.kind == kindError {
				errs[m.seq-first] = m.err()
			}
			return m.kind == kindError && m.seq == c.seq
		})
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, errs...)
	}
	return outcomes, nil
}

// ask sends one request and calls each with what comes back, or returns the
// kernel's error. Flags are flagAck for one answer or flagDump for many.
func (c *conn) ask(family, flags uint16, cmd command, each func(attributes)) error {
	c.seq++
	if err := c.send(cmd.append(nil, family, flags, c.seq)); err != nil {
		return fmt.Errorf("asking the kernel: %w", err)
	}
	var failure error
	err := c.replies(c.seq, c.seq, func(m message) bool {
		if m.kind == kindError || m.kind == kindDone {
			failure = m.err()
			return true
		}
		each(m.attributes())
		return false
	})
	if err != nil {
		return err
	}
	return failure
}

// lookUp learns IPVS's number, which changes if the module is unloaded and loaded
// again. It tells whether it is another one. The kernel tries to load the module.
func (c *conn) lookUp() (changed bool, err error) {
	var family uint16
	name := command{getFamily, appendString(nil, controllerName, familyName)}
	err = c.ask(controller, flagAck, name, func(as attributes) {
		for kind, v := range as.all {
			if kind == controllerFamily {
				family = v.u16()
			}
		}
	})
	if errors.Is(err, unix.ENOENT) {
		return false, fmt.Errorf("IPVS: %w: modprobe ip_vs, or plane: nftables", pool.ErrNoPlane)
	}
	if err != nil {
		return false, fmt.Errorf("looking for IPVS: %w", err)
	}
	changed = family != c.family
	c.family = family
	return changed, nil
}

// services reads the services of the keys as the kernel has them. What is not
// there is left out.
func (c *conn) services(ctx context.Context, ks []key) (map[key]service, error) {
	const few = 8 // so many are asked for one by one
	have := map[key]service{}
	each := func(as attributes) {
		if k, s, ok := parseService(as); ok {
			have[k] = s
		}
	}
	if len(ks) > few {
		return have, c.ask(c.family, flagDump, command{id: getService}, each)
	}
	for _, k := range ks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := c.ask(c.family, flagAck, k.command(getService), each); err != nil && !errors.Is(err, unix.ESRCH) {
			return nil, err
		}
	}
	return have, nil
}

// servers reads a service's destinations. Of a service that is not there they are
// none.
func (c *conn) servers(k key) (map[netip.AddrPort]server, error) {
	have := map[netip.AddrPort]server{}
	err := c.ask(c.family, flagDump, k.command(getServer), func(as attributes) {
		if s, ok := parseServer(as, k.family); ok {
			have[s.Address] = s
		}
	})
	return have, err
}
