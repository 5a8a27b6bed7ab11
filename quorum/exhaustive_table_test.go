// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// etBounds are how often each thing may happen on one path.
type etBounds struct{ ticks, fails, renewals, restarts, giveUps int }

// etCall is a call on its way to the table, or its answer on the way back. Who
// has lost patience doesn't wait for it any more.
type etCall struct {
	node   int
	waits  bool
	call   *TableCall
	result *TableResult
}

// etState is two nodes that don't hear each other, and a table. Their votes for
// themselves arrive at once. A call may be late as long as one likes.
type etState struct {
	exCourse
	left    etBounds
	voters  [2]*Voter
	cands   [2]*Candidate
	proxies [2]*Table
	record  []byte
	version uint64
	calls   []etCall
	mutant  tableMutant
}

func etLists() Lists {
	return Lists{Current: List{Voters: []string{"a", "b", "table t"}, MaxLease: exLease}}
}

func newEtState(t *testing.T, left etBounds, m tableMutant) *etState {
	s := &etState{left: left, mutant: m, record: []byte(`{"version":1}`), version: 1}
	for i := range s.voters {
		s.restart(t, i)
		s.voters[i].silent = time.Time{} // has run for long
	}
	return s
}

func (s *etState) restart(t *testing.T, node int) {
	name, lists, all := simName(node), etLists(), []Resource{exResource}
	s.lives[node]++
	s.calls = slices.DeleteFunc(s.calls, func(c etCall) bool { return c.node == node && c.result != nil })
	for i := range s.calls {
		s.calls[i].waits = s.calls[i].waits && s.calls[i].node != node
	}
	var errs [3]error
	s.voters[node], errs[0] = NewVoter(VoterConfig{Node: name, Lists: lists, Resources: all, Terms: s.kept(node)}, s.local(node))
	s.cands[node], errs[1] = NewCandidate(CandidateConfig{
		Node: name, Start: s.lives[node], Resource: exResource, Lists: lists, Lease: exLease, Renew: exLease / 3,
	})
	s.proxies[node], errs[2] = NewTable(TableConfig{Node: name, Name: "table t", Lists: lists, Resources: all, Look: 100 * exLease})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.consult(node)
}

// kept are the terms that the node has on disk.
func (s *etState) kept(node int) map[string]Ballot {
	if s.voters[node] == nil {
		return nil
	}
	return s.voters[node].Terms()
}

// step is a step of a candidate, which asks the table at once.
func (s *etState) step(node int, ev Event) {
	c, now := s.cands[node], s.local(node)
	actions := slices.Clone(c.Step(now, ev))
	if !c.reserve.due.IsZero() && len(c.rounds) > 0 && !c.rounds[len(c.rounds)-1].reserve {
		c.reserve.due = now
		actions = append(actions, slices.Clone(c.Step(now, Tick{}))...)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			s.send(node, a)
		case Granted:
			s.fence[node] = a.Until
			s.begins(c.ballot)
		default:
		}
	}
	s.consult(node)
}

func (s *etState) send(node int, a Send) {
	switch _, table := IsTable(a.To); {
	case table:
		s.proxies[node].Ask(s.local(node), a.Message)
	case a.To == simName(node):
		if answer, ok := s.voters[node].Handle(s.local(node), a.To, a.Message); ok {
			s.step(node, Received{From: a.To, Message: answer})
		}
	}
}

func (s *etState) consult(node int) {
	p := s.proxies[node]
	if s.mutant.atOnce {
		for _, slot := range p.slots {
			for k, seen := range slot.seen {
				slot.seen[k] = sighting{seen.ballot, seen.sequence, time.Time{}}
			}
		}
	}
	answers, call := p.Step(s.local(node))
	if call != nil {
		s.calls = append(s.calls, etCall{node: node, waits: true, call: call})
	}
	for _, m := range answers {
		s.step(node, Received{From: "table t", Message: m})
	}
}

// arrive is the call's arrival at the table.
func (s *etState) arrive(i int) {
	c := &s.calls[i]
	c.result = &TableResult{Record: s.record, Version: s.version}
	if c.call.Write {
		c.result = &TableResult{Written: c.call.Was == s.version || s.mutant.blind}
		if c.result.Written {
			s.record, s.version = c.call.Record, c.call.Version
		}
	}
	if !c.waits {
		s.calls = slices.Delete(s.calls, i, i+1)
	}
}

