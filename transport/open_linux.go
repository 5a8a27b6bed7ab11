// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

const (
	// classControl is CS6, network control, as the TOS or traffic class.
	classControl = 0xc0
	// priorityControl is TC_PRIO_CONTROL of linux/pkt_sched.h.
	priorityControl = 7
	// receiveBuffer holds a burst of 1,000 adverts. The kernel charges a small
	// packet with up to 4 KiB, depending on the driver.
	receiveBuffer = 4 << 20
	// sendBuffer is large because the kernel keeps packets for a neighbour that
	// does not answer ARP or ND, by default up to 208 KiB for each, and charges
	// the sender: dead peers must not take the room of living ones.
	sendBuffer = 4 << 20
)

// Open opens a Conn on an interface that exists. It needs CAP_NET_RAW. An
// interface that does not exist is syscall.ENODEV.
func Open(cfg Config) (*Conn, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("checking the transport's configuration: %w", err)
	}
	c, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the VRRP socket on %s: %w", cfg.Interface, err)
	}
	return c, nil
}

func open(cfg Config) (*Conn, error) {
	address := "0.0.0.0"
	if cfg.Family == 6 {
		address = "::"
	}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error { return early(rc, cfg) }}
	network := fmt.Sprintf("ip%d:%d", cfg.Family, wire.Protocol)
	pc, err := lc.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	c, err := build(cfg, pc.(*net.IPConn))
	if err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	return c, nil
}

// build makes a Conn of a socket that lets nothing through yet.
func build(cfg Config, ip *net.IPConn) (*Conn, error) {
	control, err := options(cfg, ip)
	if err != nil {
		return nil, err
	}
	rc, err := ip.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := newConn(cfg, ip, rc, control)
	// The kernel may have queued packets before the first filter was there.
	if err := c.drain(); err != nil {
		return nil, err
	}
	if err := c.SetVRIDs(cfg.VRIDs); err != nil {
		return nil, err
	}
	return c, ip.SetReadDeadline(time.Now().Add(checkEvery))
}

// early sets what must be set before the socket is of use. The filter comes
// first: a raw socket takes packets, from any interface, from the moment it
// exists.
func early(rc syscall.RawConn, cfg Config) error {
	block, err := blockAll()
	if err != nil {
		return err
	}
	if err := attach(rc, block); err != nil {
		return err
	}
	var failed error
	err = rc.Control(func(fd uintptr) {
		s := int(fd)
		if err := unix.BindToDevice(s, cfg.Interface); err != nil {
			failed = os.NewSyscallError("setsockopt SO_BINDTODEVICE", err)
			return
		}
		// Without this the socket gets groups that others joined. Kernels
		// before 4.20 refuse it for IPv6; the user has Dst to compare.
		if cfg.Family == 4 {
			_ = unix.SetsockoptInt(s, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
		} else {
			_ = unix.SetsockoptInt(s, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
		}
		// Without stamps the age of packets is unknown, which costs precision only.
		_ = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		// Ahead of bulk traffic in the queue of the interface: TC_PRIO_CONTROL.
		// CAP_NET_ADMIN is needed.
		_ = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PRIORITY, priorityControl)
		grow(s, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receiveBuffer)
		grow(s, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBuffer)
	})
	return errors.Join(err, failed)
}

// grow sets a buffer's size, past the host's limit if CAP_NET_ADMIN is there,
// else up to it. A smaller buffer than wished for is no reason not to work.
func grow(fd, force, limited, size int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, limited, size)
	}
}

// options sets the options that x/net knows and returns the control bytes that
// go with each packet: its source address.
func options(cfg Config, ip *net.IPConn) ([]byte, error) {
	ifi, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return nil, err
	}
	group := &net.IPAddr{IP: cfg.group().AsSlice()}
	var control []byte
	var join func(*net.Interface, net.Addr) error
	if cfg.Family == 4 {
		p := ipv4.NewPacketConn(ip)
		err = errors.Join(p.SetTTL(wire.TTL), p.SetMulticastTTL(wire.TTL), p.SetMulticastLoopback(false),
			p.SetTOS(classControl))
		control = (&ipv4.ControlMessage{Src: cfg.Source.AsSlice()}).Marshal()
		join = p.JoinGroup
	} else {
		p := ipv6.NewPacketConn(ip)
		// The codec computes the checksum, which for IPv6 is like any other's.
		err = errors.Join(p.SetHopLimit(wire.TTL), p.SetMulticastHopLimit(wire.TTL), p.SetMulticastLoopback(false),
			p.SetTrafficClass(classControl), p.SetChecksum(false, 0),
			p.SetControlMessage(ipv6.FlagDst|ipv6.FlagHopLimit, true))
		control = (&ipv6.ControlMessage{Src: cfg.Source.AsSlice()}).Marshal()
		join = p.JoinGroup
	}
	if err != nil {
		return nil, fmt.Errorf("setting socket options: %w", err)
	}
	if err := join(ifi, group); err != nil && cfg.Multicast {
		return nil, fmt.Errorf("joining %v: %w", cfg.group(), err)
	}
	return control, nil
}

// attach makes prog the socket's filter, in place of another at once.
func attach(rc syscall.RawConn, prog []bpf.RawInstruction) error {
	code := make([]unix.SockFilter, len(prog))
	for i, in := range prog {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	var failed error
	err := rc.Control(func(fd uintptr) {
		failed = os.NewSyscallError("setsockopt SO_ATTACH_FILTER",
			unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog))
	})
	return errors.Join(err, failed)
}
