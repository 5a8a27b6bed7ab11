// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"testing"
	"time"
)

// room is voters a, b and c and a candidate on each, which talk at once unless a
// test keeps a message back.
type room struct {
	*testing.T
	now        time.Time
	voters     map[string]*Voter
	candidates map[string]*Candidate
	started    uint64
	lost       func(from, to string, m Message) bool // nil: none is
}

func newRoom(t *testing.T) *room {
	r := &room{T: t, now: boot, voters: map[string]*Voter{}, candidates: map[string]*Candidate{}}
	for _, node := range abc.Current.Voters {
		r.start(node, nil)
	}
	r.now = ready
	return r
}

// start is a start of a node without memory.
func (r *room) start(node string, change func(*CandidateConfig)) {
	r.Helper()
	r.started++
	cfg := CandidateConfig{
		Node: node, Start: r.started, Resource: web, Lists: abc, Lease: leaseT, Renew: time.Second, Margin: 200 * ms,
		Retry: 100 * ms, Seed: r.started,
	}
	if change != nil {
		change(&cfg)
	}
	voter, err := NewVoter(VoterConfig{Node: node, Lists: abc, Resources: []Resource{web}}, r.now)
	if err != nil {
		r.Fatal(err)
	}
	candidate, err := NewCandidate(cfg)
	if err != nil {
		r.Fatal(err)
	}
	r.voters[node], r.candidates[node] = voter, candidate
}

// step carries out all that follows from ev, and returns what is not Send.
func (r *room) step(node string, ev Event) []Action {
	r.Helper()
	var said []Action
	for _, a := range slices.Clone(r.candidates[node].Step(r.now, ev)) {
		send, ok := a.(Send)
		if !ok {
			said = append(said, a)
			continue
		}
		if r.lost != nil && r.lost(node, send.To, send.Message) {
			continue
		}
		answer, ok := r.voters[send.To].Handle(r.now, node, send.Message)
		if ok && (r.lost == nil || !r.lost(send.To, node, answer)) {
			said = append(said, r.step(node, Received{send.To, answer})...)
		}
	}
	return said
}

// until ticks node at its deadlines up to at, and renews what it holds.
func (r *room) until(node string, at time.Time) []Action {
	r.Helper()
	var said []Action
	for range 1000 {
		c := r.candidates[node]
		due, ok := c.Deadline()
		var ev Event = Tick{}
		if next := c.renewed.Add(c.cfg.Renew); c.phase == holding && next.Before(due) {
			due, ev = next, Renew{}
		}
		if !ok || due.After(at) {
			r.now = at
			return said
		}
		if due.After(r.now) {
			r.now = due
		}
		said = append(said, r.step(node, ev)...)
	}
	r.Fatalf("%s never comes to rest", node)
	return nil
}

func (r *room) wants(got []Action, want ...Action) {
	r.Helper()
	if !slices.Equal(got, want) {
		r.Fatalf("at %v:\n%+v, want\n%+v", r.now.Sub(ready), got, want)
	}
}

func mute(nodes ...string) func(from, to string, m Message) bool {
	return func(from, to string, _ Message) bool {
		return from != to && (slices.Contains(nodes, from) || slices.Contains(nodes, to))
	}
}

func (r *room) ballot(node string) Ballot { return r.candidates[node].Ballot() }

func TestCandidateAcquiresAndRenews(t *testing.T) {
	r := newRoom(t)
	r.wants(r.step("a", Acquire{}), Granted{1, ready.Add(2700 * ms)})
	r.wants(r.step("a", Acquire{}))
	if due, _ := r.candidates["a"].Deadline(); due != ready.Add(2500*ms) {
		t.Fatalf("lost at %v", due)
	}
	r.wants(r.step("a", Tick{}))
	r.wants(r.step("a", Renew{}))
	r.now = ready.Add(500*ms - 1)
	r.wants(r.step("a", Renew{}))
	r.wants(r.until("a", ready.Add(2*time.Second)), Granted{1, ready.Add(3700 * ms)}, Granted{1, ready.Add(4700 * ms)})
	if until, ok := r.candidates["a"].Holds(r.now); !ok || until != ready.Add(4700*ms) {
		t.Errorf("held %v until %v", ok, until)
	}
	if _, ok := r.candidates["a"].Holds(ready.Add(4700 * ms)); ok {
		t.Error("held at its end")
	}
}

func TestCandidateRefused(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	r.now = ready.Add(time.Second)
	got := r.step("b", Acquire{})
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	refused, _ := got[0].(Refused)
	if refused.Reason != Held || refused.Holder != r.ballot("a") {
		t.Fatalf("%+v", refused)
	}
	if end := ready.Add(leaseT); refused.Again.Before(end) || refused.Again.After(end.Add(2*ms)) {
		t.Errorf("asks again after %v", refused.Again.Sub(ready))
	}
	r.now = refused.Again
	r.wants(r.step("b", Tick{}), Granted{2, refused.Again.Add(2700 * ms)})
	r.wants(r.step("a", Tick{}), Lost{1, ready.Add(2700 * ms), Unheard, Ballot{}})
	r.wants(r.step("a", Renew{}))
}

