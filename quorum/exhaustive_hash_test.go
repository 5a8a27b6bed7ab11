// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"time"
)

// exHash tells states apart. What has no order is added up.
type exHash uint64

func (h *exHash) number(n uint64) {
	// SplitMix64's mixing (Steele, Lea, Flood 2014).
	z := uint64(*h) + n + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	*h = exHash(z ^ z>>31)
}

func (h *exHash) flag(b bool) {
	if b {
		h.number(1)
	} else {
		h.number(0)
	}
}

// time is t, or nothing if it has passed and doesn't count any more.
func (h *exHash) time(t time.Time) {
	if t.IsZero() {
		h.number(0)
		return
	}
	h.number(uint64(t.UnixNano()))
}

// node hashes names of one letter.
func (h *exHash) node(name string) {
	if name == "" {
		h.number(0)
	} else {
		h.number(uint64(name[0]))
	}
}

func (h *exHash) ballot(b Ballot) {
	h.number(b.Counter)
	h.node(b.Node)
	h.number(b.Start)
}

// sum is that of a message on its way.
func (p exPacket) sum() uint64 {
	var h exHash
	m := p.msg
	for _, n := range []uint64{uint64(p.from), uint64(p.to), uint64(m.Kind), m.Sequence, uint64(m.Refusal), uint64(m.Remaining)} {
		h.number(n)
	}
	h.ballot(m.Ballot)
	h.ballot(m.Promised)
	h.ballot(m.Holder)
	return uint64(h)
}

func (s *exState) hash() uint64 {
	var h exHash
	l := s.left
	for _, n := range []int{l.ticks, l.repeats, l.restarts, l.giveUps, l.timers, s.now} {
		h.number(uint64(n))
	}
	for i := range s.voters {
		h.voter(s.voters[i], s.local(i))
	}
	for i := range s.cands {
		h.number(s.lives[i])
		if s.local(i).Before(s.fence[i]) {
			h.time(s.fence[i])
		}
		h.candidate(s.cands[i], s.local(i), s.left.timers > 0)
	}
	var wire uint64
	for _, p := range s.wire {
		wire += p.hash
	}
	h.number(wire)
	h.ballot(s.holder)
	h.flag(s.forgot)
	return uint64(h)
}

func (h *exHash) voter(v *Voter, now time.Time) {
	if now.Before(v.silent) {
		h.time(v.silent)
	}
	h.ballot(v.terms[exResource.Name])
	for _, st := range v.states {
		h.flag(st.runs(now))
		if st.runs(now) {
			h.ballot(st.lease.ballot)
			h.time(st.lease.expiry)
		}
		h.ballot(st.promised)
		h.time(st.promisedAt)
		var released uint64
		for _, b := range st.released {
			var one exHash
			one.ballot(b)
			released += uint64(one)
		}
		h.number(released)
	}
}

// candidate hashes one; when it asks again only if timers fire.
func (h *exHash) candidate(c *Candidate, now time.Time, timers bool) {
	h.number(uint64(c.phase))
	h.number(c.counter)
	h.flag(c.jumped)
	h.number(c.sequence)
	h.ballot(c.ballot)
	if now.Before(c.until) {
		h.time(c.until)
	}
	for _, r := range c.rounds {
		h.number(uint64(r.kind))
		h.number(r.sequence)
		h.time(r.t0)
		var votes uint64
		for _, v := range r.votes {
			var one exHash
			one.node(v.node)
			one.flag(v.yes)
			votes += uint64(one)
		}
		h.number(votes)
	}
	if !timers {
		return
	}
	h.time(c.due)
	h.time(c.renewed)
	h.number(uint64(c.tries))
	h.number(uint64(c.failures))
	h.number(c.random)
	h.ballot(c.holder)
	h.ballot(c.said.holder)
	h.number(uint64(c.said.refusal))
	var words uint64
	for _, w := range c.said.words {
		var one exHash
		one.node(w.node)
		one.time(w.until)
		words += uint64(one)
	}
	h.number(words)
}

// tidy takes what can't do anything any more off the wire, so that less states
// differ: an answer that no round waits for and that says nothing new, and, as
// long as no voter can forget, what is of a ballot that the voter knows to be
// released.
func (s *exState) tidy() {
	s.wire = slices.DeleteFunc(s.wire, func(p exPacket) bool {
		m := p.msg
		if m.Kind == Promise || m.Kind == Accepted {
			c := s.cands[p.to]
			waits := m.Ballot == c.ballot && slices.ContainsFunc(c.rounds, func(r round) bool { return r.sequence == m.Sequence })
			return !waits && max(m.Promised.Counter, m.Holder.Counter) <= c.counter
		}
		if s.left.restarts > 0 {
			return false
		}
		v := s.voters[p.to]
		st := v.states[key{m.Resource, m.Digest}]
		return !s.local(p.to).Before(v.silent) && st.wasReleased(m.Ballot) && st.lease.ballot != m.Ballot && !st.promised.sameLife(m.Ballot)
	})
}
