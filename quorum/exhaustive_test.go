// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

var statesFlag = flag.Int("states", 30_000, "how many states to search of each small case")

// exBounds are how often each thing may happen on one path.
type exBounds struct {
	ticks, repeats, restarts, giveUps, timers int
	jumps                                     bool // candidates jump above a refusal, as they do; many states differ then
}

// exPacket is a message on its way. It may never arrive: to lose it is not to
// deliver it.
type exPacket struct {
	from, to int
	msg      *Message
	hash     uint64
}

// exState is a state of three voters, the first two of them candidates. What a
// node says to itself arrives at once.
type exState struct {
	exCourse
	left   exBounds
	voters [3]*Voter
	cands  [2]*Candidate
	wire   []exPacket
	mutant mutant
}

const (
	exLease = 1000 * time.Millisecond
	// Two ticks are more than 0.9 and less than 0.999 of a lease on the first
	// node's clock, and more than a lease on the others', which are 10 % faster.
	exTick = 475 * time.Millisecond
)

var exResource = Resource{Name: "web", Addresses: simViews[0][0].Addresses}

func exLists() Lists {
	return Lists{Current: List{Voters: []string{"a", "b", "c"}, MaxLease: exLease}}
}

func newExState(t *testing.T, left exBounds, m mutant) *exState {
	s := &exState{left: left, mutant: m}
	for i := range s.voters {
		s.restart(t, i)
		s.voters[i].silent = time.Time{} // has run for long
	}
	return s
}

func (s *exState) restart(t *testing.T, node int) {
	cfg := VoterConfig{Node: simName(node), Lists: exLists(), Resources: []Resource{exResource}}
	v, err := NewVoter(cfg, s.local(node))
	if err != nil {
		t.Fatal(err)
	}
	if s.mutant.noSilence {
		v.silent = time.Time{}
	}
	s.voters[node] = v
	if node >= len(s.cands) {
		return
	}
	s.lives[node]++
	life := s.lives[node]
	if s.mutant.noStartID {
		life = 1
	}
	s.cands[node], err = NewCandidate(CandidateConfig{
		Node: simName(node), Start: life, Resource: exResource, Lists: exLists(), Lease: exLease, Renew: exLease / 3,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// step is a step of a candidate with all that it causes at its own node.
func (s *exState) step(node int, ev Event) {
	c := s.cands[node]
	c.jumped = c.jumped || !s.left.jumps
	for _, a := range slices.Clone(c.Step(s.local(node), ev)) {
		switch a := a.(type) {
		case Send:
			s.send(node, int(a.To[0]-'a'), a.Message)
		case Granted:
			until := a.Until
			if f := s.mutant.factor; f > 0 {
				until = until.Add(exLease * time.Duration(f-900) / 1000)
			}
			s.fence[node] = until
			s.begins(c.ballot)
		default: // Lost: it doesn't get so far as to give up
		}
	}
}

func (s *exState) send(from, to int, m Message) {
	p := exPacket{from: from, to: to, msg: &m}
	if from != to {
		p.hash = p.sum()
		s.wire = append(s.wire, p)
		return
	}
	s.deliver(p)
}

func (s *exState) deliver(p exPacket) {
	if p.msg.Kind == Promise || p.msg.Kind == Accepted {
		s.step(p.to, Received{From: simName(p.from), Message: *p.msg})
		return
	}
	if s.mutant.noTerms && !s.voters[p.to].states[key{p.msg.Resource, p.msg.Digest}].runs(s.local(p.to)) {
		clear(s.voters[p.to].terms)
	}
	if answer, ok := s.voters[p.to].Handle(s.local(p.to), simName(p.from), *p.msg); ok {
		s.send(p.to, p.from, answer)
	}
}

// clone is a copy with a step more, which is node's alone; -1: nobody's.
func (s *exState) clone(node int, what func() string) *exState {
	n := *s
	n.path = &exStep{what, s.path}
	n.wire = make([]exPacket, len(s.wire), len(s.wire)+2)
	copy(n.wire, s.wire)
	if node < 0 {
		return &n
	}
	n.voters[node] = exVoter(s.voters[node])
	if node < len(s.cands) {
		n.cands[node] = exCandidate(s.cands[node])
	}
	return &n
}

// exVoter is a copy.
func exVoter(of *Voter) *Voter {
	v := *of
	v.states = maps.Clone(v.states)
	for k, st := range v.states {
		o := *st
		o.released = slices.Clone(st.released)
		v.states[k] = &o
	}
	v.terms = maps.Clone(v.terms)
	return &v
}

// exCandidate is a copy.
func exCandidate(of *Candidate) *Candidate {
	c := *of
	c.out = nil
	c.said.words = slices.Clone(c.said.words)
	c.rounds = slices.Clone(c.rounds)
	for j := range c.rounds {
		c.rounds[j].votes = slices.Clone(c.rounds[j].votes)
	}
	return &c
}

// next are the states that may follow.
func (s *exState) next(t *testing.T, all []*exState) []*exState {
	add := func(node int, what func() string, change func(*exState)) {
		n := s.clone(node, what)
		change(n)
		n.tidy()
		all = append(all, n)
	}
	// The last of them is searched first, hence what is rare late in a path.
	for i := range s.voters {
		if s.left.restarts > 0 {
			add(i, func() string { return fmt.Sprint(i, " restarts") }, func(n *exState) { n.left.restarts--; n.forgot = true; n.restart(t, i) })
		}
	}
	if s.left.ticks > 0 {
		add(-1, func() string { return "tick" }, func(n *exState) { n.left.ticks--; n.now++ })
	}
	for i := range s.wire {
		p := s.wire[i]
		what := func() string { return fmt.Sprintf("%v %v from %d to %d", p.msg.Kind, p.msg.Ballot, p.from, p.to) }
		add(p.to, what, func(n *exState) { n.wire = slices.Delete(n.wire, i, i+1); n.deliver(p) })
		if s.left.repeats > 0 {
			add(p.to, func() string { return what() + ", repeated" }, func(n *exState) { n.left.repeats--; n.deliver(p) })
		}
	}
	for i, c := range s.cands {
		if c.phase == idle && c.ballot.IsZero() {
			add(i, func() string { return fmt.Sprint(i, " acquires") }, func(n *exState) { n.step(i, Acquire{}) })
		}
		if at, ok := c.Deadline(); ok && s.left.timers > 0 && !s.local(i).Before(at) {
			add(i, func() string { return fmt.Sprint(i, " ticks") }, func(n *exState) { n.left.timers--; n.step(i, Tick{}) })
		}
		if c.phase == holding && s.left.timers > 0 {
			add(i, func() string { return fmt.Sprint(i, " renews") }, func(n *exState) { n.left.timers--; n.step(i, Renew{}) })
		}
		if c.phase != idle && s.left.giveUps > 0 {
			add(i, func() string { return fmt.Sprint(i, " gives up") }, func(n *exState) { n.left.giveUps--; n.fence[i] = time.Time{}; n.step(i, GiveUp{}) })
		}
	}
	return all
}
