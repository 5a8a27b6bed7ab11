// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import "slices"

// Votes is what this node can expect of the voters.
type Votes struct {
	// Silent are the voters that don't answer, by name: those that this node asks in
	// vain, and of those that it doesn't ask the ones that don't answer on the peer
	// link either, or vote under another list. The others would answer, as far as
	// is known.
	Silent []string
	// Majority tells whether enough are left for a lease, in the list in force and
	// in the staged one. Spare is how many of them can be lost and still leave one.
	Majority bool
	Spare    int
}

// Votes tells how the voters stand; all is zero without a guard.
func (s *Status) Votes() Votes { return s.votes(func(*Voter) bool { return false }) }

// VotesOn tells how the voters stand to a resource as this node's file has it: those
// that don't grant that count as silent.
func (s *Status) VotesOn(resource string) Votes {
	return s.votes(func(v *Voter) bool {
		return slices.ContainsFunc(v.Denies, func(d Denied) bool { return d.Resource == resource })
	})
}

func (s *Status) votes(denies func(*Voter) bool) Votes {
	if s.Guard == nil {
		return Votes{}
	}
	var votes Votes
	for i := range s.Guard.Voters {
		v := &s.Guard.Voters[i]
		silent := !v.Answers && (v.Silent || v.Drift || !s.reached(v.Name))
		if v.Name == s.Node {
			silent = !s.Guard.Silent.IsZero()
		}
		if silent || denies(v) {
			votes.Silent = append(votes.Silent, v.Name)
		}
	}
	spare := s.spare(votes.Silent, func(v Voter) bool { return v.Current })
	if s.Guard.Staged {
		spare = min(spare, s.spare(votes.Silent, func(v Voter) bool { return v.Staged }))
	}
	votes.Majority, votes.Spare = spare >= 0, max(spare, 0)
	return votes
}

// spare is how many voters of a list answer beyond a majority of it; it is
// negative if there is none.
func (s *Status) spare(silent []string, listed func(Voter) bool) int {
	all, left := 0, 0
	for _, v := range s.Guard.Voters {
		if !listed(v) {
			continue
		}
		all++
		if !slices.Contains(silent, v.Name) {
			left++
		}
	}
	return left - (all/2 + 1)
}

// reached tells whether a node answers on the peer link, or is this one.
func (s *Status) reached(name string) bool {
	return slices.ContainsFunc(s.Fleet, func(n Node) bool { return n.Name == name && n.Joined && !n.Quiet })
}
