// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package wire is the VRRP advertisement on the wire: version 3 for IPv4 and
// IPv6 (RFC 9568 section 5) and version 2 for IPv4 (RFC 3768 section 5).
//
// It knows nothing of sockets, time or state. Whatever bytes it is given it
// answers with an Advert or a Drop, and never panics.
package wire

import (
	"net/netip"
	"time"
)

// Protocol is VRRP's IP protocol number, and the Next Header of its IPv6
// pseudo-header (RFC 9568 sections 5.1.1.4 and 5.1.2.4).
const Protocol = 112

// TTL is the IPv4 TTL and IPv6 Hop Limit of every multicast advertisement
// (RFC 9568 sections 5.1.1.3 and 5.1.2.3).
const TTL = 255

// The multicast groups of RFC 9568 sections 5.1.1.2 and 5.1.2.2.
var (
	Group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	Group6 = netip.MustParseAddr("ff02::12")
)

// Version is the protocol version in a packet's first four bits.
type Version uint8

const (
	V2 Version = 2 // RFC 3768: IPv4, intervals in whole seconds
	V3 Version = 3 // RFC 9568: IPv4 and IPv6, intervals in centiseconds
)

// Priorities with a meaning of their own (RFC 9568 section 5.2.4).
const (
	PriorityStop  uint8 = 0   // the Active Router gives up
	PriorityOwner uint8 = 255 // the router's own addresses
)

// Checksum says how the checksum of a version 3 IPv4 packet is computed. The
// other kinds of packet leave no choice.
type Checksum uint8

const (
	// ChecksumMessage covers the VRRP message alone (RFC 9568 section 5.2.8).
	ChecksumMessage Checksum = iota
	// ChecksumPseudo adds an IPv4 pseudo-header, as RFC 5798 was often read
	// and as keepalived sends by default.
	ChecksumPseudo
)

// Advert is one ADVERTISEMENT. Interval is Max Advertise Interval (version 3,
// in steps of 10 ms up to 40.95 s) or Adver Int (version 2, whole seconds).
type Advert struct {
	Version   Version
	VRID      uint8
	Priority  uint8
	Interval  time.Duration
	Addresses []netip.Addr
	// Password is the plain-text authentication of version 2 (RFC 2338
	// section 5.3.10, kept for interoperation); nil is none.
	Password *[8]byte
}

// Packet is an IP packet of protocol 112 as a transport hands it over or takes
// it. Data is the VRRP message without the IP header. Its owner is whoever
// made the slice: a receiver copies what it keeps.
type Packet struct {
	Src, Dst netip.Addr // without zones
	TTL      uint8      // TTL or hop limit it arrived with
	// Age is how long before it was handed over it arrived; 0 if that is unknown.
	// Who reads late can still set his timers from when the packet came.
	Age  time.Duration
	Data []byte
}
