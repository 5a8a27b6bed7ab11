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

// rtViaHeader is the length of struct rtvia without the address.
const rtViaHeader = 2

// gateways lists where the interface's default routes lead, whatever their
// table. Kernels before 5.0 list all routes of all interfaces for that.
func (c *conn) gateways(ctx context.Context, index int) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		var found []netip.Addr
		build := func(seq uint32) []byte {
			req := newRequest(unix.RTM_GETROUTE, seq, unix.NLM_F_DUMP)
			req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: family, Type: unix.RTN_UNICAST}})
			req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index))))
			return req.Serialize()
		}
		err := c.dump(ctx, build, func() { found = nil }, func(m message) {
			if m.kind == unix.RTM_NEWROUTE {
				found = append(found, parseGateways(m.data, index)...)
			}
		})
		// Without IPv6 there is no such family; without routes, no table.
		if err != nil && !isAny(err, unix.EOPNOTSUPP, unix.EAFNOSUPPORT, unix.ENOENT, unix.ENODEV) {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseGateways reads an RTM_NEWROUTE: the next hops on the interface, if it is
// a default route.
func parseGateways(b []byte, index int) []netip.Addr {
	if len(b) < unix.SizeofRtMsg || b[1] != 0 || b[7] != unix.RTN_UNICAST { // rtm_dst_len, rtm_type
		return nil
	}
	var gateways []netip.Addr
	var gateway netip.Addr
	oif := 0
	for kind, value := range attributes(b[unix.SizeofRtMsg:]).all {
		switch kind {
		case unix.RTA_OIF:
			if len(value) >= 4 {
				oif = int(binary.NativeEndian.Uint32(value))
			}
		case unix.RTA_MULTIPATH:
			gateways = append(gateways, parseHops(value, index)...)
		default:
			if a := parseVia(kind, value); a.IsValid() {
				gateway = a
			}
		}
	}
	if oif == index && gateway.IsValid() {
		gateways = append(gateways, gateway)
	}
	return gateways
}

// parseHops reads a sequence of struct rtnexthop.
func parseHops(b []byte, index int) []netip.Addr {
	var gateways []netip.Addr
	for len(b) >= unix.SizeofRtNexthop {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			break
		}
		if int(int32(binary.NativeEndian.Uint32(b[4:]))) == index {
			for kind, value := range attributes(b[unix.SizeofRtNexthop:n]).all {
				if a := parseVia(kind, value); a.IsValid() {
					gateways = append(gateways, a)
				}
			}
		}
		b = b[min(align(n), len(b)):]
	}
	return gateways
}

// parseVia is a next hop's address, of the route's family (RTA_GATEWAY) or
// another (RTA_VIA).
func parseVia(kind uint16, value []byte) netip.Addr {
	if kind == unix.RTA_VIA && len(value) > rtViaHeader {
		kind, value = unix.RTA_GATEWAY, value[rtViaHeader:]
	}
	if kind != unix.RTA_GATEWAY {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(value)
	return a
}
