// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/vip"
)

// Member is one node's part in one router.
type Member struct {
	Node      string
	Router    Router
	Interface string // a name or InterfaceAuto
	Priority  uint8
	// Own are the node's addresses, in the file's order: with InterfaceAuto its
	// interface is the one that has them.
	Own []netip.Addr
	// Elections has one entry per family that is advertised, IPv4 first.
	Elections []Election
}

// Election is a router in one family: one engine.
type Election struct {
	Family    int          // 4 or 6
	Addresses []netip.Addr // advertised, in the file's order
	// Own are the node's addresses of the family; with Gossip the one that stands
	// for the node, see vip.NodeAddress.
	Own []netip.Addr
	// Peers are the other nodes but for witnesses; empty with Multicast.
	Peers []Peer
}

// Peer is another node as a destination; with Gossip its address stands for it.
type Peer struct {
	Node      string
	Addresses []netip.Addr // of the election's family, never empty
}

// Members are the node's parts in all routers, by the routers' names. It is
// nil for a witness and an unknown node.
func (c *Config) Members(node string) []Member {
	i := slices.IndexFunc(c.Nodes, func(n Node) bool { return n.Name == node })
	if i < 0 || c.Nodes[i].Witness {
		return nil
	}
	members := make([]Member, 0, len(c.Routers))
	for _, r := range c.Routers {
		m := Member{Node: node, Router: r, Interface: r.Interface[node], Priority: r.Priority[node], Own: c.Nodes[i].Addresses}
		for _, family := range r.Families() {
			m.Elections = append(m.Elections, c.election(r, c.Nodes[i], family))
		}
		members = append(members, m)
	}
	return members
}

func (c *Config) election(r Router, self Node, family int) Election {
	e := Election{Family: family, Own: c.ElectionAddresses(self, family)}
	for _, p := range r.Addresses {
		if familyOf(p.Addr()) == family {
			e.Addresses = append(e.Addresses, p.Addr())
		}
	}
	if c.Transport.Kind == Multicast {
		return e
	}
	for _, n := range c.contenders() {
		if n.Name != self.Name {
			e.Peers = append(e.Peers, Peer{Node: n.Name, Addresses: c.ElectionAddresses(n, family)})
		}
	}
	return e
}

// ElectionAddresses are those by which the node is known in elections of the
// family: the greatest wins a tie (RFC 9568 section 6.4.3).
func (c *Config) ElectionAddresses(n Node, family int) []netip.Addr {
	if c.Transport.Kind == Gossip {
		return []netip.Addr{vip.NodeAddress(n.Name, family)}
	}
	return ofFamily(n.Addresses, family)
}

// Families are the families that the router advertises, IPv4 first: 4, 6 or
// both.
func (r Router) Families() []int {
	var families []int
	for _, family := range []int{4, 6} {
		if slices.ContainsFunc(r.Addresses, func(p netip.Prefix) bool { return familyOf(p.Addr()) == family }) {
			families = append(families, family)
		}
	}
	return families
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

func ofFamily(addresses []netip.Addr, family int) []netip.Addr {
	var of []netip.Addr
	for _, a := range addresses {
		if familyOf(a) == family {
			of = append(of, a)
		}
	}
	return of
}
