// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

// nobody is no node.
const nobody = -1

// election is units that are alike.
type election struct {
	m       *model
	units   []unit
	preempt bool
	hold    bool         // the holder stays when no majority answers
	cloud   bool         // the addresses move in a cloud, and a standby looks whether it could take them
	base    []uint8      // by node; 0: can't hold
	primary []netip.Addr // by node
	homes   [][]string   // by node: the interfaces that the routers live on
	tracks  []track.Track
	tracked map[int]int // from the check to its track
	hits    []*hit

	// When all is well.
	well   []standing
	holder int
	tied   []int
	// starts are all that may hold when all is well, the holder first.
	starts []int
}

// hit is a failure as the election feels it.
type hit struct {
	failure
	touched []int // the nodes
	shown   Failure
	// maybe: an interface fails that may be the router's own.
	maybe bool
}

// standing is a node in the election.
type standing struct {
	track.Sum
	out  bool   // dead, or no candidate
	down string // the router's interface, if that has failed
}

// can tells whether the node may hold the addresses.
func (s standing) can() bool { return !s.out && s.down == "" && len(s.Blocked) == 0 }

func newElection(m *model, u unit) *election {
	e := &election{
		m: m, units: []unit{u}, preempt: u.routers[0].Preempt, hold: u.routers[0].OnLoss == config.OnLossHold, cloud: u.cloud(), tracks: u.tracks, tracked: make(map[int]int),
		base: make([]uint8, len(m.nodes)), primary: make([]netip.Addr, len(m.nodes)), homes: make([][]string, len(m.nodes)),
	}
	for i, t := range u.tracks {
		if c, known := m.index[t.Check]; known {
			e.tracked[c] = i
		}
	}
	for i, n := range m.nodes {
		e.base[i], e.primary[i], e.homes[i] = u.routers[0].Priority[n.Name], u.primary(m, n), u.homes(n)
	}
	e.well = make([]standing, len(m.nodes))
	for i := range e.well {
		e.well[i] = e.standing(i)
	}
	e.holder, e.tied = e.elect(nobody, e.well)
	e.starts = []int{e.holder}
	for i := range e.well {
		if stays, _ := e.elect(i, e.well); stays == i && i != e.holder {
			e.starts = append(e.starts, i)
		}
	}
	e.hits = e.hitsOf(m.failures)
	return e
}

// hitsOf are the failures that can matter here, each once.
func (e *election) hitsOf(all []failure) []*hit {
	var hits []*hit
	seen := make(map[string]bool)
	for i := range all {
		h := e.hitBy(&all[i])
		key := append(binary.AppendVarint(nil, int64(h.dead)), h.link...)
		for _, p := range h.turns {
			key = binary.AppendUvarint(binary.AppendUvarint(key, uint64(p.node)), uint64(p.check))
		}
		key = append(key, h.gone...)
		if len(h.touched) == 0 && h.gone == "" || seen[string(key)] {
			continue
		}
		seen[string(key)] = true
		h.shown = e.show(h)
		hits = append(hits, h)
	}
	return hits
}

// hitBy is what of a failure touches the election.
func (e *election) hitBy(f *failure) *hit {
	h := &hit{failure: failure{what: f.what, list: f.list, gone: f.gone, dead: nobody, down: nobody}}
	if f.dead >= 0 && e.base[f.dead] != 0 {
		h.dead = f.dead
		h.touched = append(h.touched, f.dead)
	}
	for _, p := range f.turns {
		if _, tracked := e.tracked[p.check]; !tracked || e.base[p.node] == 0 {
			continue
		}
		h.turns = append(h.turns, p)
		if !slices.Contains(h.touched, p.node) {
			h.touched = append(h.touched, p.node)
		}
	}
	if f.link != "" && len(h.turns) > 0 {
		home := slices.Contains(e.homes[f.down], f.link)
		h.maybe = !home && slices.Contains(e.homes[f.down], config.InterfaceAuto)
		if home {
			h.down, h.link = f.down, f.link
		}
	}
	return h
}

// standing is the node's at the moment.
func (e *election) standing(node int) standing {
	return standing{
		Sum: track.Add(e.base[node], e.tracks, func(t track.Track) track.State {
			c, known := e.m.index[t.Check]
			if !known {
				return track.Passing
			}
			return e.m.state(node, c)
		}),
		out:  e.base[node] == 0 || e.m.dead[node] > 0,
		down: strings.Join(e.m.down[node], ", "),
	}
}

// after is how the nodes stand once all of hits are there.
func (e *election) after(hits ...*hit) []standing {
	for _, h := range hits {
		e.m.mark(&h.failure, 1)
	}
	all := slices.Clone(e.well)
	for _, h := range hits {
		for _, n := range h.touched {
			all[n] = e.standing(n)
		}
	}
	for _, h := range hits {
		e.m.mark(&h.failure, -1)
	}
	return all
}

// elect is who holds when the nodes stand so and present held before, and who
// else might as well.
//
// Among equals the present holder stays: a Backup accepts adverts of its own
// priority (RFC 9568 section 6.4.2). Only those that become Active at the same
// time are told apart by their addresses (section 6.4.3). Without Preempt_Mode a
// Backup accepts worse adverts too, but an owner is Active as soon as it can be
// (section 6.4.1), and one that yields hands over to any that is better, in the
// agent's way. The addresses are those of the configuration, which need not
// be those that decide: see unit.decided.
func (e *election) elect(present int, all []standing) (holder int, tied []int) {
	var best []int
	for i, s := range all {
		switch {
		case !s.can():
		case len(best) == 0 || s.Priority > all[best[0]].Priority:
			best = []int{i}
		case s.Priority == all[best[0]].Priority:
			best = append(best, i)
		}
	}
	if len(best) == 0 {
		return nobody, nil
	}
	if present != nobody && all[present].can() {
		stays := !e.preempt && all[best[0]].Priority != track.OwnerPriority && len(all[present].Yielding) == 0
		if stays || slices.Contains(best, present) {
			return present, nil
		}
	}
	slices.SortFunc(best, func(a, b int) int { return e.primary[b].Compare(e.primary[a]) })
	return best[0], best[1:]
}
