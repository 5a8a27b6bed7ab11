// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
)

// echoSocket is connected to a host: routing errors and the ICMP errors that
// its packets cause come back on it.
type echoSocket struct {
	file   *os.File
	raw    syscall.RawConn
	v6     bool
	header bool // packets come with their IPv4 header
	target netip.Addr
	id     int // of a ping socket; -1: any
}

// ask sends an echo request and waits for the reply.
func (p *ping) ask(ctx context.Context, target netip.Addr) error {
	s, err := openEcho(p.bind, target)
	if err != nil {
		return err
	}
	defer s.file.Close()
	defer until(ctx, s.file)()
	e := newEcho(s.v6, p.size)
	if s.id >= 0 {
		e.id = s.id
	}
	b, err := e.request()
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	if _, err := s.file.Write(b); err != nil {
		return err
	}
	return s.await(e, make([]byte, len(b)+maxHeader+1))
}

// maxHeader is an IPv4 header with all options.
const maxHeader = 60

// openEcho opens a ping socket, which sees the replies to its own requests
// only and needs no rights, but a group that the sysctl
// net.ipv4.ping_group_range has; else a raw socket, which needs CAP_NET_RAW.
func openEcho(b checks.Bind, target netip.Addr) (*echoSocket, error) {
	family, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if target.Is6() {
		family, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	const flags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	raw := false
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|flags, proto)
	if err != nil {
		raw = true
		var rawErr error
		if fd, rawErr = unix.Socket(family, unix.SOCK_RAW|flags, proto); rawErr != nil {
			return nil, fmt.Errorf("opening an ICMP socket: ping (net.ipv4.ping_group_range): %w; raw (CAP_NET_RAW): %w", err, rawErr)
		}
	}
	s := &echoSocket{v6: target.Is6(), header: raw && target.Is4(), target: target, id: -1}
	if err := s.setUp(fd, raw, b); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	s.file = os.NewFile(uintptr(fd), "icmp")
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening an ICMP socket: %w", err), s.file.Close())
	}
	return s, nil
}

// setUp binds and connects.
func (s *echoSocket) setUp(fd int, raw bool, b checks.Bind) error {
	if raw {
		if err := onlyReplies(fd, s.v6); err != nil {
			return fmt.Errorf("filtering an ICMP socket: %w", err)
		}
	}
	level, option := unix.SOL_IP, unix.IP_RECVERR
	if s.v6 {
		level, option = unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return fmt.Errorf("asking for ICMP errors: %w", err)
	}
	if err := bindSocket(fd, b); err != nil {
		return err
	}
	sa, err := sockaddr(s.target, b.Interface)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, sa); err != nil {
		return err
	}
	if raw {
		return nil
	}
	// The kernel has chosen the identity.
	sa, err = unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		s.id = sa.Port
	case *unix.SockaddrInet6:
		s.id = sa.Port
	}
	return nil
}

// onlyReplies keeps all but echo replies from a raw socket.
func onlyReplies(fd int, v6 bool) error {
	if !v6 {
		const icmpFilter = 1 // ICMP_FILTER of linux/icmp.h; a set bit drops the type
		return unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, ^(1 << 0))
	}
	const echoReply = 129
	var f unix.ICMPv6Filter // a set bit drops the type
	for i := range f.Data {
		f.Data[i] = ^uint32(0)
	}
	f.Data[echoReply/32] &^= 1 << (echoReply % 32)
	return unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &f)
}

// await reads until e is answered or has caused an error.
func (s *echoSocket) await(e *echo, buf []byte) error {
	for {
		n, from, err := s.receive(buf, 0, nil)
		if err != nil {
			if err = s.explain(e, buf, err); err != nil {
				return err
			}
			continue
		}
		b := buf[:n]
		if s.header {
			b = withoutHeader(b)
		}
		if from == s.target.WithZone("") && e.answers(b) {
			return nil
		}
	}
}

// receive waits for a packet, or an error if flags has MSG_ERRQUEUE: of those
// none is waited for.
func (s *echoSocket) receive(buf []byte, flags int, oob *[]byte) (n int, from netip.Addr, err error) {
	var control []byte
	if oob != nil {
		control = *oob
	}
	var oobn int
	var sa unix.Sockaddr
	waitErr := s.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, _, sa, err = unix.Recvmsg(int(fd), buf, control, flags)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN) || flags&unix.MSG_ERRQUEUE != 0
			}
		}
	})
	if waitErr != nil {
		return 0, netip.Addr{}, waitErr
	}
	if oob != nil {
		*oob = control[:oobn]
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		from = netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		from = netip.AddrFrom16(sa.Addr)
	}
	return n, from, err
}

// explain finds what an error on the socket is about in its error queue. It
// returns nil if another's packet caused it: a raw socket is told of these too.
func (s *echoSocket) explain(e *echo, buf []byte, failed error) error {
	if _, ok := errors.AsType[syscall.Errno](failed); !ok {
		return failed
	}
	oob := make([]byte, 512)
	n, _, err := s.receive(buf, unix.MSG_ERRQUEUE, &oob)
	if err != nil {
		return failed
	}
	origin, reporter := offender(oob)
	switch {
	case origin != unix.SO_EE_ORIGIN_ICMP && origin != unix.SO_EE_ORIGIN_ICMP6:
		return failed
	case !e.caused(buf[:n]):
		return nil
	case reporter.IsValid():
		return fmt.Errorf("%w, says %s", failed, reporter)
	}
	return failed
}

// offender is where an error comes from, SO_EE_ORIGIN_ICMP and the like, and who
// has sent it: struct sock_extended_err of linux/errqueue.h with the address
// behind it, from the control messages of recvmsg.
func offender(oob []byte) (origin byte, by netip.Addr) {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, netip.Addr{}
	}
	const size = 16 // of sock_extended_err
	for _, m := range list {
		v4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if !v4 && !v6 || len(m.Data) < size+2 {
			continue
		}
		origin = m.Data[4]
		behind := m.Data[size:]
		switch family := binary.NativeEndian.Uint16(behind); {
		case family == unix.AF_INET && len(behind) >= 8:
			return origin, netip.AddrFrom4([4]byte(behind[4:8]))
		case family == unix.AF_INET6 && len(behind) >= 24:
			return origin, netip.AddrFrom16([16]byte(behind[8:24])).Unmap()
		}
		return origin, netip.Addr{}
	}
	return 0, netip.Addr{}
}
