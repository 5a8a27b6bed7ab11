// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire

// Drop is why a packet was not used. It is an error, a counter's index and a
// metric's label at once, so that nothing is dropped without a name.
type Drop uint8

// The reasons. Those up to DropAuth are found by Parse, and DropVRID for VRID 0,
// which no router has; the rest by who knows more than the bytes.
const (
	DropTruncated    Drop = iota // shorter than its address count says (RFC 9568 section 7.1)
	DropVersion                  // neither 2 nor 3, or not this router's (section 7.1)
	DropType                     // not an ADVERTISEMENT (section 5.2.2)
	DropChecksum                 // fits no form of the checksum (section 5.2.8)
	DropNoAddress                // IPvX Addr Count is 0 (section 5.2.5, erratum 8299)
	DropZeroInterval             // Max Advertise Interval is 0 (erratum 8301)
	DropAuth                     // version 2: unknown type, or another password (RFC 3768 section 5.3.6)
	DropTTL                      // TTL or hop limit too low (sections 5.1.1.3, 5.1.2.3)
	DropVRID                     // not configured on this interface (section 7.1)
	DropIntervalV2               // version 2: not the local interval (RFC 3768 section 7.1)
	DropNotPeer                  // unicast: the source is not a peer
	DropNotUnicast               // a multicast packet for a unicast router
	DropNotMulticast             // a unicast packet for a multicast router
	DropOwn                      // sent from our own address: a loop, or a duplicate address
	DropNotLinkLocal             // IPv6 multicast: the source is not link-local (section 5.1.2.1)
	Drops                        // how many there are
)

var dropNames = [Drops]string{
	"truncated", "version", "type", "checksum", "no_address", "zero_interval", "auth", "ttl",
	"vrid", "interval_v2", "not_peer", "not_unicast", "not_multicast", "own", "not_link_local",
}

// String is the reason as a metric's label shows it.
func (d Drop) String() string {
	if d < Drops {
		return dropNames[d]
	}
	return "unknown"
}

// Error makes a Drop an error.
func (d Drop) Error() string { return "advert dropped: " + d.String() }
