// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/binary"
	"net/netip"
)

const (
	neighborSolicitation = 135
	optionSource         = 1  // Source Link-Layer Address (RFC 4861 section 4.6.1)
	solicitationSize     = 32 // with the one option

	etherHeader = 14
	arpSize     = 28
	ip6Header   = 40
)

// askFrame makes the frame that asks who has the address: a broadcast
// ARP request (RFC 826), or a Neighbor Solicitation to its group (RFC 4861
// section 4.3). It is from the host's own address, of the same family.
func askFrame(mac hardware, own, addr netip.Addr) []byte {
	b := make([]byte, 0, etherHeader+ip6Header+solicitationSize)
	if addr.Is4() {
		from, to := own.As4(), addr.As4()
		b = append(b, broadcast[:]...)
		b = append(b, mac[:]...)
		b = binary.BigEndian.AppendUint16(b, etherARP)
		b = append(b, 0, 1, 8, 0, 6, 4)
		b = binary.BigEndian.AppendUint16(b, arpRequest)
		b = append(b, mac[:]...)
		b = append(b, from[:]...)
		b = append(b, 0, 0, 0, 0, 0, 0)
		return append(b, to[:]...)
	}
	src, dst, target := own.As16(), solicitedNode(addr), addr.As16()
	b = append(b, 0x33, 0x33, dst[12], dst[13], dst[14], dst[15]) // RFC 2464 section 7
	b = append(b, mac[:]...)
	b = binary.BigEndian.AppendUint16(b, etherIPv6)
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, solicitationSize)
	b = append(b, icmpv6, 255)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	start := len(b)
	b = append(b, neighborSolicitation, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, target[:]...)
	b = append(b, optionSource, 1)
	b = append(b, mac[:]...)
	binary.BigEndian.PutUint16(b[start+2:], checksum6(src, dst, b[start:]))
	return b
}

// solicitedNode is the group of those whose addresses end like this one
// (RFC 4291 section 2.7.1).
func solicitedNode(a netip.Addr) [16]byte {
	b := a.As16()
	return [16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]}
}

// parseAnswer is whose address a frame to mac is the answer for: the sender of an
// ARP reply, or the target of a Neighbor Advertisement.
func parseAnswer(b []byte, mac hardware) (netip.Addr, bool) {
	if len(b) < etherHeader || hardware(b[:6]) != mac {
		return netip.Addr{}, false
	}
	kind, b := binary.BigEndian.Uint16(b[12:]), b[etherHeader:]
	switch {
	case kind == etherARP && len(b) >= arpSize && b[4] == 6 && b[5] == 4 && binary.BigEndian.Uint16(b[6:]) == arpReply:
		return netip.AddrFrom4([4]byte(b[14:18])), true
	case kind == etherIPv6 && len(b) >= ip6Header+24 && b[6] == icmpv6 && b[7] == 255 && b[ip6Header] == neighborAdvertisement:
		return netip.AddrFrom16([16]byte(b[ip6Header+8 : ip6Header+24])), true
	}
	return netip.Addr{}, false
}
