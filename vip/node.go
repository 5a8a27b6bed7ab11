// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vip

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
)

// NodeAddress is the address that stands for a node where adverts travel by
// gossip: the election compares addresses to break ties (RFC 9568 section
// 6.4.3), and a node need not have one of each family. It is made of the name
// alone, the same on every node, of 240.0.0.0/4 (RFC 1112 section 4) or 100::/64
// (RFC 6666), and never on a wire. Two names may have one of IPv4's 2^28.
func NodeAddress(node string, family int) netip.Addr {
	h := fnv.New64a()
	h.Write([]byte(node))
	sum := h.Sum64()
	if family == 4 {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 0xf0000000|uint32(sum>>36)) //nolint:gosec // 28 bits are left
		if a == [4]byte{255, 255, 255, 255} {
			a[3]--
		}
		return netip.AddrFrom4(a)
	}
	a := [16]byte{0: 1}
	binary.BigEndian.PutUint64(a[8:], sum|1)
	return netip.AddrFrom16(a)
}
