// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"slices"
)

// outcome is a step for the report.
func (e *election) outcome(s step) Outcome {
	o := e.result(s.failures(), s.after, s.next, s.tied)
	o.Moves = s.next != nobody && s.next != s.start
	o.NoMajority = s.minority
	return o
}

// result is who holds when the nodes stand so.
func (e *election) result(failures []Failure, all []standing, holder int, tied []int) Outcome {
	o := Outcome{Failures: failures, Holder: e.name(holder), Tied: e.names(tied)}
	o.Standings = make([]Standing, 0, len(all))
	for i, s := range all {
		if e.base[i] == 0 {
			continue
		}
		shown := Standing{Node: e.name(i), Base: s.Base, Priority: int(s.Priority), Dead: s.out, Down: s.down}
		for _, t := range s.Blocked {
			shown.Blocked = append(shown.Blocked, e.tracks[t].Check)
		}
		o.Standings = append(o.Standings, shown)
	}
	if len(failures) > 0 {
		repaired, _ := e.elect(holder, e.well)
		o.Repaired = e.name(repaired)
	}
	return o
}

// show is the hit for people.
func (e *election) show(h *hit) Failure {
	f := Failure{What: h.what, Dead: cmp.Or(e.name(h.dead), h.gone)}
	var names []string
	for _, p := range h.turns {
		name := e.m.checks[p.check].name
		f.Turned = append(f.Turned, Turned{Node: e.name(p.node), Check: name, State: e.turnedState(p)})
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
	case h.list == bracketed:
		f.What += " (" + words(names) + ")"
	case h.list == plainly:
		f.What += " " + list(names)
	}
	return f
}

func (e *election) turnedState(p place) string {
	if e.m.checks[p.check].reverse {
		return "passing"
	}
	return "failing"
}

func (e *election) name(node int) string {
	if node == nobody {
		return ""
	}
	return e.m.nodes[node].Name
}

func (e *election) names(nodes []int) []string {
	var names []string
	for _, n := range nodes {
		names = append(names, e.name(n))
	}
	return names
}

// routers are all that the election is about, by name.
func (e *election) routers() []string {
	var names []string
	for _, u := range e.units {
		names = append(names, u.names()...)
	}
	slices.Sort(names)
	return names
}

func (e *election) groups() []string {
	var names []string
	for _, u := range e.units {
		if u.group != "" {
			names = append(names, u.group)
		}
	}
	return names
}
