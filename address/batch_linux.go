// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"encoding/binary"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Proto marks the addresses that vicar added, in IFA_PROTO (Linux 5.18). The
// kernel's own numbers are 1 to 3; this is VRRP's protocol number.
const Proto = 112

const (
	ifaProto                  = 11 // IFA_PROTO
	devconfPromoteSecondaries = 20 // IPV4_DEVCONF_PROMOTE_SECONDARIES
	skipStatistics            = 8  // RTEXT_FILTER_SKIP_STATS
	forever                   = 0xffffffff
	batchSize                 = 128
)

// op is one change of an address on an interface.
type op struct {
	kind   opKind
	prefix netip.Prefix
	peer   netip.Addr // the entry's, for remove
}

type opKind uint8

const (
	add     opKind = iota // fails with EEXIST if it is there
	replace               // adds it or makes it ours
	remove
)

// request is the op as a netlink request.
func (o op) request(index int, seq uint32, flags uint16) []byte {
	kind := uint16(unix.RTM_NEWADDR)
	switch o.kind {
	case add:
		flags |= unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case replace:
		flags |= unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	case remove:
		kind = unix.RTM_DELADDR
	}
	addr, peer := o.prefix.Addr(), o.peer
	if !peer.IsValid() {
		peer = addr
	}
	family := unix.AF_INET6
	if addr.Is4() {
		family = unix.AF_INET
	}
	msg := nl.NewIfAddrmsg(family)
	msg.Prefixlen = uint8(o.prefix.Bits())
	msg.Index = uint32(index)
	req := newRequest(kind, seq, flags)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, addr.AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, peer.AsSlice()))
	if o.kind != remove {
		req.AddData(nl.NewRtAttr(ifaProto, nl.Uint8Attr(Proto)))
		if addr.Is6() {
			msg.Flags = unix.IFA_F_NODAD
			life := nl.IfaCacheInfo{IfaCacheinfo: unix.IfaCacheinfo{Prefered: 0, Valid: forever}}
			req.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, life.Serialize()))
		}
	}
	return req.Serialize()
}

func newRequest(kind uint16, seq uint32, flags uint16) *nl.NetlinkRequest {
	return &nl.NetlinkRequest{NlMsghdr: unix.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | flags, Seq: seq}}
}

// apply carries out up to batchSize ops in order with one system call, and
// returns each one's outcome. Only the last asks for an acknowledgement: an
// error is told in any case, and all errors come before it.
func (c *conn) apply(index int, ops []op) ([]error, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	first := c.next(len(ops))
	last := first + uint32(len(ops)) - 1
	var b []byte
	for i, o := range ops {
		flags := uint16(0)
		if i == len(ops)-1 {
			flags = unix.NLM_F_ACK
		}
		b = append(b, o.request(index, first+uint32(i), flags)...)
	}
	if err := c.send(b); err != nil {
		return nil, err
	}
	outcomes := make([]error, len(ops))
	err := c.replies(first, last, func(m message) bool {
		if m.kind != unix.NLMSG_ERROR {
			return false
		}
		outcomes[m.seq-first] = m.err()
		return m.seq == last
	})
	return outcomes, err
}

// link looks an interface up by name.
func (c *conn) link(name string) (link, error) {
	seq := c.next(1)
	req := newRequest(unix.RTM_GETLINK, seq, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStatistics)))
	var l link
	err := c.request(req.Serialize(), seq, func(m message) {
		if found, ok := parseLink(m.data); ok {
			l = found
		}
	})
	if err == nil && l.index == 0 {
		err = unix.ENODEV
	}
	return l, err
}

// links lists all interfaces.
func (c *conn) links(ctx context.Context) ([]link, error) {
	var links []link
	build := func(seq uint32) []byte {
		req := newRequest(unix.RTM_GETLINK, seq, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStatistics)))
		return req.Serialize()
	}
	err := c.dump(ctx, build, func() { links = nil }, func(m message) {
		if l, ok := parseLink(m.data); ok && m.kind == unix.RTM_NEWLINK {
			links = append(links, l)
		}
	})
	return links, err
}

// addresses lists the addresses of an interface in the kernel's order, or of
// all if index is 0. One that is gone has none.
func (c *conn) addresses(ctx context.Context, index int) ([]entry, error) {
	var entries []entry
	build := func(seq uint32) []byte {
		req := newRequest(unix.RTM_GETADDR, seq, unix.NLM_F_DUMP)
		msg := nl.NewIfAddrmsg(unix.AF_UNSPEC)
		msg.Index = uint32(index)
		req.AddData(msg)
		return req.Serialize()
	}
	err := c.dump(ctx, build, func() { entries = nil }, func(m message) {
		e, ok := parseAddress(m.data)
		if ok && m.kind == unix.RTM_NEWADDR && (index == 0 || e.index == index) {
			entries = append(entries, e)
		}
	})
	if index != 0 && isAny(err, unix.ENODEV) {
		return nil, nil
	}
	return entries, err
}

// promote sets promote_secondaries of an interface, by netlink since /proc may
// be read-only and shows another namespace.
func (c *conn) promote(index int) error {
	value := make([]byte, 4)
	binary.NativeEndian.PutUint32(value, 1)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC|unix.NLA_F_NESTED, nil)
	conf := spec.AddRtAttr(unix.AF_INET|unix.NLA_F_NESTED, nil).AddRtAttr(unix.IFLA_INET_CONF|unix.NLA_F_NESTED, nil)
	conf.AddRtAttr(devconfPromoteSecondaries, value)

	seq := c.next(1)
	req := newRequest(unix.RTM_SETLINK, seq, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	req.AddData(spec)
	return c.request(req.Serialize(), seq, func(message) {})
}
