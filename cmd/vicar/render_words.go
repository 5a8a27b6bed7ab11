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

// refusalShort is why a lease is not granted, in a table.
func refusalShort(reason string) string {
	switch reason {
	case "promised":
		return "another node asks"
	case "held":
		return "another's runs"
	case "released":
		return "given up"
	case "too_long":
		return "above max_lease"
	case "unknown":
		return "files differ"
	case "unheard":
		return "too few answer"
	case "not_ready":
		return "not ready yet"
	case "fence":
		return "no fence"
	default:
		return reason
	}
}

// unanswered is a reason for which a lease message is dropped, to be read after
// a number of them.
func unanswered(reason string) string {
	switch reason {
	case "malformed":
		return "malformed"
	case "version":
		return "of an unknown version"
	case "sender":
		return "in another node's name"
	case "voter":
		return "of a node that is no voter"
	case "foreign":
		return "with another node's ballot"
	case "drift":
		return "by another list of voters"
	case "overflow":
		return "too many at once"
	case "unsent":
		return "not sent"
	default:
		return "for " + reason
	}
}

// unlinked is a reason for which a packet of the peer link is dropped, to be
// read after a number of them.
func unlinked(reason string) string {
	switch reason {
	case "wrong_key":
		return "with another key or none"
	case "wrong_cluster":
		return "of another cluster"
	case "unknown", "agent_unknown":
		return "of a node that is not configured"
	case "repeated":
		return "that came before"
	case "unproven":
		return "of a start that is not proven"
	case "malformed", "agent_malformed":
		return "malformed"
	case "misdirected":
		return "meant for another node"
	case "duplicate":
		return "of a second node with a name"
	case "unhandled":
		return "for a newer version"
	case "overflow", "agent_overflow":
		return "too many at once"
	default:
		return "for " + reason
	}
}
