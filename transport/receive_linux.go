// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// sizes of control messages: struct in6_pktinfo, an int, and a struct timespec
// of 64 bits. Another one is not understood and the packet's age is unknown.
const (
	sizePktinfo  = 20
	sizeHopLimit = 4
	sizeStamp    = 16
)

// maxAge is the oldest age that is believed: the stamps are the wall clock's,
// which may have been set in between.
const maxAge = time.Second

// receiver is what Receive needs again and again.
type receiver struct {
	msgs    *messages
	bufs    [][]byte
	control [][]byte // when it came; IPv6: destination and hop limit as well
	// taking is set from before packets leave the socket until Receive
	// returns them.
	taking atomic.Bool
	waited bool // the socket was empty, so that what comes now is a burst's first
	// Arguments and results of call, which is made once.
	want, n int
	errno   syscall.Errno
	call    func(fd uintptr) bool
}

func (r *receiver) init(family int, gather time.Duration) {
	slots, size, control := receiveSlots4, maxPacket4, unix.CmsgSpace(sizeStamp)
	if family == 6 {
		slots, size = receiveSlots6, maxPacket6
		control += unix.CmsgSpace(sizePktinfo) + unix.CmsgSpace(sizeHopLimit)
	}
	r.msgs = newMessages(slots)
	r.bufs, r.control = slices(slots, size), slices(slots, control)
	for i := range slots {
		r.msgs.setData(i, r.bufs[i])
		r.msgs.setControl(i, r.control[i])
	}
	nap := unix.NsecToTimespec(int64(gather))
	r.call = func(fd uintptr) bool {
		if r.waited && gather > 0 {
			// The system call and not time.Sleep, which at this length is late by
			// more than the nap. One that a signal ends early does no harm.
			_ = unix.Nanosleep(&nap, nil)
		}
		r.waited = false
		r.taking.Store(true)
		r.n, r.errno = r.msgs.receive(fd, min(r.want, slots))
		if r.errno == unix.EAGAIN {
			r.taking.Store(false)
			r.waited = true
			return false
		}
		return true
	}
}

// slices cuts n slices of size bytes out of one piece of memory.
func slices(n, size int) [][]byte {
	all := make([]byte, n*size)
	s := make([][]byte, n)
	for i := range s {
		s[i] = all[i*size : (i+1)*size : (i+1)*size]
	}
	return s
}

// Receive waits for packets, stores them in batch and returns how many. The
// Data of each is valid until the next call. After Close it returns
// net.ErrClosed. Any other error is passing and may be followed by a call; when
// the interface is gone that is syscall.ENODEV, again once a second.
func (c *Conn) Receive(batch []wire.Packet) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	defer c.rx.taking.Store(false)
	for {
		c.rx.want = len(batch)
		err := c.raw.Read(c.rx.call)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := c.recheck(); err != nil {
				return 0, err
			}
			continue
		case err != nil:
			return 0, net.ErrClosed
		case c.rx.errno != 0:
			return 0, fmt.Errorf("receiving on %s: %w", c.cfg.Interface, c.rx.errno)
		}
		if n := c.unpack(batch); n > 0 {
			return n, nil
		}
	}
}

// recheck is due each checkEvery, or when Send calls for it.
func (c *Conn) recheck() error {
	if err := c.ip.SetReadDeadline(time.Now().Add(checkEvery)); err != nil {
		return net.ErrClosed
	}
	if err := c.attached(); err != nil {
		if errors.Is(err, net.ErrClosed) {
			return net.ErrClosed
		}
		return fmt.Errorf("receiving on %s: %w", c.cfg.Interface, err)
	}
	return nil
}

// unpack stores what has been received in batch, and returns how many.
func (c *Conn) unpack(batch []wire.Packet) int {
	n := 0
	now := time.Now().UnixNano()
	for i := range c.rx.n {
		if c.rx.unpack(i, c.cfg.Family, now, &batch[n]) {
			n++
		}
	}
	return n
}

// unpack stores message i in p and makes its slot ready for the next.
func (r *receiver) unpack(i, family int, now int64, p *wire.Packet) bool {
	size, used := r.msgs.received(i)
	data, control := r.bufs[i][:size], r.control[i][:used]
	defer r.msgs.setControl(i, r.control[i])
	if family == 4 {
		if !parseIPv4(data, p) {
			return false
		}
		parseControl(control, now, p)
		return true
	}
	*p = wire.Packet{Src: r.msgs.addr(i), Data: data}
	return parseControl(control, now, p)
}

// parseControl stores in p what the control bytes tell of the age, and for IPv6
// of the destination and hop limit. It tells whether the latter two are there.
// now is the wall clock's, in nanoseconds.
func parseControl(b []byte, now int64, p *wire.Packet) bool {
	var dst, hops bool
	for len(b) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			return false
		}
		b = rest
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(data) == sizeStamp:
			sec, nsec := binary.NativeEndian.Uint64(data), binary.NativeEndian.Uint64(data[8:])
			p.Age = min(max(0, time.Duration(now-int64(sec)*int64(time.Second)-int64(nsec))), maxAge)
		case h.Level != unix.IPPROTO_IPV6:
		case h.Type == unix.IPV6_PKTINFO && len(data) >= sizePktinfo:
			p.Dst, dst = netip.AddrFrom16([16]byte(data)), true
		case h.Type == unix.IPV6_HOPLIMIT && len(data) >= sizeHopLimit:
			p.TTL, hops = uint8(binary.NativeEndian.Uint32(data)), true
		}
	}
	return dst && hops
}

// drain throws away what is waiting in the socket.
func (c *Conn) drain() error {
	var errno syscall.Errno
	err := c.raw.Control(func(fd uintptr) {
		for errno == 0 {
			_, errno = c.rx.msgs.receive(fd, 1)
		}
	})
	for i := range c.rx.control {
		c.rx.msgs.setControl(i, c.rx.control[i])
	}
	if err != nil || errno == unix.EAGAIN {
		return err
	}
	return fmt.Errorf("emptying the socket: %w", errno)
}
