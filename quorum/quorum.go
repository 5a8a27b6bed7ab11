// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package quorum is the lease protocol of the guard, pure.
package quorum

import (
	"cmp"
	"encoding/binary"
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
// differ by mistake; it is no protection against a forger.
type Digest [16]byte

// IsZero tells whether d is none.
func (d Digest) IsZero() bool { return d == Digest{} }

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
	h := fnv.New128a()
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
	Voters   []string // in any order
	MaxLease time.Duration
}

// Majority is the least number of voters of which any two sets share a voter.
func (l List) Majority() int { return len(l.Voters)/2 + 1 }

// Digest is that of the set of voters and of MaxLease; zero for no list.
func (l List) Digest() Digest {
	if len(l.Voters) == 0 {
		return Digest{}
	}
	voters := slices.Sorted(slices.Values(l.Voters))
	h := fnv.New128a()
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
}

// nodes are the voters of both lists, each once.
func (l Lists) nodes() []string {
	all := slices.Concat(l.Current.Voters, l.Staged.Voters)
	slices.Sort(all)
	return slices.Compact(all)
}

// digests are those that a message carries.
func (l Lists) digests() [2]Digest {
	return [2]Digest{l.Current.Digest(), l.Staged.Digest()}
}

// shortest is the longest lease that both lists allow; longest is how long a
// lease of either may run.
func (l Lists) shortest() time.Duration {
	if len(l.Staged.Voters) == 0 {
		return l.Current.MaxLease
	}
	return min(l.Current.MaxLease, l.Staged.MaxLease)
}

func (l Lists) longest() time.Duration { return max(l.Current.MaxLease, l.Staged.MaxLease) }
