// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"time"
)

// tableSlot is the table as a voter of one list: what was read or written last,
// and since when it has been so.
type tableSlot struct {
	list    List
	digest  Digest
	id      string // generation and digest of the list
	known   bool   // there is nothing to be read before a decision
	record  record
	version uint64    // 0: there is none
	at      time.Time // when it was so last
	tried   time.Time // when the last call began
	seen    map[key]sighting
	born    time.Time // since when a fresh record has been seen
	// doubt is the version that a write was made of whose end isn't known, and
	// unsure what it would have decided.
	doubt  uint64
	unsure []decision
	seal   string // the list that it is to be sealed for; empty: none
}

// sighting is since when a lease has been seen unchanged.
type sighting struct {
	ballot   Ballot
	sequence uint64
	since    time.Time
}

// sealing tells whether the record is still to be sealed. One that is sealed for
// another list stays so.
func (s *tableSlot) sealing() bool {
	return s.seal != "" && (!s.known || s.version == 0 || s.record.Sealed == "")
}

// bound tells whether the record is sealed for another list than those that are
// asked under.
func (s *tableSlot) bound(ids [2]string) bool {
	return s.record.Sealed != "" && s.record.Sealed != ids[0] && s.record.Sealed != ids[1]
}

// observe takes the record as it was at some time before now.
func (s *tableSlot) observe(now time.Time, r record, version uint64) {
	seen := make(map[key]sighting, len(r.Leases))
	for i := range r.Leases {
		l := &r.Leases[i]
		was, ok := s.seen[l.key()]
		if !ok || was.ballot != l.ballot() || was.sequence != l.Sequence {
			was = sighting{l.ballot(), l.Sequence, now}
		}
		seen[l.key()] = was
	}
	if r.Fresh != s.record.Fresh {
		s.born = now
	}
	s.known, s.record, s.version, s.at, s.seen = true, r, version, now, seen
}

// due is when the record is to be looked at though no question needs it: so that
// what has run out is known to have when it matters.
func (s *tableSlot) due(cfg *TableConfig, asked time.Time) time.Time {
	look := cfg.Look
	switch {
	case s.known && s.version == 0 && !s.tried.After(s.at):
		return s.at // it is to be made
	case s.at.Sub(asked) < s.list.MaxLease: // what stands in the way is waited for
		for i := range s.record.Leases {
			if l := &s.record.Leases[i]; l.Ballot.Node != cfg.Node && s.runs(s.at, l) {
				look = min(look, l.Lease/4)
			}
		}
	}
	return s.tried.Add(look)
}

// runs tells whether a lease counts as running.
func (s *tableSlot) runs(now time.Time, l *tableLease) bool {
	return now.Before(s.seen[l.key()].since.Add(l.Lease))
}

// voter is the one whose memory the record is.
func (s *tableSlot) voter(now time.Time, name string, file []Resource) *Voter {
	v := &Voter{
		node: name, lists: Lists{Current: s.list}, digests: [2]Digest{s.digest},
		states: map[key]*state{}, terms: map[string]Ballot{}, floor: s.record.Floor,
	}
	if s.record.Fresh != 0 {
		v.silent = s.born.Add(s.list.MaxLease)
	}
	v.configure(now, file)
	for i := range s.record.Leases {
		l := &s.record.Leases[i]
		st := v.states[l.key()]
		if st == nil {
			st = &state{resource: l.resource(), gone: true}
			v.states[l.key()] = st
		}
		st.lease = lease{l.ballot(), l.Sequence, s.seen[l.key()].since.Add(l.Lease)}
	}
	for _, t := range s.record.Terms {
		v.terms[t.Resource] = t.ballot()
		for k, st := range v.states {
			if t.Released && k.name == t.Resource {
				st.released = []Ballot{t.ballot()}
			}
		}
	}
	return v
}

