// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"testing"
	"time"
)

// newTableRoom is nodes a and b with a table, for which a Voter stands, and what it
// was asked, by kind.
func newTableRoom(t *testing.T) (*room, map[Kind][]time.Duration) {
	lists := Lists{Current: List{Voters: []string{"a", "b", "table t"}, MaxLease: longest}}
	r := &room{T: t, now: boot, voters: map[string]*Voter{}, candidates: map[string]*Candidate{}}
	for _, node := range lists.Current.Voters {
		r.start(node, func(cfg *CandidateConfig) { cfg.Lists = lists })
		if err := r.voters[node].SetLists(lists); err != nil {
			t.Fatal(err)
		}
	}
	r.now = ready
	asked := map[Kind][]time.Duration{}
	r.lost = func(_, to string, m Message) bool {
		if to == "table t" {
			asked[m.Kind] = append(asked[m.Kind], r.now.Sub(ready))
		}
		return false
	}
	return r, asked
}

// without loses what goes to and comes from the nodes, too.
func (r *room) without(nodes ...string) {
	counts, lost := r.lost, mute(nodes...)
	r.lost = func(from, to string, m Message) bool { return counts(from, to, m) || lost(from, to, m) }
}

func TestReserveIsNotAsked(t *testing.T) {
	r, asked := newTableRoom(t)
	r.wants(r.step("a", Acquire{}), Granted{1, ready.Add(term(leaseT))})
	r.until("a", ready.Add(time.Minute))
	r.step("a", GiveUp{})
	if len(asked) > 0 {
		t.Errorf("%v", asked)
	}
}

// b is dead: a moment for its answers, and then the table, once for a promise and
// at once for the lease.
func TestReserveGrants(t *testing.T) {
	r, asked := newTableRoom(t)
	r.without("b")
	r.wants(r.step("a", Acquire{}))
	said := r.until("a", ready.Add(time.Second))
	if len(said) == 0 {
		t.Fatal("nothing is granted")
	}
	r.wants(said[:1], Granted{1, ready.Add(200*ms + term(leaseT))})
	if p, q := asked[Prepare], asked[Propose]; len(p) != 1 || p[0] != 200*ms || len(q) != 1 || q[0] != 200*ms {
		t.Errorf("%v", asked)
	}
	// In each third of the lease, and no sooner.
	r.until("a", r.now.Add(20*leaseT))
	for i, at := range asked[Propose][1:] {
		if gap := at - asked[Propose][i]; gap < leaseT/3 || gap > leaseT/3+time.Second {
			t.Errorf("%v after the one before", gap)
		}
	}
	if n := len(asked[Propose]); n < 40 || r.candidates["a"].phase != holding {
		t.Errorf("asked %d times, and then %v", n, r.candidates["a"].phase)
	}
	// What was asked for is given up.
	r.step("a", GiveUp{})
	if len(asked[Release]) != 1 {
		t.Errorf("%v", asked[Release])
	}
}

// b dies, and is back: the table is asked no more, and yet told at the end.
func TestReserveIsLeftAlone(t *testing.T) {
	r, asked := newTableRoom(t)
	r.step("a", Acquire{})
	counts := r.lost
	r.without("b")
	r.until("a", ready.Add(10*time.Second))
	n := len(asked[Propose])
	if n == 0 || len(asked[Prepare]) > 0 {
		t.Errorf("%v", asked)
	}
	r.lost = counts
	if r.until("a", ready.Add(time.Minute)); len(asked[Propose]) > n+1 {
		t.Errorf("asked %d times, and then %d", n, len(asked[Propose])-n)
	}
	r.step("a", GiveUp{})
	if len(asked[Release]) != 1 {
		t.Errorf("%v", asked[Release])
	}
}

// The table is slow: its answers to older questions count.
func TestReserveIsSlow(t *testing.T) {
	r, _ := newTableRoom(t)
	r.step("a", Acquire{})
	counts := r.lost
	type late struct {
		at     time.Time
		answer Message
	}
	var coming []late
	r.lost = func(from, to string, m Message) bool {
		if from == "table t" {
			coming = append(coming, late{r.now.Add(900 * ms), m})
			return true
		}
		return counts(from, to, m) || mute("b")(from, to, m)
	}
	for range 600 {
		r.until("a", r.now.Add(100*ms))
		for len(coming) > 0 && !r.now.Before(coming[0].at) {
			m := coming[0].answer
			coming = coming[1:]
			r.step("a", Received{"table t", m})
		}
	}
	if until, ok := r.candidates["a"].Holds(r.now); !ok {
		t.Errorf("the lease ended at %v", until.Sub(ready))
	}
}

// A lease that is held when leases become longer is renewed as before: what is
// left of it is shorter than the new margin.
func TestReconfigureLonger(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	long := Reconfigure{Lists: abc, Lease: longest, Renew: time.Second, Margin: 4 * time.Second}
	r.wants(r.step("a", long))
	r.now = r.now.Add(time.Second)
	r.wants(r.step("a", Renew{}), Granted{1, r.now.Add(term(longest))})
	if at, _ := r.candidates["a"].Deadline(); !at.Equal(r.now.Add(term(longest) - 4*time.Second)) {
		t.Errorf("the next deadline is in %v", at.Sub(r.now))
	}
}

func TestListWithTable(t *testing.T) {
	for _, test := range []struct {
		voters []string
		ok     bool
	}{
		{[]string{"a", "b", "table t"}, true},
		{[]string{"a", "b", "c", "table t"}, true},
		{[]string{"a", "table t"}, false},
		{[]string{"table t"}, false},
		{[]string{"a", "b", "table t", "table u"}, false},
	} {
		l := List{test.voters, longest}
		if err := l.validate(); (err == nil) != test.ok || !l.HasTable() {
			t.Errorf("%v: %v", test.voters, err)
		}
	}
	if table, ok := IsTable(TableName("vicar lease")); !ok || table != "vicar lease" {
		t.Errorf("%q, %v", table, ok)
	}
	if _, ok := IsTable("a"); ok {
		t.Error("a node is no table")
	}
}