// end is the end of a call for who made it: with its answer, or with none.
func (s *etState) end(i int, fails bool) {
	c := s.calls[i]
	result := TableResult{Err: errDesk}
	if !fails {
		result = *c.result
	}
	if c.result != nil || !c.call.Write { // nothing is to come of it any more
		s.calls = slices.Delete(s.calls, i, i+1)
	} else {
		s.calls[i].waits = false
	}
	s.proxies[c.node].Done(s.local(c.node), result)
	if fails {
		s.proxies[c.node].again = time.Time{} // it need not wait for a tick
	}
	s.consult(c.node)
}

func (s *etState) clone(what func() string) *etState {
	n := *s
	n.path = &exStep{what, s.path}
	n.calls = slices.Clone(s.calls)
	for i := range n.voters {
		n.voters[i], n.cands[i], n.proxies[i] = exVoter(s.voters[i]), exCandidate(s.cands[i]), etTable(s.proxies[i])
		for j := range n.calls {
			if c := &n.calls[j]; c.node == i && c.waits {
				c.call = n.proxies[i].call
			}
		}
	}
	return &n
}

// etTable is a copy.
func etTable(of *Table) *Table {
	t := *of
	copies := map[*question]*question{}
	again := func(q *question) *question {
		if copies[q] == nil {
			c := *q
			c.open = slices.Clone(q.open)
			copies[q] = &c
		}
		return copies[q]
	}
	decisions := func(all []decision) []decision {
		all = slices.Clone(all)
		for i := range all {
			all[i].question = again(all[i].question)
		}
		return all
	}
	t.questions = slices.Clone(t.questions)
	for i, q := range t.questions {
		t.questions[i] = again(q)
	}
	if t.call != nil {
		c := *t.call
		c.decided, c.next = decisions(c.decided), c.next.clone()
		t.call = &c
	}
	t.slots = slices.Clone(t.slots)
	for i, s := range t.slots {
		c := *s
		c.seen, c.unsure = maps.Clone(s.seen), decisions(s.unsure)
		t.slots[i] = &c
	}
	return &t
}

// next are the states that may follow.
func (s *etState) next(t *testing.T, all []*etState) []*etState {
	add := func(what func() string, change func(*etState)) {
		n := s.clone(what)
		change(n)
		all = append(all, n)
	}
	if s.left.ticks > 0 {
		add(func() string { return "tick" }, func(n *etState) { n.left.ticks--; n.now++ })
	}
	for i, c := range s.calls {
		what := func(how string) func() string {
			return func() string {
				return fmt.Sprintf("%d's call, write %v of %d: %s", c.node, c.call.Write, c.call.Was, how)
			}
		}
		if c.result == nil {
			add(what("arrives"), func(n *etState) { n.arrive(i) })
		} else {
			add(what("is answered"), func(n *etState) { n.end(i, false) })
		}
		if c.waits && s.left.fails > 0 {
			add(what("is not waited for"), func(n *etState) { n.left.fails--; n.end(i, true) })
		}
	}
	for i, c := range s.cands {
		if s.left.restarts > 0 {
			add(func() string { return fmt.Sprint(i, " restarts") }, func(n *etState) { n.left.restarts--; n.restart(t, i) })
		}
		if c.phase == idle && c.ballot.IsZero() {
			add(func() string { return fmt.Sprint(i, " acquires") }, func(n *etState) { n.step(i, Acquire{}) })
		}
		if at, ok := c.Deadline(); ok && c.phase == waiting && !s.local(i).Before(at) {
			add(func() string { return fmt.Sprint(i, " tries again") }, func(n *etState) { n.step(i, Tick{}) })
		}
		if c.phase == holding && s.left.renewals > 0 {
			add(func() string { return fmt.Sprint(i, " renews") }, func(n *etState) { n.left.renewals--; n.step(i, Renew{}) })
		}
		if c.phase != idle && s.left.giveUps > 0 {
			add(func() string { return fmt.Sprint(i, " gives up") }, func(n *etState) { n.left.giveUps--; n.fence[i] = time.Time{}; n.step(i, GiveUp{}) })
		}
	}
	return all
}

