// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"testing"
	"time"
)

func TestCandidateGivesUp(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	r.wants(r.step("a", GiveUp{}))
	if _, ok := r.candidates["a"].Deadline(); ok {
		t.Error("a timer runs")
	}
	r.wants(r.step("b", Acquire{}), Granted{2, ready.Add(2700 * ms)}) // it jumps at once
}

func TestCandidateStops(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	r.wants(r.step("a", Stop{}))
	if _, ok := r.candidates["a"].Holds(r.now); ok {
		t.Error("holds")
	}
	if refused, _ := r.step("b", Acquire{})[0].(Refused); refused.Reason != Held {
		t.Errorf("%+v: nobody was told", refused)
	}
}

// The Releases are lost; what the successor attaches is enough.
func TestCandidateHandover(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	r.lost = func(_, _ string, m Message) bool { return m.Kind == Release }
	if refused, _ := r.step("b", Acquire{})[0].(Refused); refused.Reason != Held {
		t.Fatalf("%+v", refused)
	}
	r.step("a", GiveUp{})
	r.wants(r.step("b", Acquire{r.ballot("a")}), Granted{2, ready.Add(2700 * ms)})
}

// A candidate that fails leaves nothing behind that stands in another's way.
func TestCandidateReleasesAFailedAttempt(t *testing.T) {
	r := newRoom(t)
	r.lost = func(_, to string, m Message) bool { return m.Kind == Accepted && to == "b" }
	r.step("b", Acquire{})
	if n := len(r.voters["c"].Grants(r.now)); n != 1 {
		t.Fatalf("%d accepted", n)
	}
	got := r.until("b", ready.Add(time.Second))
	if refused, ok := got[0].(Refused); !ok || refused.Reason != Unheard {
		t.Fatalf("%+v", got)
	}
	r.step("b", Stop{})
	r.step("b", GiveUp{})
	if got := r.step("a", Acquire{}); !slices.ContainsFunc(got, isGranted) {
		t.Errorf("%+v", got)
	}
}

func isGranted(a Action) bool {
	_, ok := a.(Granted)
	return ok
}

// A voter that forgot the lease promises to another; the holder's majority
// comes back once that attempt has failed.
func TestCandidateOutlivesAForgetfulVoter(t *testing.T) {
	r := newRoom(t)
	r.step("a", Acquire{})
	r.start("c", nil)
	r.until("a", ready.Add(longest))
	r.lost = mute("b") // c's promise and a's word
	if refused, _ := r.step("c", Acquire{})[0].(Refused); refused.Reason != Held {
		t.Fatalf("%+v", refused)
	}
	r.until("a", r.now.Add(5*time.Second))
	if _, ok := r.candidates["a"].Holds(r.now); !ok {
		t.Error("lost")
	}
}

