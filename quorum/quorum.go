// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package quorum makes sure that at most one node holds a resource: a lease that
// a majority of voters grants for a short time and that its holder renews. A
// Voter grants, a Candidate acquires and keeps; both are pure: they are told
// what happened and when, and answer with what must be done. They have no
// goroutine, no timer, no socket, no clock and no file.
//
// It is not a consensus on values, has no log and no disk, and elects nobody: who
// shall acquire is decided elsewhere. The protocol is a diskless majority lease
// after PaxosLease (Trencseni, Gazso, Reinhardt 2012).
//
// # The driver
//
// A node has one Voter, and a Candidate per resource unless it is a witness:
//
//	for {
//		wait until the least Deadline, a packet, or a command
//		now := read the clock
//		for each message of a packet that arrived {
//			a question or Release: answer, ok := voter.Handle(now, from, message)
//			an answer: candidate.Step(now, Received{from, message})
//		}
//		for _, a := range candidate.Step(now, event) {
//			carry out a
//		}
//		send each peer what is for it in one packet (Pack)
//	}
//
// What is for the node itself goes to its own voter the same way, and what is for
// a table that votes to the node's Table. A Tick that
// comes early or twice is harmless. now is read before a Step, never after it,
// and never goes back. At Granted the fence is opened until its Until, an
// absolute time; at Lost the addresses are given up before its Until; then, and
// also when the node gives up of its own accord, comes GiveUp, which releases.
//
// Where voters change, a Roll says which Lists are in force; one whose voters never
// do gives all of them the same Lists, with a Current alone.
//
// # Why it is safe
//
// A voter accepts a ballot for T only while no other node's lease that it has
// accepted runs. Two majorities of one list share a voter, so while a majority's
// acceptances run no other ballot gets one. The holder counts from before it
// asked, and only for 0.9 T; each acceptance counts from when the question
// arrived, later, and for T. So its acceptances outlive what it relies on, whatever
// messages did on the way: an answer to an older question counts for that one's
// time, and a proposal that comes late never shortens what was accepted.
//
// A voter that has lost its memory says nothing until what it may have accepted
// has run out. A Release is sent after the addresses are given up and names the
// ballot; as a ballot has the random number of its node's start, a late one can't
// meet a lease of the next life. While a list of voters is replaced, majorities
// of both are needed. Safety doesn't rest on promises: they order candidates.
// They lapse, and end with the Release of an attempt that came to nothing.
//
// Terms rise by the same two majorities: a voter refuses what is not above the
// highest ballot that it has ever accepted, unless it is that ballot. That is
// kept over a start as far as the driver keeps it (Terms). The lists of voters have no
// part in that: a change while nobody holds may lose it.
//
// # What it assumes
//
//   - Clocks go on while the machine sleeps (CLOCK_BOOTTIME), and no two clocks'
//     rates differ by more than a tenth of the faster one's.
//   - Messages come from who they say, as the peer link makes sure. They may be
//     lost, late, repeated and out of order.
//   - Names are of one node each, and random numbers don't repeat.
//   - MaxLease and lists change by staging alone: a list is completed when every
//     node of both has staged it for the longer MaxLease. The driver keeps them on
//     disk, the voter's only memory across a start.
//   - Resources of one file share no address, but a link-local one on two links.
package quorum

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ballot numbers an attempt to become holder. No two attempts share one: the
// counter rises within one start of a node, and Start is random, so that a
// message of a former life is never taken for one of this life.
type Ballot struct {
	Counter uint64 // of the granted ballot: the term
	Node    string
	Start   uint64 // random, of the node's present start
}

// mostTerms is the highest counter; no cluster lives that long.
const mostTerms = 1 << 63

// Compare is the total order of ballots.
func (b Ballot) Compare(o Ballot) int {
	return cmp.Or(cmp.Compare(b.Counter, o.Counter), strings.Compare(b.Node, o.Node), cmp.Compare(b.Start, o.Start))
}

// IsZero tells whether b is none.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// String is the ballot as logs show it.
func (b Ballot) String() string {
	if b.IsZero() {
		return "none"
	}
	return strconv.FormatUint(b.Counter, 10) + "/" + b.Node + "/" + strconv.FormatUint(b.Start, 16)
}

// sameLife tells whether both ballots are of one start of one node, which knows
// itself what it holds.
func (b Ballot) sameLife(o Ballot) bool { return b.Node == o.Node && b.Start == o.Start }