// After refusals the lease's end is all that is waited for, however often and by
// however many voters it was refused before, unless the rival is as lost.
func TestCandidateAsksAgainAtTheEnd(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	r.lost = mute("a")
	v := r.voters["b"]
	renewal := asked(Propose, web, r.ballot("a"))
	r.now = ready.Add(40 * ms) // b's voter counts from later than c's
	wants(t, v, r.now.Sub(ready), renewal, None)
	r.step("b", Acquire{})
	for range 5 {
		due, _ := r.candidates["b"].Deadline()
		if end := r.now.Add(leaseT); due.Before(end) || due.After(end.Add(2*ms)) {
			t.Fatalf("asks after %v, the lease ends after %v", due.Sub(ready), end.Sub(ready))
		}
		r.now = due.Add(-10 * ms)
		wants(t, v, r.now.Sub(ready), renewal, None)
		r.voters["c"].Handle(r.now.Add(-ms), "a", renewal)
		r.now = due
		if refused, _ := r.step("b", Tick{})[0].(Refused); refused.Reason != Held {
			t.Fatalf("%+v", refused)
		}
		r.now = due.Add(-10 * ms)
	}
	r.now, _ = r.candidates["b"].Deadline()
	if got := r.step("b", Tick{}); !slices.ContainsFunc(got, isGranted) {
		t.Errorf("%+v", got)
	}
	t.Run("one voter is free before the other", func(t *testing.T) {
		r := newRoom(t)
		r.lost = mute("a")
		ending := asked(Propose, web, ballot(1, "a"))
		ending.Lease = 5 * ms
		wants(t, r.voters["c"], 0, ending, None)
		r.wants(r.step("b", Acquire{}))
		if due, _ := r.candidates["b"].Deadline(); due != ready.Add(5*ms) {
			t.Fatalf("asks again after %v", due.Sub(ready))
		}
		r.now = ready.Add(5 * ms)
		if got := r.step("b", Tick{}); !slices.ContainsFunc(got, isGranted) {
			t.Errorf("%+v", got)
		}
	})
}

func TestCandidateLoses(t *testing.T) {
	for _, test := range []struct {
		name string
		lost func(from, to string, m Message) bool
		want []Action
	}{
		{"one voter missing", mute("c"), []Action{Granted{1, ready.Add(3700 * ms)}, Granted{1, ready.Add(4700 * ms)}}},
		{"alone", mute("a"), []Action{Lost{1, ready.Add(2700 * ms), Unheard, Ballot{}}}},
		{
			"answers are lost",
			func(_, _ string, m Message) bool { return m.Kind == Accepted },
			[]Action{Lost{1, ready.Add(2700 * ms), Unheard, Ballot{}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRoom(t)
			r.step("a", Acquire{})
			r.lost = test.lost
			r.wants(r.until("a", ready.Add(2500*ms)), test.want...)
		})
	}
	t.Run("stalled", func(t *testing.T) {
		for _, ev := range []Event{Tick{}, Acquire{}, Stop{}} {
			r := newRoom(t)
			r.step("a", Acquire{})
			r.now = ready.Add(2700 * ms)
			if got := r.step("a", ev); len(got) == 0 || got[0] != (Lost{1, r.now, Unheard, Ballot{}}) {
				t.Errorf("%#v: %+v", ev, got)
			}
		}
	})
	// What a lost ballot's voters have left must not be released by a later
	// attempt while the addresses may still be there.
	t.Run("wanted again", func(t *testing.T) {
		r := newRoom(t)
		r.step("a", Acquire{})
		r.lost = mute("a")
		r.until("a", ready.Add(2500*ms))
		r.lost = nil
		r.wants(r.step("a", Acquire{}))
		if due, _ := r.candidates["a"].Deadline(); due != ready.Add(2700*ms) {
			t.Fatalf("asks at %v", due)
		}
		r.now = ready.Add(2700 * ms)
		r.wants(r.step("a", Tick{}), Granted{2, ready.Add(5400 * ms)})
	})
}

// t0 is before the proposals: a lease whose answers were long on the way is as
// much shorter, and is none if it is over.
func TestCandidateCountsFromTheQuestion(t *testing.T) {
	for _, late := range []time.Duration{0, time.Second, 2499 * ms, 2500 * ms, time.Minute} {
		r := newRoom(t)
		var kept []Received
		r.lost = func(from, _ string, m Message) bool {
			if m.Kind == Accepted {
				kept = append(kept, Received{from, m})
			}
			return m.Kind == Accepted
		}
		r.step("a", Acquire{})
		r.now = ready.Add(late)
		r.wants(r.step("a", kept[0]))
		r.wants(r.step("a", kept[0])) // one voter's answer counts once
		got := r.step("a", kept[1])
		if late < 2500*ms {
			r.wants(got, Granted{1, ready.Add(2700 * ms)})
			continue
		}
		if _, ok := got[0].(Refused); !ok || len(got) != 1 {
			t.Errorf("%v late: %+v", late, got)
		}
	}
}

// Answers to two questions don't make one majority.
func TestCandidateCountsOneSequence(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	var kept []Received
	only := "a"
	// Every voter hears the renewals, and answers one of them each.
	r.lost = func(from, _ string, m Message) bool {
		if m.Kind == Accepted && from == only {
			kept = append(kept, Received{from, m})
		}
		return m.Kind == Accepted
	}
	r.until("a", ready.Add(time.Second))
	only = "b"
	r.until("a", ready.Add(2*time.Second))
	for _, ev := range kept {
		r.wants(r.step("a", ev))
	}
	other := kept[0]
	other.From = "d" // no voter
	r.wants(r.step("a", other))
	other = kept[0]
	other.From = "b"
	r.wants(r.step("a", other), Granted{1, ready.Add(3700 * ms)})
}
