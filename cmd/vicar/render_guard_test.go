// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

// guarded is a node of three on which all is well.
func guarded() status.Status {
	st := quiet()
	st.Routers[1].Lease = &status.Lease{Held: true, Term: 3, Since: noon.Add(-5 * time.Hour), Until: noon.Add(241 * time.Millisecond)}
	st.Routers[0].Lease = &status.Lease{}
	st.Guard = &status.Guard{Fence: status.FenceOn, MaxLease: 10 * time.Second, Majority: true, Grants: 2, Dropped: map[string]uint64{}}
	for _, name := range []string{"arbiter", "lb-1", "lb-2"} {
		st.Guard.Voters = append(st.Guard.Voters, status.Voter{Name: name, Counted: true, Answers: true, Heard: noon, Current: true})
	}
	st.PeerLink = &status.PeerLink{Port: 7946}
	resources := func(mail, web string) []status.NodeResource {
		return []status.NodeResource{{Name: "router mail", State: mail, Priority: 100}, {Name: "router web", State: web, Priority: 150, Term: 3}}
	}
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s + ":7946") }
	st.Fleet = []status.Node{
		{
			Name: "arbiter", Address: at("192.0.2.12"), Joined: true, Since: noon.Add(-26 * time.Hour), Configured: true, Witness: true,
			Version: "v1.2.3", Digest: st.Digest,
		},
		{
			Name: "lb-1", Here: true, Address: at("192.0.2.10"), Joined: true, Configured: true, Version: "v1.2.3", Digest: st.Digest,
			Resources: resources("Backup", "Active"),
		},
		{
			Name: "lb-2", Address: at("192.0.2.11"), Joined: true, Since: noon.Add(-5 * time.Hour), Configured: true, Version: "v1.2.2", Digest: st.Digest,
			Resources: resources("Active", "Backup"),
		},
	}
	return st
}

// lose makes voters silent; gone ones are not on the peer link either.
func lose(st status.Status, gone bool, names ...string) status.Status {
	for i := range st.Guard.Voters {
		v := &st.Guard.Voters[i]
		if slices.Contains(names, v.Name) {
			v.Answers, v.Silent, v.Heard = false, true, noon.Add(-time.Minute)
		}
	}
	for i := range st.Fleet {
		n := &st.Fleet[i]
		if gone && slices.Contains(names, n.Name) {
			*n = status.Node{Name: n.Name, Address: n.Address, Configured: true, Witness: n.Witness}
		}
	}
	return st
}

// deny has voters' files differ in a resource.
func deny(st status.Status, resource, reason string, names ...string) status.Status {
	st.Guard.Voters = slices.Clone(st.Guard.Voters)
	guard := *st.Guard
	st.Guard = &guard
	for i := range guard.Voters {
		if v := &guard.Voters[i]; slices.Contains(names, v.Name) {
			v.Denies = append(slices.Clone(v.Denies), status.Denied{Resource: resource, Reason: reason})
		}
	}
	return st
}

