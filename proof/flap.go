// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

// flaps finds the checks of a unit whose results depend on who holds its
// addresses, or another's.
func (m *model) flaps(units []unit, i int, found *findings) {
	u := units[i]
	for _, t := range u.tracks {
		c, known := m.index[t.Check]
		if !known {
			continue
		}
		v := viewer{m: m, units: units, unit: i, track: t}
		for node, n := range m.nodes {
			at := m.checks[c].targets[node]
			if !m.checks[c].looked[node] || u.routers[0].Priority[n.Name] == 0 {
				continue
			}
			if f, bad := v.flap(n, at, m.alike(u, c, at)); bad {
				f.Check = t.Check
				found.add(f, u.names())
				break
			}
		}
	}
}

// alike tells whether all of the unit's nodes look at the same virtual address,
// and not at one of their own.
func (m *model) alike(u unit, check int, at target) bool {
	for node, n := range m.nodes {
		if u.routers[0].Priority[n.Name] != 0 && m.checks[check].targets[node].hostAddress() != at.hostAddress() {
			return false
		}
	}
	return m.virtualHost(at)
}

// viewer is a unit's track that a virtual address may be in.
type viewer struct {
	m     *model
	units []unit
	unit  int
	track track.Track
}

// own and others tell whose virtual address it is.
func (v viewer) own(a netip.Addr) bool {
	u, virtual := v.m.virtual[a]
	return virtual && u == v.unit
}

func (v viewer) others(a netip.Addr) bool {
	u, virtual := v.m.virtual[a]
	return virtual && u != v.unit
}

// holders are the routers that move with another's address.
func (v viewer) holders(a netip.Addr) string { return words(v.units[v.m.virtual[a]].names()) }

// flap is the finding of a node's look that a virtual address is in.
func (v viewer) flap(n config.Node, at target, alike bool) (Finding, bool) {
	own := func(a netip.Addr) bool { return slices.Contains(n.Addresses, a) } // an owner's
	f := Finding{Kind: Flap, Severity: Problem}
	switch host, source := at.hostAddress(), at.bind.Source; {
	case v.own(host) && !own(host):
		f.Text = v.track.Check + " looks at " + host.String() + ", which is wherever the addresses are: " + v.looking(n, alike)
		f.Remedy = "look at 127.0.0.1, or at each node's own address, as " + n.Addresses[0].String() + " on " + n.Name
	case v.own(source) && !own(source):
		f.Text = v.track.Check + " leaves from " + source.String() + v.holderOnly()
		f.Remedy = "remove from.address, or give each node's own"
	case v.own(at.address) && !own(at.address):
		f.Text = v.track.Check + " wants " + at.address.String() + " on " + at.link + v.holderOnly()
		f.Remedy = "look for each node's own address, or for none"
	case v.others(source) && !own(source):
		f.Text = v.track.Check + " leaves from " + source.String() + v.otherOnly(source)
		f.Remedy = "remove from.address, or give each node's own; " + v.syncGroup(source)
	case v.others(at.address) && !own(at.address):
		f.Text = v.track.Check + " wants " + at.address.String() + " on " + at.link + v.otherOnly(at.address)
		f.Remedy = "look for each node's own address, or for none; " + v.syncGroup(at.address)
	case v.others(host) && alike && !v.track.Fault():
		f.Kind, f.Severity = Stays, Note
		f.Text = v.track.Check + " looks at " + host.String() + ", which " + v.holders(host) + " has: it passes or fails on all nodes alike, and its weight moves nothing"
		f.Remedy = "look at 127.0.0.1, or at each node's own address, as " + n.Addresses[0].String() + " on " + n.Name
	default:
		return Finding{}, false
	}
	return f, true
}

// looking is what becomes of a look at the unit's own address.
func (v viewer) looking(n config.Node, alike bool) string {
	switch t := v.track; {
	case t.Fault() && t.Reverse:
		return "as soon as it passes it takes " + n.Name + " out, and when nobody has the addresses it lets it in again, to and fro"
	case t.Fault() && alike:
		return "it fails on all nodes while nobody has them, and keeps all of them out; so nobody takes them after a start, " +
			"and once it has failed nobody ever takes them again"
	case t.Fault():
		return "it fails on " + n.Name + " while nobody has them, and keeps it out just when it should take over"
	case alike:
		return "it passes or fails on all nodes alike, and its weight moves nothing"
	case t.Reverse:
		return "on " + n.Name + " it tells of the holder, whoever that is, and not of " + n.Name
	}
	return "on " + n.Name + " it fails, the addresses move, it passes again since it sees the new holder, and with preemption they come back, to and fro"
}

// holderOnly is what becomes of a look that passes only where the unit's
// addresses are.
func (v viewer) holderOnly() string {
	const text = ", which only the holder has: on every other node it fails, "
	switch t := v.track; {
	case t.Reverse:
		return text + "so that whoever holds the addresses is the worse node for it, and they go to and fro"
	case t.Fault():
		return text + "which keeps out all that could take over"
	}
	return text + "so that whoever holds the addresses seems the better node"
}

// otherOnly is the same where another unit's are.
func (v viewer) otherOnly(a netip.Addr) string {
	text := ", which only the node has that holds " + v.holders(a) + ": on every other node it fails while all is well, "
	switch t := v.track; {
	case t.Fault() && t.Reverse:
		return text + "and that node is out"
	case t.Fault():
		return text + "which keeps it out"
	}
	return text + "whatever the node's health"
}

func (v viewer) syncGroup(a netip.Addr) string {
	return "what should be on one node with " + v.holders(a) + " goes into a sync group with it"
}
