// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// VoterConfig is what a Voter is made of.
type VoterConfig struct {
	Node      string
	Lists     Lists
	Resources []Resource // of this node's file
	// Terms are what Voter.Terms was in a former life, as far as it was kept; may
	// be none.
	Terms map[string]Ballot
}

// Voter grants leases. One goroutine may use it at a time.
type Voter struct {
	node    string
	lists   Lists
	digests [2]Digest // of the lists that the node is a voter of
	staged  Digest    // of the staged list
	former  Digest    // of the list before the current one, if the node was a voter of it
	silent  time.Time // says nothing before
	states  map[key]*state
	terms   map[string]Ballot // the highest accepted, by the resource's name
	floor   uint64            // of a resource that is not among them; of a table's voter
	taken   uint64            // how often a ballot was added to them
	dropped Dropped
}

// Dropped counts messages that were not answered.
type Dropped struct {
	Silent  uint64 // leases of the former life may run
	Drift   uint64 // other lists of voters
	Foreign uint64 // a ballot of another node than the sender, or no question
}

// key is a resource by name and digest: with other addresses it is another.
type key struct {
	name   string
	digest Digest
}

// NewVoter makes a Voter. It is silent for the longest lease that a former life
// of the node may have granted, since it has forgotten that.
func NewVoter(cfg VoterConfig, now time.Time) (*Voter, error) {
	if err := errors.Join(checkNode(cfg.Node), cfg.Lists.validate(), checkResources(cfg.Resources)); err != nil {
		return nil, fmt.Errorf("voter %s: %w", cfg.Node, err)
	}
	v := &Voter{node: cfg.Node, states: map[key]*state{}, terms: map[string]Ballot{}, silent: now.Add(cfg.Lists.longest())}
	maps.Copy(v.terms, cfg.Terms)
	v.setLists(cfg.Lists)
	v.configure(now, cfg.Resources)
	return v, nil
}

// SetLists changes the lists: stages one, or completes that. Lists that are not
// valid are an error and change nothing.
func (v *Voter) SetLists(lists Lists) error {
	if err := lists.validate(); err != nil {
		return fmt.Errorf("voter %s: changing the voters: %w", v.node, err)
	}
	v.setLists(lists)
	return nil
}

func (v *Voter) setLists(lists Lists) {
	if current := lists.Current.Digest(); current == v.staged && current != v.lists.Current.Digest() {
		v.former = v.digests[0]
	}
	v.lists = lists.clone()
	v.staged = lists.Staged.Digest()
	v.digests = [2]Digest{}
	for i, l := range lists.both() {
		if slices.Contains(l.Voters, v.node) {
			v.digests[i] = l.Digest()
		}
	}
}

// Reconfigure changes what the node's file has. A lease that runs stays even if
// its resource went away, and until it has run out no resource that shares an
// address with it is granted. Resources that are not valid are an error and
// change nothing.
func (v *Voter) Reconfigure(now time.Time, resources []Resource) error {
	if err := checkResources(resources); err != nil {
		return fmt.Errorf("voter %s: changing the resources: %w", v.node, err)
	}
	v.configure(now, resources)
	return nil
}

func (v *Voter) configure(now time.Time, resources []Resource) {
	for _, s := range v.states {
		s.gone = true
	}
	for _, r := range resources {
		k := key{r.Name, r.Digest()}
		if s := v.states[k]; s != nil {
			s.gone = false
			continue
		}
		v.states[k] = &state{resource: r.clone()}
	}
	v.prune(now)
}

// prune forgets what went away and has run out.
func (v *Voter) prune(now time.Time) {
	for k, s := range v.states {
		if s.gone && !s.runs(now) {
			delete(v.states, k)
		}
	}
}

// Handle takes a message that arrived at now and returns the answer to from, if
// there is one. now never goes back.
func (v *Voter) Handle(now time.Time, from string, m Message) (Message, bool) {
	if now.Before(v.silent) {
		v.dropped.Silent++
		return Message{}, false
	}
	s := v.states[key{m.Resource, m.Digest}]
	if m.Kind == Release {
		s.release(m.Ballot)
		return Message{}, false
	}
	if m.Kind != Prepare && m.Kind != Propose || m.Ballot.Node != from || m.Ballot.Counter-1 >= mostTerms {
		v.dropped.Foreign++
		return Message{}, false
	}
	answer := Message{
		Kind: Promise, Resource: m.Resource, Digest: m.Digest, Ballot: m.Ballot, Sequence: m.Sequence,
		Lists: v.under(m.Lists),
	}
	if answer.Lists == [2]Digest{} {
		v.dropped.Drift++
		return Message{}, false
	}
	if m.Kind == Propose {
		answer.Kind = Accepted
	}
	s.release(m.Release)
	v.decide(now, s, m, &answer)
	return answer, true
}