// Digest tells lists and sets of addresses apart. It finds configurations that
// differ by mistake, which of all pairs one in 2^64 hides; it is no protection
// against a forger, who has the key of the peer link anyhow.
type Digest [8]byte

// IsZero tells whether d is none.
func (d Digest) IsZero() bool { return d == Digest{} }

// String is d as a table's records show it.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Resource is what a lease is for: a router with the addresses of both its
// families, or a sync group with those of its members.
type Resource struct {
	Name      string
	Addresses []netip.Addr // in any order
}

// Digest is that of the set of addresses, without their zones: the names of
// interfaces are each node's own.
func (r Resource) Digest() Digest {
	addresses := make([]netip.Addr, len(r.Addresses))
	for i, a := range r.Addresses {
		addresses[i] = a.WithZone("")
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	h := fnv.New64a()
	for _, a := range slices.Compact(addresses) {
		b, _ := a.MarshalBinary()
		h.Write([]byte{byte(len(b))})
		h.Write(b)
	}
	return Digest(h.Sum(nil))
}

// shares tells whether the two have an address in common.
func (r Resource) shares(o Resource) bool {
	for _, a := range r.Addresses {
		for _, b := range o.Addresses {
			if a.WithZone("") == b.WithZone("") {
				return true
			}
		}
	}
	return false
}

// List is a list of voters and the longest lease that they grant. Both are
// constants of the cluster.
type List struct {
	Voters   []string      `json:"voters,omitempty"` // in any order
	MaxLease time.Duration `json:"max_lease_ns,omitempty"`
}

// IsZero tells whether l is none.
func (l List) IsZero() bool { return len(l.Voters) == 0 }

// String is the list as people read it.
func (l List) String() string {
	if l.IsZero() {
		return "none"
	}
	return strings.Join(l.Voters, " ") + " for " + l.MaxLease.String()
}

// nodes are the voters that are no tables.
func (l List) nodes() []string {
	return slices.DeleteFunc(slices.Clone(l.Voters), func(v string) bool { _, table := IsTable(v); return table })
}

// HasTable tells whether a voter is a table.
func (l List) HasTable() bool { return len(l.nodes()) < len(l.Voters) }

// overlaps tells whether a node is in both.
func (l List) overlaps(o List) bool {
	return slices.ContainsFunc(l.nodes(), func(v string) bool { return slices.Contains(o.Voters, v) })
}

// same tells whether both have the same voters and MaxLease.
func (l List) same(o List) bool {
	if l.MaxLease == o.MaxLease && slices.Equal(l.Voters, o.Voters) {
		return true // as it nearly always is; each turn of a guard asks
	}
	return l.Digest() == o.Digest()
}

// Majority is the least number of voters of which any two sets share a voter.
func (l List) Majority() int { return len(l.Voters)/2 + 1 }

// Digest is that of the set of voters and of MaxLease; zero for no list.
func (l List) Digest() Digest {
	if len(l.Voters) == 0 {
		return Digest{}
	}
	voters := slices.Sorted(slices.Values(l.Voters))
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(l.MaxLease)))
	for _, v := range voters {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(v))))
		h.Write([]byte(v))
	}
	return Digest(h.Sum(nil))
}

// Lists are the list in force, and the one that is to follow it while it is
// staged. A zero Staged is none.
type Lists struct {
	Current, Staged List
	// Sealed makes a voter answer those alone who ask under Staged too.
	Sealed bool
}

// voters are those of both lists, each once.
func (l Lists) voters() []string {
	all := slices.Concat(l.Current.Voters, l.Staged.Voters)
	slices.Sort(all)
	return slices.Compact(all)
}

// nodes are the voters that are no tables.
func (l Lists) nodes() []string { return List{Voters: l.voters()}.nodes() }

// Tables are the voters that are.
func (l Lists) Tables() []string {
	return slices.DeleteFunc(l.voters(), func(v string) bool { _, table := IsTable(v); return !table })
}

// digests are those that a message carries.
func (l Lists) digests() [2]Digest {
	return [2]Digest{l.Current.Digest(), l.Staged.Digest()}
}

// shortest is the longest lease that both lists allow; longest is how long a
// lease of either may run.
func (l Lists) shortest() time.Duration {
	if l.Staged.IsZero() {
		return l.Current.MaxLease
	}
	return min(l.Current.MaxLease, l.Staged.MaxLease)
}

func (l Lists) longest() time.Duration { return max(l.Current.MaxLease, l.Staged.MaxLease) }
