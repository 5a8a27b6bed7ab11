// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"cmp"
	"slices"
	"time"
)

// lease is one that a voter has accepted.
type lease struct {
	ballot   Ballot
	sequence uint64 // the highest
	expiry   time.Time
}

// after tells whether l ends after o; of equal ends, whether its ballot is higher.
func (l lease) after(o lease) bool {
	return cmp.Or(l.expiry.Compare(o.expiry), l.ballot.Compare(o.ballot)) > 0
}

// remembered is how many lives' released ballots a voter remembers. One that is
// forgotten costs at most a lease time: its holder doesn't use it any more.
const remembered = 16

// state is what a voter remembers of a resource.
type state struct {
	resource   Resource
	gone       bool // not in the node's file any more
	lease      lease
	promised   Ballot
	promisedAt time.Time
	released   []Ballot // the highest of each life, the oldest first
}

// runs tells whether a lease runs.
func (s *state) runs(now time.Time) bool { return now.Before(s.lease.expiry) }

// accept takes or renews a lease. It never shortens one: an older proposal may
// come late.
func (s *state) accept(now time.Time, m Message) {
	if !s.runs(now) || s.lease.ballot != m.Ballot {
		s.lease.sequence = 0
	}
	s.lease.ballot = m.Ballot
	s.lease.sequence = max(s.lease.sequence, m.Sequence)
	if expiry := now.Add(m.Lease); expiry.After(s.lease.expiry) {
		s.lease.expiry = expiry
	}
	s.promised, s.promisedAt = m.Ballot, now
}

// release forgets the lease of b, and what was promised to b or before it to its
// life, and nothing else.
func (s *state) release(b Ballot) {
	if s == nil || b.IsZero() {
		return
	}
	if s.lease.ballot == b {
		s.lease = lease{}
	}
	if s.promised.sameLife(b) && s.promised.Counter <= b.Counter {
		s.promised = Ballot{}
	}
	if s.wasReleased(b) {
		return
	}
	s.released = slices.DeleteFunc(s.released, b.sameLife)
	if len(s.released) == remembered {
		s.released = slices.Delete(s.released, 0, 1)
	}
	s.released = append(s.released, b)
}

// wasReleased tells whether b, or a later ballot of its life, was released.
func (s *state) wasReleased(b Ballot) bool {
	return slices.ContainsFunc(s.released, func(r Ballot) bool {
		return r.sameLife(b) && r.Counter >= b.Counter
	})
}

// lapse forgets a promise that nothing came of: leases keep holders apart,
// promises only order candidates, and one whose candidate is dead would refuse
// a holder's renewals for ever.
func (s *state) lapse(now time.Time, after time.Duration) {
	if !s.runs(now) && now.Sub(s.promisedAt) >= after {
		s.promised = Ballot{}
	}
}

// Grant is a lease that a voter has granted, as status shows it.
type Grant struct {
	Resource string
	Ballot   Ballot
	Sequence uint64
	Until    time.Time // on the voter's clock
	Gone     bool      // the node's file lacks the resource
}

// Grants are the leases that run at now, by name.
func (v *Voter) Grants(now time.Time) []Grant {
	var grants []Grant
	for k, s := range v.states {
		if s.runs(now) {
			grants = append(grants, Grant{k.name, s.lease.ballot, s.lease.sequence, s.lease.expiry, s.gone})
		}
	}
	slices.SortFunc(grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), a.Ballot.Compare(b.Ballot))
	})
	return grants
}