// decision is what the voter says to a question; nothing unless ok.
type decision struct {
	question *question
	answer   Message
	ok       bool
}

// decide lets the voter decide, and returns the record that follows. A question
// that changes nothing in the record, as one that is asked again and was accepted
// before, needs no write.
func (s *tableSlot) decide(now time.Time, name string, file []Resource, kept int, asked []*question) (next record, changed bool, decided []decision) {
	next = s.record.clone()
	if s.sealing() {
		next.Sealed, changed = s.seal, true
	}
	v := s.voter(now, name, file)
	// What is given up first, what is only promised last: it leaves nothing.
	asked = slices.Clone(asked)
	slices.SortStableFunc(asked, func(a, b *question) int { return rank(a.Kind) - rank(b.Kind) })
	for _, q := range asked {
		d := decision{question: q}
		switch q.Kind {
		case Release:
			d.ok = true
			for _, st := range v.states {
				st.release(q.Ballot)
			}
			// A version more is what a write that is on its way will not find.
			changed = next.release(q.Resource, q.Ballot) || s.doubt == s.version || changed
		default:
			if next.Sealed != "" && !slices.Contains(q.under, next.Sealed) {
				break
			}
			d.answer, d.ok = v.Handle(now, q.Ballot.Node, q.Message)
			if q.Kind == Propose && d.ok && d.answer.Refusal == None {
				changed = next.accept(v.states[key{q.Resource, q.Digest}].resource, &q.Message) || changed
			}
		}
		decided = append(decided, d)
	}
	if changed {
		next.Leases = slices.DeleteFunc(next.Leases, func(l tableLease) bool {
			seen := s.seen[l.key()]
			return seen.ballot == l.ballot() && seen.sequence == l.Sequence && !s.runs(now, &l)
		})
		next.forget(file, kept)
	}
	return next, changed, decided
}

func rank(k Kind) int {
	switch k {
	case Release:
		return 0
	case Propose:
		return 1
	default:
		return 2
	}
}

// accept enters a lease, or its renewal, and tells whether that changes the
// record. T never becomes shorter: of the same life, what was accepted
// before may be relied on still.
func (r *record) accept(resource Resource, m *Message) bool {
	k := key{m.Resource, m.Digest}
	i := slices.IndexFunc(r.Leases, func(l tableLease) bool { return l.key() == k })
	if i < 0 {
		r.Leases = append(r.Leases, newTableLease(resource))
		i = len(r.Leases) - 1
	}
	l := &r.Leases[i]
	was := *l
	if l.ballot() != m.Ballot {
		l.Sequence = 0
	}
	if !l.ballot().sameLife(m.Ballot) {
		l.Lease = 0
	}
	l.Ballot = newTableBallot(m.Ballot)
	l.Sequence, l.Lease = max(l.Sequence, m.Sequence), max(l.Lease, m.Lease)
	t := r.termOf(m.Resource)
	changed := r.Fresh != 0 || !l.same(&was) || t.ballot() != m.Ballot
	t.Ballot, t.Released, r.Fresh = newTableBallot(m.Ballot), false, 0
	if last := len(r.Terms) - 1; changed && t != &r.Terms[last] {
		latest := *t
		r.Terms = append(slices.DeleteFunc(r.Terms, func(t tableTerm) bool { return t.Resource == m.Resource }), latest)
	}
	return changed
}

// release forgets the lease of a ballot, which is never accepted again. One that
// isn't there may be in a write that is still to happen, see tableSlot.doubt.
func (r *record) release(resource string, b Ballot) bool {
	n := len(r.Leases)
	r.Leases = slices.DeleteFunc(r.Leases, func(l tableLease) bool { return l.Resource == resource && l.ballot() == b })
	changed := n != len(r.Leases)
	for i := range r.Terms {
		if t := &r.Terms[i]; t.Resource == resource && t.ballot() == b && !t.Released {
			t.Released, changed = true, true
		}
	}
	return changed
}
