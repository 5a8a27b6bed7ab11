// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

// dropped is a reason for which a packet is not used (wire.Drop), to be read
// after a number of packets.
func dropped(reason string) string {
	switch reason {
	case "truncated":
		return "cut short"
	case "version":
		return "of another version"
	case "type":
		return "of an unknown type"
	case "checksum":
		return "with a wrong checksum"
	case "no_address":
		return "without an address"
	case "zero_interval":
		return "with an interval of 0"
	case "auth":
		return "with another password"
	case "ttl":
		return "with too low a TTL"
	case "vrid":
		return "of another VRID"
	case "interval_v2":
		return "with another interval"
	case "not_peer":
		return "from no peer"
	case "not_unicast":
		return "sent by multicast"
	case "not_multicast":
		return "sent by unicast"
	case "own":
		return "from this node's own address"
	case "not_link_local":
		return "from no link-local address"
	default:
		return "for " + reason
	}
}

// noticed is what is odd about an advert (vrrp.NoticeKind), to be read after a
// number of adverts.
func noticed(kind string) string {
	switch kind {
	case "interval", "interval_v2":
		return "with another interval"
	case "addresses":
		return "with other addresses"
	case "owner":
		return "to the addresses' owner"
	case "two_owners":
		return "of a second owner"
	case "rival":
		return "of a worse Active"
	default:
		return "for " + kind
	}
}
