// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// prove checks what only shows when the whole file is seen. Values that are
// wrong by themselves are zero and left out.
func (r *reader) prove(raw *rawFile, c *Config, known knownChecks, routers []router, groups []group) {
	inFile := slices.Clone(routers)
	slices.SortFunc(inFile, func(a, b router) int { return cmp.Compare(a.key.line, b.key.line) })
	r.distinctAddresses(inFile)
	r.ownAddresses(c, inFile)
	for i := range inFile {
		r.distinctVRID(c, inFile[:i], &inFile[i])
		r.reachable(c, &inFile[i])
	}
	r.ties(raw, c, inFile)
	r.ownerTracks(inFile, groups)
	r.untracked(known, inFile, groups)
	for i := range groups {
		r.together(c, inFile, &groups[i])
	}
	r.guarded(raw, c, inFile, groups)
	r.clouds(raw, c, known, inFile)
}

// distinctAddresses checks that no address is in two routers.
func (r *reader) distinctAddresses(routers []router) {
	type use struct {
		router string
		at     mark
	}
	users := make(map[netip.Addr]use)
	for _, v := range routers {
		for _, p := range slices.Concat(v.Addresses, v.Exclude) {
			a := p.Addr()
			if first, used := users[a]; used {
				r.bad(v.marks[a], fmt.Sprintf("%s is already an address of router %s on line %d", a, first.router, first.at.line), "an address is in one router alone")
				continue
			}
			users[a] = use{v.Name, v.marks[a]}
		}
	}
}

// ownAddresses checks that a virtual address is a node's own only where the
// node is its owner (RFC 9568 section 5.2.4), and the reverse.
func (r *reader) ownAddresses(c *Config, routers []router) {
	nodes := make(map[netip.Addr]string)
	witness := make(map[string]bool)
	for _, n := range c.Nodes {
		witness[n.Name] = n.Witness
		for _, a := range n.Addresses {
			nodes[a] = n.Name
		}
	}
	for _, v := range routers {
		owned := make(map[string]int)
		for _, p := range slices.Concat(v.Addresses, v.Exclude) {
			node, isNodes := nodes[p.Addr()]
			if !isNodes {
				continue
			}
			owned[node]++
			if witness[node] {
				r.bad(v.marks[p.Addr()], fmt.Sprintf("%s is the own address of node %s, a witness", p.Addr(), node), "choose another address")
			} else if pri := v.Priority[node]; pri != 0 && pri != wire.PriorityOwner {
				hint := "choose another address"
				if c.Guard.Kind != GuardQuorum { // which can have no owner
					hint += ", or give " + node + " priority 255 in this router: it owns the address then (RFC 9568 section 5.2.4)"
				}
				r.bad(v.marks[p.Addr()], fmt.Sprintf("%s is the own address of node %s", p.Addr(), node), hint)
			}
		}
		r.owners(c, v, owned)
	}
}

// owners checks the nodes with priority 255.
func (r *reader) owners(c *Config, v router, owned map[string]int) {
	var owners []string
	for _, n := range c.contenders() {
		if v.Priority[n.Name] == wire.PriorityOwner {
			owners = append(owners, n.Name)
		}
	}
	at := v.key
	if v.raw.Priority.present() {
		at = v.raw.Priority.mark
	}
	if len(owners) > 1 {
		r.bad(at, words(owners)+" have priority 255", "one node alone can own the addresses; give the others 254 or less")
		return
	}
	if len(owners) == 1 && owned[owners[0]] < len(v.Addresses)+len(v.Exclude) {
		r.bad(at, owners[0]+" has priority 255, but not all addresses are its own",
			"255 says that the host has the addresses anyway (RFC 9568 section 5.2.4); write 254 or less")
	}
}

// distinctVRID checks a router against those before it: on one interface, in
// one family, a VRID is one router. Gossip knows no interfaces.
func (r *reader) distinctVRID(c *Config, before []router, v *router) {
	if v.VRID == 0 {
		return
	}
	for _, other := range before {
		if other.VRID != v.VRID || !slices.ContainsFunc(v.Families(), func(f int) bool { return slices.Contains(other.Families(), f) }) {
			continue
		}
		where := fmt.Sprintf("VRID %d is already that of router %s on line %d", v.VRID, other.Name, other.raw.VRID.line)
		if c.Transport.Kind == Gossip {
			r.bad(v.raw.VRID.mark, where+", and by gossip all interfaces are one LAN", "give each router a VRID of its own")
			return
		}
		var may []string
		clash := false
		for _, n := range c.contenders() {
			a, b := v.Interface[n.Name], other.Interface[n.Name]
			switch {
			case a == "" || b == "":
			case a == b:
				clash = true
			case a == InterfaceAuto || b == InterfaceAuto:
				may = append(may, n.Name)
			}
		}
		switch {
		case clash:
			r.bad(v.raw.VRID.mark, where+", on the same interface", "give each router on an interface a VRID of its own")
			return
		case len(may) > 0:
			r.warn(v.raw.VRID.mark, where+", and on "+words(may)+" auto may be the same interface", "name both interfaces, or choose another VRID")
		}
	}
}

// reachable checks that unicast has a peer address in each family.
func (r *reader) reachable(c *Config, v *router) {
	if c.Transport.Kind != Unicast {
		return
	}
	for _, family := range v.Families() {
		first := slices.IndexFunc(v.Addresses, func(p netip.Prefix) bool { return familyOf(p.Addr()) == family })
		var without []string
		for _, n := range c.contenders() {
			if len(n.Addresses) > 0 && len(ofFamily(n.Addresses, family)) == 0 {
				without = append(without, n.Name)
			}
		}
		if len(without) == 0 {
			continue
		}
		a := v.Addresses[first]
		r.bad(v.marks[a.Addr()], fmt.Sprintf("%s needs unicast over IPv%d, but there is no IPv%d address of %s", a, family, family, words(without)),
			fmt.Sprintf("add one to address in nodes, move the IPv%d addresses to exclude, or use multicast", family))
	}
}

// ties warns of nodes with the same priority: the holder stays, whoever that is,
// and the greater address decides only among those that are Active at the same
// time (RFC 9568 section 6.4.3).
func (r *reader) ties(raw *rawFile, c *Config, routers []router) {
	hint := "who is first holds the addresses, and of those that start together the one with the greater address; give each node a priority of its own"
	if c.Guard.Kind == GuardQuorum {
		hint = "who is granted the lease first holds the addresses; give each node a priority of its own"
	}
	fromNodes := ""
	for _, v := range routers {
		tie := tied(c, v.Router)
		switch {
		case tie == "":
		case v.raw.Priority.present():
			r.warn(v.raw.Priority.mark, tie, hint)
		default:
			fromNodes = tie
		}
	}
	if fromNodes != "" {
		r.warn(raw.Nodes.mark, fromNodes, hint)
	}
}

// tied says which nodes have the same priority in a router, or nothing.
func tied(c *Config, v Router) string {
	byPriority := make(map[uint8][]string)
	for _, n := range c.contenders() {
		byPriority[v.Priority[n.Name]] = append(byPriority[v.Priority[n.Name]], n.Name)
	}
	for p := 254; p > 0; p-- {
		if names := byPriority[uint8(p)]; len(names) > 1 {
			return fmt.Sprintf("%s have the same priority %d", words(names), p)
		}
	}
	return ""
}
