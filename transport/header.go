// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"encoding/binary"
	"net/netip"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// minHeader4 is an IPv4 header without options.
const minHeader4 = 20

// parseIPv4 splits what a raw IPv4 socket hands over, which begins with the IP
// header (RFC 791 section 3.1), into p. It tells whether b holds a whole
// header. Data is part of b, and nothing is allocated.
//
// The kernel has checked the header's checksum and put fragments together. A
// Total Length beyond b is therefore a packet that was cut to fit the buffer:
// what is there is handed over, for the message's parser to refuse. What
// follows Total Length is padding and is left out.
func parseIPv4(b []byte, p *wire.Packet) bool {
	if len(b) < minHeader4 || b[0]>>4 != 4 {
		return false
	}
	header := int(b[0]&0x0f) * 4
	if header < minHeader4 || header > len(b) {
		return false
	}
	end := int(binary.BigEndian.Uint16(b[2:]))
	if end < header {
		return false
	}
	*p = wire.Packet{
		Src:  netip.AddrFrom4([4]byte(b[12:16])),
		Dst:  netip.AddrFrom4([4]byte(b[16:20])),
		TTL:  b[8],
		Data: b[header:min(end, len(b))],
	}
	return true
}
