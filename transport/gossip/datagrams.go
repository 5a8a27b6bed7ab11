// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// socketBuffer is what the kernel is asked to keep of what has not been read: a
// burst of all peers, while this process is not scheduled.
const socketBuffer = 4 << 20

// datagrams is a UDP socket that is read by one goroutine.
type datagrams struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	own  netip.Addr
	// taking says that the reader has something that it has not dealt with.
	taking atomic.Bool
}

func newDatagrams(conn *net.UDPConn) (*datagrams, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	// The kernel's limit for a process without capabilities may be lower.
	_ = conn.SetReadBuffer(socketBuffer)
	return &datagrams{conn: conn, raw: raw, own: conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()}, nil
}

// reader returns a function that waits for a datagram and reads it. taking is
// set before one leaves the socket, and cleared when none is left there.
func (d *datagrams) reader(b []byte) func() (int, syscall.Sockaddr, error) {
	var n int
	var from syscall.Sockaddr
	var failed error
	take := func(fd uintptr) bool {
		for {
			d.taking.Store(true)
			n, from, failed = syscall.Recvfrom(int(fd), b, syscall.MSG_DONTWAIT)
			if !errors.Is(failed, syscall.EINTR) {
				break
			}
		}
		if errors.Is(failed, syscall.EAGAIN) {
			d.taking.Store(false)
			return false
		}
		return true
	}
	return func() (int, syscall.Sockaddr, error) {
		if err := d.raw.Read(take); err != nil {
			return 0, nil, err
		}
		return n, from, failed
	}
}

// pending tells whether something has come that has not been dealt with.
func (d *datagrams) pending() bool {
	waiting := false
	err := d.raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_DONTWAIT|syscall.MSG_PEEK)
		waiting = err == nil
	})
	return err == nil && (waiting || d.taking.Load())
}

// write sends a datagram, or fails if the socket's buffer is full.
func (d *datagrams) write(b []byte, to netip.AddrPort) error {
	if to.Addr().Zone() != "" {
		_, err := d.conn.WriteToUDPAddrPort(b, to)
		return err
	}
	var failed error
	err := d.raw.Write(func(fd uintptr) bool {
		for {
			failed = syscall.Sendto(int(fd), b, syscall.MSG_DONTWAIT, sockaddr(to))
			if !errors.Is(failed, syscall.EINTR) {
				return true
			}
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("sending to %v: %w", to, err)
	}
	return nil
}

func sockaddr(a netip.AddrPort) syscall.Sockaddr {
	if a.Addr().Is4() {
		return &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &syscall.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// addrPort is the address of a received datagram's sender.
func addrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)) //nolint:gosec // the kernel's
	case *syscall.SockaddrInet6:
		a := netip.AddrFrom16(sa.Addr).Unmap()
		if i, err := net.InterfaceByIndex(int(sa.ZoneId)); sa.ZoneId != 0 && err == nil {
			a = a.WithZone(i.Name)
		}
		return netip.AddrPortFrom(a, uint16(sa.Port)) //nolint:gosec // the kernel's
	}
	return netip.AddrPort{}
}
