// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/binary"
	"net/netip"
)

const (
	icmpv6                = 58
	neighborAdvertisement = 136
	flagRouter            = 0x80
	flagOverride          = 0x20
	optionTarget          = 2  // Target Link-Layer Address (RFC 4861 section 4.6.1)
	advertisementSize     = 32 // with the one option
)

// allNodes is where unsolicited advertisements go (RFC 4861 section 7.2.6) and
// allNodesMAC its Ethernet address (RFC 2464 section 7).
var (
	allNodes    = netip.MustParseAddr("ff02::1")
	allNodesMAC = hardware{0x33, 0x33, 0, 0, 0, 1}
)

// appendNA appends the frame of an unsolicited Neighbor Advertisement
// (RFC 9568 section 6.4.2, RFC 4861 section 7.2.6): Router and Override set,
// Solicited clear, with the interface's own hardware address as the target's
// (RFC 9568 has the virtual router MAC; beyond the RFC). The source is the
// virtual address itself, which is on the interface.
func appendNA(b []byte, mac hardware, addr netip.Addr) []byte {
	src, dst := addr.As16(), allNodes.As16()
	b = append(b, allNodesMAC[:]...)
	b = append(b, mac[:]...)
	b = binary.BigEndian.AppendUint16(b, etherIPv6)

	b = append(b, 0x60, 0, 0, 0) // version 6
	b = binary.BigEndian.AppendUint16(b, advertisementSize)
	b = append(b, icmpv6, 255) // hop limit: RFC 4861 section 7.1.2
	b = append(b, src[:]...)
	b = append(b, dst[:]...)

	start := len(b)
	b = append(b, neighborAdvertisement, 0, 0, 0, flagRouter|flagOverride, 0, 0, 0)
	b = append(b, src[:]...) // the target
	b = append(b, optionTarget, 1)
	b = append(b, mac[:]...)
	binary.BigEndian.PutUint16(b[start+2:], checksum6(src, dst, b[start:]))
	return b
}

// checksum6 is the ICMPv6 checksum (RFC 4443 section 2.3) of a message of even
// length whose checksum field is zero.
func checksum6(src, dst [16]byte, message []byte) uint16 {
	sum := uint32(len(message)) + icmpv6
	for _, part := range [][]byte{src[:], dst[:], message} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