func TestCandidateJumpsAbovePromises(t *testing.T) {
	r := newRoom(t)
	for _, v := range r.voters {
		v.Handle(r.now, "b", asked(Prepare, web, ballot(40, "b")))
	}
	r.wants(r.step("a", Acquire{}), Granted{41, ready.Add(2700 * ms)})
	t.Run("but once, of rivals", func(t *testing.T) {
		r := newRoom(t)
		rival := uint64(40)
		r.lost = func(from, to string, m Message) bool {
			if m.Kind == Prepare && from == "a" {
				rival++
				r.voters[to].Handle(r.now, "b", asked(Prepare, web, ballot(rival, "b")))
			}
			return false
		}
		refused, _ := r.step("a", Acquire{})[0].(Refused)
		if refused.Reason != Promised || rival > 46 {
			t.Fatalf("%+v after %d", refused, rival)
		}
		r.lost = nil
		if got := r.until("a", refused.Again); !slices.ContainsFunc(got, isGranted) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("but not to the end", func(t *testing.T) {
		r.candidates["b"].see(Ballot{Counter: 1<<64 - 1})
		if got := r.candidates["b"].counter; got != 0 {
			t.Errorf("counter %d", got)
		}
	})
}

func TestCandidateNeedsBothMajorities(t *testing.T) {
	staged := Lists{Current: abc.Current, Staged: List{[]string{"a", "d", "e"}, longest}}
	r := newRoom(t)
	for _, node := range []string{"d", "e"} {
		v, err := NewVoter(VoterConfig{Node: node, Lists: staged, Resources: []Resource{web}}, boot)
		if err != nil {
			t.Fatal(err)
		}
		r.voters[node] = v
	}
	for _, node := range []string{"a", "b", "c"} {
		if err := r.voters[node].SetLists(staged); err != nil {
			t.Fatal(err)
		}
	}
	r.step("a", Acquire{})
	r.step("a", Reconfigure{staged, leaseT, time.Second, 200 * ms})
	for _, test := range []struct {
		name   string
		silent []string
		want   bool
	}{
		{"all", nil, true},
		{"one of each missing", []string{"b", "d"}, true},
		{"the new ones missing", []string{"d", "e"}, false},
		{"the old ones missing", []string{"b", "c"}, false},
		{"all again", nil, true},
	} {
		r.lost = mute(test.silent...)
		if got := slices.ContainsFunc(r.until("a", r.now.Add(time.Second)), isGranted); got != test.want {
			t.Fatalf("%s: granted %v", test.name, got)
		}
		r.lost = nil
		r.until("a", r.now.Add(time.Second))
	}
	// What is not valid changes nothing.
	r.step("a", Reconfigure{staged, 2 * longest, time.Second, 200 * ms})
	if got := r.candidates["a"].cfg.Lease; got != leaseT {
		t.Errorf("a lease of %v", got)
	}
}

// Candidates that outbid each other part, whatever their messages' order.
func TestCandidatesPart(t *testing.T) {
	r := newRoom(t)
	type held struct {
		node string
		send Send
	}
	var wire []held
	step := func(node string, ev Event) {
		for _, a := range r.candidates[node].Step(r.now, ev) {
			if send, ok := a.(Send); ok {
				wire = append(wire, held{node, send})
			}
		}
	}
	for _, node := range abc.Current.Voters {
		step(node, Acquire{})
	}
	for range 10000 {
		for _, node := range abc.Current.Voters {
			if _, ok := r.candidates[node].Holds(r.now); ok {
				return
			}
		}
		if len(wire) == 0 {
			r.now = r.now.Add(ms)
			for _, node := range abc.Current.Voters {
				step(node, Tick{})
			}
			continue
		}
		h := wire[0]
		wire = wire[1:]
		if answer, ok := r.voters[h.send.To].Handle(r.now, h.node, h.send.Message); ok {
			step(h.node, Received{h.send.To, answer})
		}
	}
	t.Error("nobody holds the lease")
}

func TestNewRefuses(t *testing.T) {
	good := CandidateConfig{
		Node: "a", Start: 1, Resource: web, Lists: abc, Lease: leaseT, Renew: time.Second, Margin: 200 * ms,
	}
	for name, change := range map[string]func(*CandidateConfig){
		"no node":      func(c *CandidateConfig) { c.Node = "" },
		"no start":     func(c *CandidateConfig) { c.Start = 0 },
		"no name":      func(c *CandidateConfig) { c.Resource.Name = "" },
		"no addresses": func(c *CandidateConfig) { c.Resource.Addresses = nil },
		"no voters":    func(c *CandidateConfig) { c.Lists = Lists{} },
		"twice":        func(c *CandidateConfig) { c.Lists.Staged = List{[]string{"a", "a"}, longest} },
		"no MaxLease":  func(c *CandidateConfig) { c.Lists = Lists{Current: List{[]string{"a"}, 0}} },
		"too long":     func(c *CandidateConfig) { c.Lease = longest + 1 },
		"staged less":  func(c *CandidateConfig) { c.Lists.Staged = List{[]string{"a"}, leaseT - 1} },
		"no lease":     func(c *CandidateConfig) { c.Lease = 0 },
		"no renewal":   func(c *CandidateConfig) { c.Renew = 0 },
		"no time":      func(c *CandidateConfig) { c.Margin = 1700 * ms },
		"negative":     func(c *CandidateConfig) { c.Retry = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := NewCandidate(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewCandidate(good); err != nil {
		t.Error(err)
	}
	if _, err := NewVoter(VoterConfig{Lists: abc, Resources: []Resource{web, web}}, boot); err == nil {
		t.Error("a voter without a name is taken")
	}
}
