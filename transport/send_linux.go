// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// sender is what Send needs again and again.
type sender struct {
	msgs *messages
	// Arguments and results of call, which is a value made once, because a
	// closure would be allocated each time.
	from, end, n int
	errno        syscall.Errno
	call         func(fd uintptr) bool
}

func (s *sender) init(control []byte) {
	s.msgs = newMessages(sendSlots)
	for i := range sendSlots {
		s.msgs.setControl(i, control)
	}
	s.call = func(fd uintptr) bool {
		s.n, s.errno = s.msgs.send(fd, s.from, s.end)
		return true // never wait until the socket is writable
	}
}

// Send hands the Data of each packet to the network, for its Dst, from the
// Conn's source address and with hop limit 255, in order, and returns how many
// left. A packet that can't leave is left out, and the others follow; a full
// socket is an error like any other, since Send never waits. The error is the
// first packet's that didn't leave.
//
// A packet's TTL is not looked at. Its Src must be the Conn's source address
// or the zero Addr: for IPv6 the checksum would be wrong otherwise.
func (c *Conn) Send(batch []wire.Packet) (int, error) {
	sent := 0
	var first error
	for len(batch) > 0 {
		n := min(len(batch), sendSlots)
		k, err := c.sendSome(batch[:n])
		sent += k
		batch = batch[n:]
		if first == nil {
			first = err
		}
	}
	return sent, first
}

// sendSome is Send for a batch that fits the slots.
func (c *Conn) sendSome(batch []wire.Packet) (sent int, first error) {
	s := &c.tx
	fail := func(err error) {
		if first == nil {
			first = err
		}
	}
	s.from, s.end = 0, 0
	for i := range batch {
		if err := c.sendable(&batch[i]); err != nil {
			fail(err)
			continue
		}
		s.msgs.setAddr(s.end, batch[i].Dst)
		s.msgs.setData(s.end, batch[i].Data)
		s.end++
	}
	for s.from < s.end {
		if err := c.raw.Write(s.call); err != nil {
			fail(net.ErrClosed)
			break
		}
		sent += s.n
		s.from += s.n
		if s.errno == 0 {
			continue
		}
		if first == nil {
			fail(c.explain(s.msgs.addr(s.from), s.errno))
		}
		s.from++
	}
	for i := range s.end {
		s.msgs.setData(i, nil) // the caller's memory
	}
	return sent, first
}

// explain is the error of a packet to dst. Without its interface the kernel
// says many things, most often ENETUNREACH; the Conn says ENODEV, and wakes
// Receive, which would notice only later.
func (c *Conn) explain(dst netip.Addr, errno syscall.Errno) error {
	if err := c.attached(); errors.Is(err, unix.ENODEV) {
		if c.gone.CompareAndSwap(false, true) {
			_ = c.ip.SetReadDeadline(time.Now())
		}
		return fmt.Errorf("sending on %s: %w", c.cfg.Interface, err)
	}
	return fmt.Errorf("sending to %v: %w", dst, errno)
}

func (c *Conn) sendable(p *wire.Packet) error {
	if !c.cfg.ours(p.Dst) {
		return fmt.Errorf("sending to %v: %w", p.Dst, syscall.EAFNOSUPPORT)
	}
	if p.Src.IsValid() && p.Src != c.cfg.Source {
		return fmt.Errorf("sending from %v on a socket of %v: %w", p.Src, c.cfg.Source, syscall.EADDRNOTAVAIL)
	}
	return nil
}
