// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// messages is a sequence of netlink messages.
type messages []byte

// all yields each message's type and what follows its header. It ends at the
// first that is not whole.
func (ms messages) all(yield func(uint16, []byte) bool) {
	for len(ms) >= unix.NLMSG_HDRLEN {
		n := binary.NativeEndian.Uint32(ms)
		if n < unix.NLMSG_HDRLEN || uint64(n) > uint64(len(ms)) {
			return
		}
		if !yield(binary.NativeEndian.Uint16(ms[4:]), ms[unix.NLMSG_HDRLEN:n]) {
			return
		}
		ms = ms[min(aligned(int(n)), len(ms)):]
	}
}

// attributes is a sequence of netlink attributes.
type attributes []byte

// all yields each attribute's type and value. It ends at the first that is not
// whole.
func (as attributes) all(yield func(uint16, []byte) bool) {
	for len(as) >= unix.SizeofRtAttr {
		n := int(binary.NativeEndian.Uint16(as))
		if n < unix.SizeofRtAttr || n > len(as) {
			return
		}
		if !yield(binary.NativeEndian.Uint16(as[2:]), as[unix.SizeofRtAttr:n]) {
			return
		}
		as = as[min(aligned(n), len(as)):]
	}
}

// aligned rounds up to what netlink messages and attributes begin at.
func aligned(n int) int { return (n + 3) &^ 3 }

// parseLink reads the name and index of the interface of an RTM_NEWLINK or
// RTM_DELLINK.
func parseLink(b []byte) (name string, index uint32, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return "", 0, false
	}
	for kind, value := range attributes(b[unix.SizeofIfInfomsg:]).all {
		if kind == unix.IFLA_IFNAME {
			return unix.ByteSliceToString(value), binary.NativeEndian.Uint32(b[4:]), true
		}
	}
	return "", 0, false
}

// localAddress is an address of an interface.
type localAddress struct {
	address netip.Addr
	index   uint32 // of the interface
	flags   uint32 // IFA_F_*
}

// parseAddress reads an RTM_NEWADDR or RTM_DELADDR.
func parseAddress(b []byte) (a localAddress, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return localAddress{}, false
	}
	a.flags = uint32(b[2])
	a.index = binary.NativeEndian.Uint32(b[4:])
	var address netip.Addr // the other end's, if there is a local one beside it
	for kind, value := range attributes(b[unix.SizeofIfAddrmsg:]).all {
		switch kind {
		case unix.IFA_LOCAL:
			a.address, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(value)
		case unix.IFA_FLAGS:
			if len(value) >= 4 {
				a.flags = binary.NativeEndian.Uint32(value)
			}
		}
	}
	if !a.address.IsValid() {
		a.address = address
	}
	return a, a.address.IsValid()
}