func (s *etState) hash() uint64 {
	var h exHash
	l := s.left
	for _, n := range []int{l.ticks, l.fails, l.renewals, l.restarts, l.giveUps, s.now} {
		h.number(uint64(n))
	}
	h.ballot(s.holder)
	h.bytes(s.record)
	h.number(s.version)
	for i := range s.voters {
		now := s.local(i)
		h.number(s.lives[i])
		h.time(s.fence[i])
		h.voter(s.voters[i], now)
		h.candidate(s.cands[i], now, true)
		h.table(s.proxies[i])
	}
	var calls uint64
	for _, c := range s.calls {
		var one exHash
		one.number(uint64(c.node))
		one.flag(c.waits)
		one.call(c.call)
		one.flag(c.result != nil)
		if c.result != nil {
			one.flag(c.result.Written)
			one.bytes(c.result.Record)
			one.number(c.result.Version)
		}
		calls += uint64(one)
	}
	h.number(calls)
	return uint64(h)
}

func (h *exHash) bytes(b []byte) {
	for len(b) > 0 {
		var eight [8]byte
		b = b[copy(eight[:], b):]
		h.number(uint64(eight[0]) | uint64(eight[1])<<8 | uint64(eight[2])<<16 | uint64(eight[3])<<24 |
			uint64(eight[4])<<32 | uint64(eight[5])<<40 | uint64(eight[6])<<48 | uint64(eight[7])<<56)
	}
}

func (h *exHash) call(c *TableCall) {
	h.flag(c.Write)
	h.bytes(c.Record)
	h.number(c.Was)
	h.number(uint64(len(c.decided)))
}

func (h *exHash) question(q *question) {
	h.number(uint64(q.Kind))
	h.number(q.Sequence)
	h.ballot(q.Ballot)
	h.time(q.since)
}

func (h *exHash) table(t *Table) {
	for _, q := range t.questions {
		h.question(q)
	}
	h.flag(t.call != nil)
	for _, s := range t.slots {
		h.flag(s.known)
		b, _ := s.record.encode()
		h.bytes(b)
		h.number(s.version)
		h.number(s.doubt)
		h.time(s.at)
		for _, d := range s.unsure {
			h.question(d.question)
		}
		for _, seen := range s.seen {
			h.time(seen.since)
		}
	}
}

// TestExhaustiveTable is TestExhaustive for two nodes that have nothing but a
// table: whatever call is late, or has its answer lost.
func TestExhaustiveTable(t *testing.T) {
	for _, test := range []struct {
		name   string
		left   etBounds
		states int
	}{
		{"calls alone", etBounds{}, 92},
		{"ticks", etBounds{ticks: 3}, 15278},
		{"lost answers", etBounds{fails: 2}, 1462},
		{"a lost answer and ticks", etBounds{ticks: 2, fails: 1}, 25313},
		{"a renewal and ticks", etBounds{ticks: 2, renewals: 1}, 7173},
		{"a lost answer and a release", etBounds{fails: 1, giveUps: 1}, 3873},
		{"a lost answer and a restart", etBounds{fails: 1, restarts: 1}, 4691},
		{"lost answers and ticks", etBounds{ticks: 3, fails: 2}, 0},
		{"renewals", etBounds{ticks: 3, fails: 1, renewals: 2}, 0},
		{"a release", etBounds{ticks: 2, fails: 2, giveUps: 1}, 0},
		{"a restart", etBounds{ticks: 3, fails: 1, restarts: 1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			holdsIn(t, newEtState(t, test.left, tableMutant{}), test.states, *statesFlag/6) // these take longer
		})
	}
}

// TestExhaustiveTableFindsMutants shows that the search would see a hole.
func TestExhaustiveTableFindsMutants(t *testing.T) {
	for _, test := range []struct {
		name string
		left etBounds
		tableMutant
	}{
		{"the version is not checked", etBounds{}, tableMutant{blind: true}},
		{"a lease in it has run out at once", etBounds{}, tableMutant{atOnce: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			breaksIn(t, newEtState(t, test.left, test.tableMutant), *statesFlag)
		})
	}
}
