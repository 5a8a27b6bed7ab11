// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/track"
)

// step is a failure that comes upon an election: how the nodes stand and who
// holds before it and after it.
type step struct {
	hits          []*hit // the last is the one that comes
	start         int    // who held when all was well
	from          string // the same, if it is not the election's holder
	before, after []standing
	holder, next  int
	tied          []int // with next
	// left is how many voters are left, minority that they are no majority.
	left     int
	minority bool
}

func (s step) hit() *hit { return s.hits[len(s.hits)-1] }

// what is the failures for people.
func (s step) what() string {
	var whats []string
	if s.from != "" {
		whats = append(whats, s.from+" holds")
	}
	for _, h := range s.hits {
		whats = append(whats, h.shown.What)
	}
	return strings.Join(whats, ", then ")
}

func (s step) failures() []Failure {
	var fs []Failure
	for _, h := range s.hits {
		fs = append(fs, h.shown)
	}
	return fs
}

// last is the last step when the failures come one after the other, and start
// held before them.
func (e *election) last(start int, hits ...*hit) step {
	s := step{hits: hits, start: start, after: e.well, next: start}
	if start != e.holder {
		s.from = e.name(start)
	}
	for i := range hits {
		s.before, s.holder = s.after, s.next
		s.after = e.after(hits[:i+1]...)
		s.next, s.tied = e.elect(s.holder, s.after)
		if s.left = e.m.left(hits[:i+1]); s.left < e.m.majority {
			s.minority, s.next, s.tied = true, e.kept(s.holder, s.after), nil
		}
	}
	return s
}

// lost is what the failures have taken from the node.
func (e *election) lost(s step, node int) int { return added(e.well[node]) - added(s.after[node]) }

// rival is the best node that the failure does not touch and that could hold in
// the holder's place, or nobody. One to which as much has happened before is
// none: to stay is right then.
func (e *election) rival(s step) int {
	best := nobody
	for i, n := range s.after {
		if i == s.holder || !n.can() || len(n.Yielding) > 0 || slices.Contains(s.hit().touched, i) || e.lost(s, i) >= e.lost(s, s.holder) {
			continue
		}
		if best == nobody || n.Priority > s.after[best].Priority {
			best = i
		}
	}
	return best
}

// stays is the finding of a failure that makes the holder worse, and not the
// others, and does not move the addresses.
func (e *election) stays(s step) (Finding, bool) {
	if !e.preempt || s.minority || s.hit().maybe || s.holder == nobody || s.next != s.holder || !slices.Contains(s.hit().touched, s.holder) {
		return Finding{}, false
	}
	rival := e.rival(s)
	held, was := s.after[s.holder], s.before[s.holder]
	if rival == nobody || len(held.Yielding) > 0 || added(held) >= added(was) {
		return Finding{}, false
	}
	f := Finding{Kind: Stays, Severity: Problem, From: s.from, Failures: s.failures()}
	f.Text = s.what() + ": " + expression(held)
	if held.Priority > s.after[rival].Priority {
		f.Text += " still beats " + e.name(rival) + "'s " + expression(s.after[rival])
	} else {
		f.Text += " only equals " + e.name(rival) + "'s " + expression(s.after[rival]) + ", and among equals the holder stays"
	}
	turned := e.turnedOn(s.hit(), s.holder)
	if len(turned) > 1 {
		f.Remedy = "their weights must make more than the difference together"
		return f, true
	}
	k := e.tracked[turned[0]]
	f.Check = e.tracks[k].Check
	f.Remedy = lever{e: e, k: k, before: s.before, after: s.after, holder: s.holder}.remedy()
	if others := e.together(s, k, rival); len(others) > 0 {
		f.Text += "; it moves only together with " + words(others)
		if e.remote(s.holder, turned[0]) {
			f.Severity = Note
			f.Remedy = "if one is to be enough, " + f.Remedy
		}
	}
	return f, true
}

// turnedOn are the checks that the failure turns on the node.
func (e *election) turnedOn(h *hit, node int) []int {
	var turned []int
	for _, p := range h.turns {
		if p.node == node {
			turned = append(turned, p.check)
		}
	}
	return turned
}

// remote tells whether the check looks at something that is not on the node.
func (e *election) remote(node, check int) bool {
	return !e.m.local(node, e.m.checks[check].targets[node])
}

// together are other checks that don't move the addresses either when they fail
// on the holder, but do so with the track's: weights that are meant to add up,
// as those of two uplinks. It fills up from the greatest, which finds them but
// in contrived cases.
func (e *election) together(s step, k, rival int) []string {
	type other struct {
		name  string
		costs int
	}
	var others []other
	for i, t := range e.tracks {
		was := s.before[s.holder].Parts[i]
		cost := max(was-t.Part(track.Passing), was-t.Part(track.Failing))
		if i != k && cost > 0 {
			others = append(others, other{t.Check, cost})
		}
	}
	slices.SortStableFunc(others, func(a, b other) int { return cmp.Compare(b.costs, a.costs) })
	without := s.before[s.holder].Base + added(s.before[s.holder])
	with := s.after[s.holder].Base + added(s.after[s.holder])
	goal := int(s.after[rival].Priority)
	if s.after[s.holder].Base == track.OwnerPriority || goal <= track.MinPriority {
		return nil
	}
	var names []string
	for _, o := range others {
		if without-o.costs >= goal {
			without, with = without-o.costs, with-o.costs
			names = append(names, o.name)
		}
		if with < goal {
			return names
		}
	}
	return nil
}
