// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// checkEvery is how often Receive looks whether the interface is still there.
// The kernel doesn't tell a raw socket.
const checkEvery = time.Second

// Conn is a raw socket for VRRP on one interface. Send is for one goroutine,
// Receive for one other; the other methods are for anyone.
//
// A Conn belongs to the interface that it was opened on. Once that is gone, be
// it that another has its name by now, Send and Receive return syscall.ENODEV,
// and the Conn has to be closed and opened again. While the interface is down,
// Receive waits and Send returns an error; both work again when it is up.
type Conn struct {
	cfg Config
	ip  *net.IPConn
	raw syscall.RawConn

	tx sender
	rx receiver

	poll struct {
		sync.Mutex
		fds  []unix.PollFd
		call func(fd uintptr)
	}
	gone atomic.Bool // Send has found the interface gone
}

func newConn(cfg Config, ip *net.IPConn, raw syscall.RawConn, control []byte) *Conn {
	c := &Conn{cfg: cfg, ip: ip, raw: raw}
	c.tx.init(control)
	c.rx.init(cfg.Family, cfg.Gather)
	c.poll.fds = []unix.PollFd{{Events: unix.POLLIN}}
	c.poll.call = func(fd uintptr) {
		c.poll.fds[0].Fd = int32(fd)
		c.poll.fds[0].Revents = 0
		_, _ = unix.Poll(c.poll.fds, 0)
	}
	return c
}

// SetVRIDs says anew which virtual routers' messages arrive. No message of
// those that stay is lost. Messages that are waiting in the socket remain.
func (c *Conn) SetVRIDs(ids []uint8) error {
	if c.cfg.AllVRIDs {
		ids = everyVRID()
	}
	prog, err := filter(c.cfg.Family, ids)
	if err != nil {
		return err
	}
	if err := attach(c.raw, prog); err != nil {
		return fmt.Errorf("setting the VRIDs of the socket filter: %w", err)
	}
	return nil
}

// Pending tells whether packets have arrived that Receive has not returned.
// It doesn't block, and is false after Close.
func (c *Conn) Pending() bool {
	c.poll.Lock()
	defer c.poll.Unlock()
	if c.raw.Control(c.poll.call) != nil {
		return false
	}
	// In this order: a packet leaves the socket for Receive only after taking
	// has been set.
	return c.poll.fds[0].Revents&unix.POLLIN != 0 || c.rx.taking.Load()
}

// Close ends the Conn and wakes a waiting Receive. Another Close does nothing.
func (c *Conn) Close() error {
	if err := c.ip.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing the VRRP socket: %w", err)
	}
	return nil
}

// attached tells by an error whether the interface is gone.
func (c *Conn) attached() error {
	var name string
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		name, failed = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return os.NewSyscallError("getsockopt SO_BINDTODEVICE", failed)
	case name != c.cfg.Interface:
		return fmt.Errorf("it is %s now: %w", name, syscall.ENODEV)
	}
	return nil
}