// besieged is a node to whose cluster everything happens at once.
func besieged() status.Status {
	st := lose(guarded(), true, "lb-2")
	st.Drained = true
	mail, web := &st.Routers[0], &st.Routers[1]
	mail.Holder, mail.HolderPriority = "", 0
	mail.Lease = &status.Lease{Refusal: "unheard", Lost: 2}
	web.Lease.Unconfirmed, web.Lease.Lost, web.Pinned = true, 1, true
	web.Filtered = "no other node hears its adverts, though hosts on eth0 answer: is something filtering VRRP?"
	api := status.Router{Name: "api", State: "Backup", SyncGroup: "edge", Holder: "lb-3", Since: noon, Lease: &status.Lease{Refusal: "held", Holder: "lb-3"}}
	bare := status.Router{Name: "bare", State: "Active", Held: true, Since: noon, Lease: &status.Lease{Refusal: "stalled", Lost: 1}}
	odd := status.Router{Name: "odd", State: "Backup", Since: noon, Lease: &status.Lease{Refusal: "unknown"}}
	st.Routers = append(st.Routers, api, bare, odd)
	st.Fleet[0].Digest, st.Fleet[0].Differs = "0d1c49b2a27e0a55", true
	st.Fleet[1].Resources[0].Unheard, st.Fleet[1].Drained = true, true
	st.Fleet = append(st.Fleet,
		status.Node{
			Name: "lb-3", Address: netip.MustParseAddrPort("192.0.2.13:7946"), Joined: true, Since: noon.Add(-time.Minute), Configured: true, Drained: true,
			Version: "v1.2.3", Digest: st.Digest, Resources: []status.NodeResource{{Name: "sync group edge", State: "Active", Pinned: true}},
		},
		status.Node{Name: "lb-4", Configured: true},
		status.Node{Name: "mallory\x1b[31m", Address: netip.MustParseAddrPort("192.0.2.66:7946"), Joined: true, Since: noon},
	)
	g := st.Guard
	g.Fence, g.FenceBefore = "the kernel refuses eBPF: operation not permitted", []string{"eth0: tc program shaper"}
	g.Silent, g.Staged, g.Waits = noon.Add(8*time.Second), true, []string{"lb-2", "lb-3"}
	g.Problem, g.ClockSlew = "a change of the voters is under way, and the file has changed again: wait for its end", 6.5
	g.Dropped = map[string]uint64{"drift": 4, "malformed": 1, "silent": 99}
	st.PeerLink.Error, st.PeerLink.Dropped = "another node has this node's name", map[string]uint64{"wrong_key": 7, "unknown": 1}
	st.PeerLink.Troubles = []status.Trouble{
		{Kind: "wrong_key", From: "192.0.2.66", At: noon},
		{Kind: "wrong_key", From: "192.0.2.13", At: noon},
		{Kind: "wrong_cluster", From: "192.0.2.67", At: noon},
		{Kind: "duplicate", From: "lb-3", At: noon},
		{Kind: "conflict", From: "lb-4", At: noon},
	}
	g.Voters[0].Staged, g.Voters[0].Ready = true, true
	g.Voters[2].Forgotten = true
	g.Voters = append(g.Voters,
		status.Voter{Name: "lb-3", Answers: true, Heard: noon.Add(-time.Second), Staged: true},
		status.Voter{Name: "lb-5", Staged: true, Drift: true})
	return st
}

// voterOnly is a witness, a node that only votes.
func voterOnly() status.Status {
	st := guarded()
	st.Node, st.Routers, st.Links = "arbiter", nil, nil
	st.Fleet[0].Here, st.Fleet[1].Here, st.Fleet[1].Since = true, false, noon.Add(-time.Hour)
	for i := range st.Guard.Voters {
		st.Guard.Voters[i].Answers, st.Guard.Voters[i].Heard = false, time.Time{}
	}
	return st
}

func TestRenderGuard(t *testing.T) {
	unguarded := guarded()
	unguarded.Guard, unguarded.Routers[0].Lease, unguarded.Routers[1].Lease = nil, nil, nil
	idle := voterOnly()
	idle.Guard = nil
	for name, st := range map[string]status.Status{
		"guarded":       guarded(),
		"guarded-lost":  lose(guarded(), true, "arbiter", "lb-2"),
		"besieged":      besieged(),
		"witness":       voterOnly(),
		"witness-alone": lose(voterOnly(), true, "lb-1", "lb-2"),
		"unguarded":     unguarded,
		"idle-witness":  idle,
	} {
		golden(t, "render-"+name+".txt", renderStatus(st, false))
	}
	golden(t, "render-besieged-colour.txt", renderStatus(besieged(), true))
	differing := deny(deny(guarded(), "router web", status.DeniedAddresses, "arbiter"), "router mail", status.DeniedAddresses, "arbiter")
	golden(t, "render-denied.txt", renderStatus(differing, false))
	golden(t, "voters-denied.txt", renderVoters(differing, false))
	golden(t, "voters.txt", renderVoters(guarded(), false))
	golden(t, "voters-besieged.txt", renderVoters(besieged(), false))
}

