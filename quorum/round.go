// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"time"
)

// round is one question to all voters. Only answers to its sequence count, with
// the time before it was asked.
type round struct {
	kind     Kind
	sequence uint64
	t0       time.Time
	lease    time.Duration
	lists    Lists // as they were
	digests  [2]Digest
	votes    []vote
	reserve  bool // tables were asked, too
}

// vote is a voter's answer.
type vote struct {
	node  string
	yes   bool
	under [2]Digest
}

// verdict is what the answers come to.
func (r *round) verdict() (granted, blocked bool) {
	granted = true
	for i, l := range r.lists.both() {
		if len(l.Voters) == 0 {
			continue
		}
		yes, no := 0, 0
		for _, v := range r.votes {
			switch {
			case !slices.Contains(l.Voters, v.node):
			case v.yes && v.under[i] == r.digests[i]:
				yes++
			default:
				no++
			}
		}
		granted = granted && yes >= l.Majority()
		blocked = blocked || no > len(l.Voters)-l.Majority()
	}
	return granted, blocked
}

// ask opens a round.
func (c *Candidate) ask(now time.Time, kind Kind) {
	c.sequence++
	c.makeRoom()
	c.open(round{kind: kind, sequence: c.sequence, t0: now, lease: c.cfg.Lease, lists: c.cfg.Lists, digests: c.digests})
	m := Message{Kind: kind, Release: c.handed}
	if kind == Propose {
		m.Lease = c.cfg.Lease
		c.renewed = now
	}
	c.send(m)
	if c.phase == holding {
		c.holdReserve(now)
	}
	c.callReserve(now)
}

// makeRoom forgets a round if many wait for answers: round trips may take longer than a
// renewal's interval. Tables take longer still.
func (c *Candidate) makeRoom() {
	most := 4
	if len(c.tables) > 0 {
		most = 8
	}
	if len(c.rounds) < most {
		return
	}
	if i := slices.IndexFunc(c.rounds, func(r round) bool { return !r.reserve }); i > 0 {
		c.rounds = slices.Delete(c.rounds, i, i+1)
		return
	}
	c.forget(1)
}

// open adds a round, in the memory of one that was forgotten.
func (c *Candidate) open(r round) {
	n := len(c.rounds)
	if n < cap(c.rounds) {
		r.votes = c.rounds[:n+1][n].votes[:0]
	}
	c.rounds = append(c.rounds, r)
}

// forget forgets the n oldest rounds, and keeps their memory.
func (c *Candidate) forget(n int) {
	for i := n; i < len(c.rounds); i++ {
		c.rounds[i-n], c.rounds[i] = c.rounds[i], c.rounds[i-n]
	}
	c.rounds = c.rounds[:len(c.rounds)-n]
}

// said is what voters said of a ballot since it was last granted.
type said struct {
	refusal Refusal // Held, if any said so
	holder  Ballot
	words   []word
}

// word is the last that a voter said: until when another's lease runs, or zero.
type word struct {
	node  string
	until time.Time
}

func (s *said) reset() { *s = said{words: s.words[:0]} }

func (s *said) add(now time.Time, from string, m *Message) {
	w := word{node: from}
	switch {
	case m.Refusal == None:
	case m.Refusal == Held:
		s.refusal, s.holder = Held, m.Holder
		w.until = now.Add(max(m.Remaining, 0))
	case s.refusal != Held:
		s.refusal = m.Refusal
	}
	if i := slices.IndexFunc(s.words, func(o word) bool { return o.node == from }); i >= 0 {
		s.words[i] = w
	} else {
		s.words = append(s.words, w)
	}
}

// reason is the refusal, or that too few voters answered.
func (s *said) reason() Refusal {
	if s.refusal == None {
		return Unheard
	}
	return s.refusal
}

// received counts an answer.
func (c *Candidate) received(now time.Time, from string, m *Message) {
	if m.Resource != c.cfg.Resource.Name || m.Digest != c.digest {
		return
	}
	asked := Prepare
	switch m.Kind {
	case Promise:
	case Accepted:
		asked = Propose
	default:
		return
	}
	c.see(m.Promised)
	c.see(m.Holder)
	i := slices.IndexFunc(c.rounds, func(r round) bool {
		return r.kind == asked && r.sequence == m.Sequence && m.Ballot == c.ballot
	})
	if i < 0 || slices.ContainsFunc(c.rounds[i].votes, func(v vote) bool { return v.node == from }) {
		return
	}
	r := &c.rounds[i]
	r.votes = append(r.votes, vote{from, m.Refusal == None, m.Lists})
	c.said.add(now, from, m)
	granted, blocked := r.verdict()
	switch {
	case granted && asked == Prepare:
		c.begin(now, proposing)
		c.again(now, Propose)
	case granted:
		c.granted(now, i)
	case m.Refusal == Promised && c.phase == preparing && !c.jumped:
		// Mostly it is a former holder's ballot and nobody else asks: it takes a
		// round trip more, and no back-off. Rivals must part, hence once.
		c.jumped = true
		c.attempt(now)
	case blocked && c.phase != holding:
		c.fail(now)
	case m.Refusal == Held && c.phase != holding && (c.tries < enough || !c.awaitsReserve(now)):
		// The others alone may be too few, and silent; this one is free then.
		if at := c.opens(now); at.Before(c.due) {
			c.due = at
		}
	}
}

// granted takes or renews the lease by the answers to round i.
func (c *Candidate) granted(now time.Time, i int) {
	r := c.rounds[i]
	c.reserve.needed = slices.ContainsFunc(r.votes, func(v vote) bool { return v.yes && slices.Contains(c.tables, v.node) })
	c.forget(i + 1)
	until := r.t0.Add(term(r.lease))
	if r.lease >= c.cfg.Lease {
		c.margin = c.cfg.Margin
	}
	if c.phase == proposing {
		if !now.Before(until.Add(-c.margin)) { // the answers came too late
			c.fail(now)
			return
		}
		c.phase, c.until = holding, until
		c.failures, c.jumped, c.handed = 0, false, Ballot{}
	}
	if until.After(c.until) {
		c.until = until
	}
	c.reserve.due, c.reserve.since, c.reserve.called = time.Time{}, r.t0, false
	if len(c.rounds) > 0 { // it took long, and later ones wait still
		c.holdReserve(now)
	}
	c.said.reset()
	c.emit(Granted{c.ballot.Counter, c.until})
}
