// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"net/netip"
	"slices"
)

// overlaps tells whether a packet can be for both.
func (f Frontend) overlaps(g Frontend) bool {
	if f.Mark != 0 || g.Mark != 0 {
		return f.Mark == g.Mark && f.Family == g.Family
	}
	return f.Protocol == g.Protocol && f.First.BitLen() == g.First.BitLen() &&
		!f.Last.Less(g.First) && !g.Last.Less(f.First) &&
		f.FirstPort <= g.LastPort && g.FirstPort <= f.LastPort &&
		f.anyPort() == g.anyPort() // one for all ports is for those that no other is for
}

func (f Frontend) anyPort() bool { return f.FirstPort == 0 }

// without is what is left of frontends when others are taken away: of a range,
// the rest of it.
func without(frontends, others []Frontend) []Frontend {
	left := slices.Clone(frontends)
	for _, o := range others {
		var rest []Frontend
		for _, f := range left {
			rest = append(rest, f.minus(o)...)
		}
		left = rest
	}
	return left
}

// minus is what is left of a frontend without another: the addresses before and
// behind it, and of its addresses the ports before and behind.
func (f Frontend) minus(g Frontend) []Frontend {
	if !f.overlaps(g) {
		return []Frontend{f}
	}
	if f.Mark != 0 {
		return nil
	}
	var rest []Frontend
	keep := func(first, last netip.Addr, firstPort, lastPort uint16) {
		part := f
		part.First, part.Last, part.FirstPort, part.LastPort = first, last, firstPort, lastPort
		rest = append(rest, part)
	}
	first, last := f.First, f.Last
	if first.Less(g.First) {
		keep(first, g.First.Prev(), f.FirstPort, f.LastPort)
		first = g.First
	}
	if g.Last.Less(last) {
		keep(g.Last.Next(), last, f.FirstPort, f.LastPort)
		last = g.Last
	}
	if f.FirstPort < g.FirstPort {
		keep(first, last, f.FirstPort, g.FirstPort-1)
	}
	if g.LastPort < f.LastPort {
		keep(first, last, g.LastPort+1, f.LastPort)
	}
	return rest
}

// union has all of both once.
func union(a, b []Frontend) []Frontend {
	all := slices.Clone(a)
	for _, f := range b {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}
