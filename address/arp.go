// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/binary"
	"net/netip"
)

const (
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	arpRequest = 1
	arpReply   = 2
)

// hardware is an Ethernet address.
type hardware [6]byte

var broadcast = hardware{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// appendARP appends the frame of a gratuitous ARP (RFC 9568 section 6.4.2 with
// erratum 7949, RFC 5944 section 4.6): broadcast, the sender's and the target's
// protocol address are both the virtual one. The sender's hardware address is
// the interface's own: vicar has no virtual router MAC (beyond the RFC).
//
// In a request the target's hardware address means nothing and is zero
// (RFC 5227 section 2.3); in a reply it is the sender's (RFC 5944). Both
// forms are sent because some hosts and switches listen to one of them only.
func appendARP(b []byte, op uint16, mac hardware, addr netip.Addr) []byte {
	ip := addr.As4()
	var target hardware
	if op == arpReply {
		target = mac
	}
	b = append(b, broadcast[:]...)
	b = append(b, mac[:]...)
	b = binary.BigEndian.AppendUint16(b, etherARP)
	b = append(b,
		0, 1, // hardware type: Ethernet
		8, 0, // protocol type: IPv4
		6, 4, // lengths of their addresses
	)
	b = binary.BigEndian.AppendUint16(b, op)
	b = append(b, mac[:]...)
	b = append(b, ip[:]...)
	b = append(b, target[:]...)
	return append(b, ip[:]...)
}
