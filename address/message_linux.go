// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// messages is a datagram of netlink messages.
type messages []byte

// message is one of them; data is what follows its header.
type message struct {
	kind, flags uint16
	seq         uint32
	data        []byte
}

// all yields the messages. It ends at the first that is not whole.
func (ms messages) all(yield func(message) bool) {
	for len(ms) >= unix.NLMSG_HDRLEN {
		n := binary.NativeEndian.Uint32(ms)
		if n < unix.NLMSG_HDRLEN || uint64(n) > uint64(len(ms)) {
			return
		}
		m := message{
			kind:  binary.NativeEndian.Uint16(ms[4:]),
			flags: binary.NativeEndian.Uint16(ms[6:]),
			seq:   binary.NativeEndian.Uint32(ms[8:]),
			data:  ms[unix.NLMSG_HDRLEN:n],
		}
		if !yield(m) {
			return
		}
		ms = ms[min(align(int(n)), len(ms)):]
	}
}

// align rounds up to what netlink messages and attributes begin at.
func align(n int) int { return (n + 3) &^ 3 }

// kernelError is an errno with what the kernel said about it.
type kernelError struct {
	errno syscall.Errno
	text  string
}

func (e *kernelError) Error() string { return fmt.Sprintf("%v: %s", e.errno, e.text) }
func (e *kernelError) Unwrap() error { return e.errno }

// err is the outcome in an NLMSG_ERROR or NLMSG_DONE; nil means success. The
// extended text follows the errno, after a copy of the request's header if it
// is an NLMSG_ERROR (NETLINK_CAP_ACK cuts the rest).
func (m message) err() error {
	if len(m.data) < 4 {
		return nil
	}
	code := int32(binary.NativeEndian.Uint32(m.data))
	if code >= 0 {
		return nil
	}
	errno := syscall.Errno(-code)
	rest := m.data[4:]
	if m.kind == unix.NLMSG_ERROR {
		if m.flags&unix.NLM_F_CAPPED == 0 || len(rest) < unix.NLMSG_HDRLEN {
			return errno
		}
		rest = rest[unix.NLMSG_HDRLEN:]
	}
	if m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return errno
	}
	for kind, value := range attributes(rest).all {
		if kind == unix.NLMSGERR_ATTR_MSG {
			return &kernelError{errno, unix.ByteSliceToString(value)}
		}
	}
	return errno
}

// attributes is a sequence of netlink attributes.
type attributes []byte

// all yields each attribute's type, without its flags, and value. It ends at
// the first that is not whole.
func (as attributes) all(yield func(uint16, []byte) bool) {
	for len(as) >= unix.SizeofRtAttr {
		n := int(binary.NativeEndian.Uint16(as))
		if n < unix.SizeofRtAttr || n > len(as) {
			return
		}
		kind := binary.NativeEndian.Uint16(as[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if !yield(kind, as[unix.SizeofRtAttr:n]) {
			return
		}
		as = as[min(align(n), len(as)):]
	}
}

// entry is an address as the kernel has it.
type entry struct {
	index  int
	prefix netip.Prefix // the local address
	peer   netip.Addr   // the other end's, or the same
	flags  uint32
	proto  uint8
}

// working tells whether the host answers for the address.
func (e entry) working() bool { return e.flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 }

// parseAddress reads an RTM_NEWADDR or RTM_DELADDR of IPv4 or IPv6.
func parseAddress(b []byte) (entry, bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return entry{}, false
	}
	family, bits := b[0], int(b[1])
	e := entry{flags: uint32(b[2]), index: int(binary.NativeEndian.Uint32(b[4:]))}
	var local netip.Addr
	for kind, value := range attributes(b[unix.SizeofIfAddrmsg:]).all {
		switch kind {
		case unix.IFA_ADDRESS:
			e.peer, _ = netip.AddrFromSlice(value)
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case unix.IFA_FLAGS:
			if len(value) >= 4 {
				e.flags = binary.NativeEndian.Uint32(value)
			}
		case ifaProto:
			if len(value) >= 1 {
				e.proto = value[0]
			}
		}
	}
	if !local.IsValid() {
		local = e.peer // IPv6 without a peer has IFA_ADDRESS only
	}
	if !e.peer.IsValid() {
		e.peer = local
	}
	if local.Is4() != (family == unix.AF_INET) || local.Is6() != (family == unix.AF_INET6) {
		return entry{}, false
	}
	e.prefix = netip.PrefixFrom(local, bits)
	return e, e.prefix.IsValid()
}

// link is an interface as the kernel has it.
type link struct {
	index    int
	name     string
	flags    uint32
	mac      hardware
	ethernet bool // has a 6 byte hardware address
	promote  bool // promote_secondaries is set for it
}

// up is the meaning of vip.Interface.Up. IFF_RUNNING is operstate UP or UNKNOWN.
func (l link) up() bool {
	const all = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP
	return l.flags&all == all
}

// announces tells whether there are neighbours to tell.
func (l link) announces() bool {
	return l.ethernet && l.flags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) == 0
}

// parseLink reads an RTM_NEWLINK or RTM_DELLINK. Those of another family than
// AF_UNSPEC are about something else, such as a bridge's port.
func parseLink(b []byte) (link, bool) {
	if len(b) < unix.SizeofIfInfomsg || b[0] != unix.AF_UNSPEC {
		return link{}, false
	}
	l := link{
		index: int(int32(binary.NativeEndian.Uint32(b[4:]))),
		flags: binary.NativeEndian.Uint32(b[8:]),
	}
	for kind, value := range attributes(b[unix.SizeofIfInfomsg:]).all {
		switch kind {
		case unix.IFLA_IFNAME:
			l.name = unix.ByteSliceToString(value)
		case unix.IFLA_ADDRESS:
			l.ethernet = len(value) == len(l.mac)
			copy(l.mac[:], value)
		case unix.IFLA_AF_SPEC:
			l.promote = parsePromote(value)
		}
	}
	return l, l.index > 0 && l.name != ""
}

// parsePromote finds promote_secondaries in IFLA_AF_SPEC: AF_INET's
// IFLA_INET_CONF is an array that begins with setting number 1.
func parsePromote(b []byte) bool {
	for family, spec := range attributes(b).all {
		if family != unix.AF_INET {
			continue
		}
		for kind, conf := range attributes(spec).all {
			const at = (devconfPromoteSecondaries - 1) * 4
			if kind == unix.IFLA_INET_CONF && len(conf) >= at+4 {
				return binary.NativeEndian.Uint32(conf[at:]) != 0
			}
		}
	}
	return false
}