// What is lost is told apart.
func TestLosses(t *testing.T) {
	ofFive := func() status.Status {
		st := guarded()
		for _, name := range []string{"lb-3", "lb-4"} {
			st.Guard.Voters = append(st.Guard.Voters, status.Voter{Name: name, Answers: true, Current: true})
			st.Fleet = append(st.Fleet, status.Node{Name: name, Joined: true, Configured: true})
		}
		return st
	}
	own := guarded()
	own.Guard.Silent = noon.Add(time.Second)
	drift := lose(guarded(), false, "lb-2")
	drift.Guard.Voters[2].Drift = true
	ownAndOne := lose(guarded(), true, "lb-2")
	ownAndOne.Guard.Silent = noon.Add(time.Second)
	table := guarded()
	table.Guard.Voters[0] = status.Voter{Name: "table vicar-lease", Current: true, Counted: true, Problem: "dynamodb:GetItem: denied: no permission"}
	const nobody = "no address can be taken over, and what is held is given up, but for on_loss: hold"
	tests := map[string]struct {
		st   status.Status
		want []string
	}{
		"nothing":        {guarded(), nil},
		"the witness":    {lose(guarded(), true, "arbiter"), []string{"the witness arbiter doesn't answer: one more failure and nobody holds"}},
		"a peer":         {lose(guarded(), true, "lb-2"), []string{"lb-2 doesn't answer: one more failure and nobody holds"}},
		"a peer's voter": {lose(guarded(), false, "lb-2"), []string{"lb-2 (which is on the peer link) doesn't answer: one more failure and nobody holds"}},
		"the majority":   {lose(guarded(), true, "arbiter", "lb-2"), []string{"no majority: the witness arbiter and lb-2 don't answer: " + nobody}},
		"one of five":    {lose(ofFive(), true, "lb-4"), []string{"lb-4 doesn't answer: 1 more voter may fail before nobody holds"}},
		"the own voter":  {own, nil},
		"a table":        {table, []string{"the table vicar-lease can't be asked: dynamodb:GetItem: denied: no permission", "the table vicar-lease doesn't answer: one more failure and nobody holds"}},
		"with the own":   {ownAndOne, []string{"no majority: lb-2 doesn't answer: " + nobody}},
		"other files":    {deny(guarded(), "router web", status.DeniedAddresses, "arbiter"), []string{"arbiter doesn't grant web (other addresses in its file): one more failure and nobody holds"}},
		"other files, two": {
			deny(deny(guarded(), "router web", status.DeniedAddresses, "arbiter", "lb-2"), "router mail", status.DeniedMissing, "lb-2"),
			[]string{
				"lb-2 doesn't grant mail (not in its file): one more failure and nobody holds",
				"arbiter and lb-2 don't grant web (other addresses in their files): too few voters are left that have the same as this node",
			},
		},
		"other files, all routers": {
			deny(deny(ofFive(), "router web", status.DeniedMissing, "lb-2"), "sync group edge", status.DeniedMissing, "lb-2"),
			[]string{"lb-2 doesn't grant web, sync group edge (not in its file): 1 more voter may fail before nobody holds"},
		},
		"other files, in two ways": {
			deny(deny(guarded(), "router web", status.DeniedMissing, "lb-2"), "router web", status.DeniedAddresses, "arbiter"),
			[]string{"arbiter and lb-2 don't grant web (not in their files, or with other addresses): too few voters are left that have the same as this node"},
		},
		"other files, and one is lost": {
			deny(lose(guarded(), true, "lb-2"), "router web", status.DeniedAddresses, "arbiter", "lb-2"),
			[]string{
				"lb-2 doesn't answer: one more failure and nobody holds",
				"arbiter doesn't grant web (other addresses in its file): too few voters are left that have the same as this node",
			},
		},
		"another list": {drift, []string{"lb-2 votes by another list of voters, so that nothing counts between it and this node: bring the files in line (see vicar voters)"}},
	}
	for name, tc := range tests {
		if got := wrongs(tc.st); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, tc.want)
		}
	}
}

// What a guard says has words for people.
func TestGuardWords(t *testing.T) {
	for r := quorum.Promised; r <= quorum.Unheard; r++ {
		if got := status.RefusalWords(r.String()); got == r.String() || got == "other" {
			t.Errorf("no words for a refusal: %s", r)
		}
		if got := refusalShort(r.String()); got == r.String() || got == "other" {
			t.Errorf("no words for a refusal in a table: %s", r)
		}
	}
	for _, reason := range []string{"not_ready", "fence", "stalled"} {
		if status.RefusalWords(reason) == reason {
			t.Errorf("no words for a refusal: %s", reason)
		}
	}
	for _, words := range []func(string) string{unanswered, unlinked} {
		if got := words("new"); got != "for new" {
			t.Errorf("got %q", got)
		}
		if got := words("overflow"); strings.HasPrefix(got, "for ") {
			t.Errorf("no words for an overflow: %s", got)
		}
	}
}

// TestTakenOver is a holder that has died seconds ago, and whose routers another has
// taken over.
func TestTakenOver(t *testing.T) {
	st := guarded()
	here, dead := &st.Fleet[1], &st.Fleet[2]
	here.Resources[0].State, here.Resources[0].Term = "Active", 8
	dead.Resources[0].Term, dead.Resources[0].Pinned, dead.Quiet, dead.Heard = 7, true, true, noon.Add(-4*time.Second)
	st.MarkStale()
	text := renderStatus(st, false)
	for want, times := range map[string]int{
		"no answer":  1,
		"  0, was 1": 1,
		"lb-2 has not answered on the peer link for 4s: nothing can be handed over": 1,
		"was handed over to lb-2 by name":                                           0,
	} {
		if strings.Count(text, want) != times {
			t.Errorf("%q is not there %d times:\n%s", want, times, text)
		}
	}
}
