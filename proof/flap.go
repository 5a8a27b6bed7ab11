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
// addresses.
func (m *model) flaps(u unit, found *findings) {
	virtual := make(map[netip.Addr]bool)
	for _, r := range u.routers {
		for _, p := range slices.Concat(r.Addresses, r.Exclude) {
			virtual[p.Addr()] = true
		}
	}
	for _, t := range u.tracks {
		c, known := m.index[t.Check]
		if !known {
			continue
		}
		for i, n := range m.nodes {
			if !m.checks[c].looked[i] || slices.Contains(n.Addresses, m.checks[c].targets[i].hostAddress()) {
				continue
			}
			if f, bad := flap(t, n, m.checks[c].targets[i], virtual); bad {
				found.add(f, u.names())
				break
			}
		}
	}
}

// flap is the finding of a look that the virtual addresses are in.
func flap(t track.Track, n config.Node, at target, virtual map[netip.Addr]bool) (Finding, bool) {
	f := Finding{Kind: Flap, Severity: Problem, Check: t.Check}
	elsewhere := ", which only the holder has: on every other node it fails, so that whoever holds the addresses seems the better node"
	if t.Fault() {
		elsewhere = ", which only the holder has: on every other node it fails, which keeps out all that could take over"
	}
	switch host := at.hostAddress(); {
	case virtual[host] && t.Fault():
		f.Text = t.Check + " looks at " + host.String() + ", which is wherever the addresses are: when the holder fails, " + t.Check +
			" fails on all nodes and keeps all of them out, and it can't pass again while nobody has the address"
	case virtual[host]:
		f.Text = t.Check + " looks at " + host.String() + ", which is wherever the addresses are: it fails, they move, it passes again since it sees the new holder, " +
			"and with preemption they come back, to and fro"
	case virtual[at.bind.Source]:
		f.Text = t.Check + " leaves from " + at.bind.Source.String() + elsewhere
		f.Remedy = "remove from.address, or give each node's own"
	case virtual[at.address]:
		f.Text = t.Check + " wants " + at.address.String() + " on " + at.link + elsewhere
		f.Remedy = "look for each node's own address, or for none"
	default:
		return Finding{}, false
	}
	if f.Remedy == "" {
		f.Remedy = "look at 127.0.0.1, or at each node's own address, as " + n.Addresses[0].String() + " on " + n.Name
	}
	return f, true
}
