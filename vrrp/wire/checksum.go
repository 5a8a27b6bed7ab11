// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"net/netip"
)

// The checksum is the Internet checksum (RFC 1071). Words of 32 bits are added
// instead of 16, and folded at the end: 2^16 is 1 modulo 2^16-1, so the sums
// are congruent. Every VRRP message is a multiple of four bytes, and 64 bits
// can't overflow by a message of at most 4 kB.

// sumBytes adds b, whose length is a multiple of four.
func sumBytes(sum uint64, b []byte) uint64 {
	for ; len(b) >= 4; b = b[4:] {
		sum += uint64(binary.BigEndian.Uint32(b))
	}
	return sum
}

// sumPseudo is the sum of the pseudo-header: addresses, length of the message
// and protocol, of IPv6 (RFC 8200 section 8.1) or of IPv4 in the form that TCP
// uses (RFC 9293 section 3.1). Both addresses are of one family.
func sumPseudo(src, dst netip.Addr, length int) uint64 {
	sum := uint64(length) + Protocol
	if src.Is4() {
		s, d := src.As4(), dst.As4()
		return sumBytes(sumBytes(sum, s[:]), d[:])
	}
	s, d := src.As16(), dst.As16()
	return sumBytes(sumBytes(sum, s[:]), d[:])
}

// fold is the one's complement sum in 16 bits.
func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// good tells whether a sum that includes the checksum field is that of an
// intact message.
func good(sum uint64) bool { return fold(sum) == 0xffff }
