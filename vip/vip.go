// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package vip is the vocabulary of the agent's ports: what is claimed, and
// what the host's network looks like. It has types only, so that who moves
// addresses and who decides about them need not know each other.
package vip

import "net/netip"

// Claim is what a router's holder holds.
type Claim struct {
	// Router is who claims: the virtual router's name, with "/ipv6" behind it for
	// the second family of a router that has both.
	Router string
	Term   uint64 // numbers the take-over
	// Follows is this node's term before, if a guard was asked again at once and
	// nobody else is known to have had one between; else 0.
	Follows   uint64
	Interface string
	// Addresses in the configuration's order, the advertised ones first, each
	// with the prefix length it gets on the interface.
	Addresses []netip.Prefix
}

// Interface is a network interface as it is now.
type Interface struct {
	Index int
	Name  string
	Up    bool // administratively up and with a carrier
	// Addresses in the kernel's order, which makes the first IPv4 address the
	// primary one; without those that vicar put there, without tentative and
	// failed ones.
	Addresses []netip.Prefix
}

// Change is what a watcher saw. Any part may be empty.
type Change struct {
	// Interfaces is the whole present state, or nil if it did not change.
	Interfaces []Interface
	// Lost are claimed addresses that somebody else removed from the host.
	Lost []netip.Addr
	// Taken are claimed addresses that somebody else took where they move besides, in a
	// cloud say. The Mover there counts what it takes back.
	Taken []netip.Addr
}