// under are those of the candidate's lists that the voter answers under. Who
// hasn't heard yet that a change is complete asks under the former list as well as
// under the current one, and needs a majority of that too.
func (v *Voter) under(asked [2]Digest) (lists [2]Digest) {
	if v.lists.Sealed && !v.staged.IsZero() && asked[0] != v.staged && asked[1] != v.staged {
		return lists
	}
	for i, d := range asked {
		if !d.IsZero() && (d == v.digests[0] || d == v.digests[1]) {
			lists[i] = d
		}
	}
	if !v.former.IsZero() && asked[0] == v.former && !lists[1].IsZero() && lists[1] == v.digests[0] {
		lists[0] = v.former
	}
	return lists
}

// limit is the longest lease that the voter grants under these of its lists.
func (v *Voter) limit(under [2]Digest) time.Duration {
	limit := v.lists.longest()
	for i, l := range v.lists.both() {
		if d := v.digests[i]; !d.IsZero() && (d == under[0] || d == under[1]) {
			limit = min(limit, l.MaxLease)
		}
	}
	return limit
}

// decide promises, accepts or refuses.
func (v *Voter) decide(now time.Time, s *state, m Message, answer *Message) {
	if s == nil || s.gone {
		answer.Refusal = Unknown
		return
	}
	s.lapse(now, v.lists.longest())
	if l := v.other(now, s, m.Ballot); l != nil {
		answer.Refusal, answer.Holder, answer.Remaining = Held, l.ballot, l.expiry.Sub(now)
		answer.Promised = v.highest(s)
		return
	}
	switch {
	case s.wasReleased(m.Ballot):
		answer.Refusal = Released
	case m.Ballot.Compare(s.promised) < 0 || v.past(m.Resource, m.Ballot):
		answer.Refusal = Promised
	case m.Kind == Propose && (m.Lease <= 0 || m.Lease > v.limit(answer.Lists)):
		answer.Refusal = TooLong
	case m.Kind == Propose:
		s.accept(now, m)
		if v.terms[m.Resource] != m.Ballot {
			v.terms[m.Resource] = m.Ballot
			v.taken++
		}
	default:
		s.promised, s.promisedAt = m.Ballot, now
	}
	answer.Promised = m.Ballot
	if answer.Refusal != None {
		answer.Promised = v.highest(s)
	}
}

// past tells whether b is of a term that is over. Two majorities share a voter,
// so each lease has a higher term than those before, whoever held them.
func (v *Voter) past(resource string, b Ballot) bool {
	t := v.term(resource)
	return b.Counter <= t.Counter && b != t
}

// term is the highest ballot that was accepted of a resource, as far as it is known.
func (v *Voter) term(resource string) Ballot {
	if t, ok := v.terms[resource]; ok {
		return t
	}
	return Ballot{Counter: v.floor}
}

// highest is what a candidate's ballot must be above.
func (v *Voter) highest(s *state) Ballot {
	if t := v.term(s.resource.Name); t.Compare(s.promised) > 0 {
		return t
	}
	return s.promised
}

// Terms are the highest ballots that were accepted, by the resource's name. They
// outlive leases, and what goes away.
func (v *Voter) Terms() map[string]Ballot { return maps.Clone(v.terms) }

// Term is the resource's highest term.
func (v *Voter) Term(resource string) uint64 { return v.terms[resource].Counter }

// Taken counts the changes of Terms.
func (v *Voter) Taken() uint64 { return v.taken }

// other is a lease that runs and stands against ballot b of s: another's of s
// itself, or one of what went away and shares an address. The latter doesn't
// stand against a renewal: both leases ran when the file had both resources, as
// routers on two links may have one link-local address.
func (v *Voter) other(now time.Time, s *state, b Ballot) *lease {
	if s.runs(now) {
		switch {
		case !s.lease.ballot.sameLife(b):
			return &s.lease
		case s.lease.ballot == b:
			return nil
		}
	}
	var last *lease // whatever the order of the map: equal questions get equal answers
	for _, g := range v.states {
		if !g.gone || !g.runs(now) || !g.resource.shares(s.resource) || g.lease.ballot.sameLife(b) {
			continue
		}
		if last == nil || g.lease.after(*last) {
			last = &g.lease
		}
	}
	return last
}

// Dropped counts the messages that were not answered.
func (v *Voter) Dropped() Dropped { return v.dropped }

// Silent tells until when the voter says nothing.
func (v *Voter) Silent() time.Time { return v.silent }
