// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// How far a change of the voters is, and what is to be done where: nobody is told to
// forget a node that merely hasn't been there yet, or that has reported.
func TestChangeLine(t *testing.T) {
	// change is one from lb-1, lb-2 and lb-3 to lb-1, lb-2 and lb-4.
	change := func(waits []string, ready ...string) status.Status {
		st := status.Status{Node: "lb-1", Guard: &status.Guard{MaxLease: 10 * time.Second, Staged: true, Waits: waits}}
		for _, name := range []string{"lb-1", "lb-2", "lb-3", "lb-4"} {
			st.Guard.Voters = append(st.Guard.Voters, status.Voter{
				Name: name, Ready: slices.Contains(ready, name), Current: name != "lb-4", Staged: name != "lb-3",
			})
			st.Fleet = append(st.Fleet, status.Node{Name: name, Joined: true, Configured: true, Heard: noon})
		}
		return st
	}
	without := func(st status.Status, names ...string) status.Status {
		for i := range st.Fleet {
			if n := &st.Fleet[i]; slices.Contains(names, n.Name) {
				n.Joined = false
			}
		}
		return st
	}
	begin := func(st status.Status, mute ...string) status.Status {
		st.Guard.MaxLease = 0
		for i := range st.Fleet {
			if n := &st.Fleet[i]; slices.Contains(mute, n.Name) {
				n.Quiet, n.Heard = true, time.Time{}
			}
		}
		return st
	}
	tests := map[string]struct {
		st   status.Status
		want string
	}{
		"a new cluster": {
			begin(change([]string{"lb-2", "lb-4"}, "lb-1")), "a new cluster begins when this node has been there together with lb-2 and lb-4",
		},
		"a new node that the others don't know": {
			begin(change([]string{"lb-2", "lb-4"}, "lb-1"), "lb-2"),
			"a new cluster begins when this node has been there together with lb-2 and lb-4; but lb-2 is on the peer link and does not answer this node: its file may not have it, so put it there and reload",
		},
		"others have the old file": {
			change([]string{"lb-2", "lb-4"}, "lb-1"), "a change of the voters waits for lb-2 and lb-4: reload the same file there",
		},
		"one has not been started": {
			without(change([]string{"lb-4"}, "lb-1", "lb-2"), "lb-4"),
			"a change of the voters waits for lb-4, which is not there: start it with the same file (if it is gone for good: vicar voters forget lb-4)",
		},
		"one was stopped to be removed": {
			without(change([]string{"lb-3"}, "lb-1", "lb-2", "lb-4"), "lb-3"),
			"a change of the voters waits for lb-3, which is to go and is not there: say vicar voters forget lb-3",
		},
		"one is to be removed, and each is at another point": {
			without(change([]string{"lb-2", "lb-3", "lb-4"}, "lb-1"), "lb-4"),
			"a change of the voters waits for lb-2: reload the same file there; and for lb-4, which is not there: start it with the same file " +
				"(if it is gone for good: vicar voters forget lb-4); and for lb-3, which is to go: stop it, then say vicar voters forget lb-3",
		},
		"some are not done": {
			change([]string{"lb-2", "lb-3"}, "lb-1", "lb-2", "lb-3", "lb-4"),
			"a change of the voters has been reported by all: it is in force in about 20s",
		},
		"all are": {change(nil, "lb-1", "lb-2", "lb-3", "lb-4"), "a change of the voters has been reported by all: it is in force in about 20s"},
	}
	for name, tc := range tests {
		if got := changeLine(tc.st); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, tc.want)
		}
	}
}

// TestNewcomer is a node that is in its own file alone: the others see it, and it
// sees them.
func TestNewcomer(t *testing.T) {
	st := guarded()
	st.Routers[0].Lease, st.Routers[1].Lease = &status.Lease{Refusal: "not_ready"}, &status.Lease{Refusal: "not_ready"}
	st.Routers[1].State, st.Routers[1].Held = "Backup", false
	st.Guard = &status.Guard{Fence: status.FenceOn, Staged: true, Waits: []string{"arbiter", "lb-2"}}
	for _, name := range []string{"arbiter", "lb-1", "lb-2"} {
		st.Guard.Voters = append(st.Guard.Voters, status.Voter{Name: name, Staged: true})
	}
	for _, i := range []int{0, 2} {
		n := &st.Fleet[i]
		*n = status.Node{Name: n.Name, Address: n.Address, Joined: true, Quiet: true, Since: noon.Add(-time.Minute), Configured: true, Witness: n.Witness}
	}
	golden(t, "render-newcomer.txt", renderStatus(st, false))

	seen := guarded()
	seen.Fleet = append(seen.Fleet, status.Node{Name: "lb-9", Joined: true, Since: noon})
	if got := wrongs(seen); len(got) != 1 || got[0] != "lb-9 is on the peer link, and not in this node's file: put it there and reload, or stop it (who should not have the key: change the keys)" {
		t.Errorf("%q", got)
	}

	// A node that was forgotten is back, with its old list.
	forgotten := guarded()
	for _, i := range []int{0, 2} {
		n, v := &forgotten.Fleet[i], &forgotten.Guard.Voters[i]
		*n = status.Node{Name: n.Name, Joined: true, Quiet: true, Configured: true}
		*v = status.Voter{Name: v.Name, Current: true}
	}
	want := []string{
		"no majority: arbiter and lb-2 don't answer: no address can be taken over, and what is held is given up, but for on_loss: hold",
		"arbiter and lb-2 are on the peer link and never answered this node, which may not be in their files: put it there and reload",
	}
	if got := wrongs(forgotten); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A witness that is gone takes its vote with it, and nothing could be handed over
// to it before.
func TestWitnessIsGone(t *testing.T) {
	for name, tc := range map[string]struct {
		node string
		want string
	}{
		"a witness": {"arbiter", "the witness arbiter is not on the peer link"},
		"a peer":    {"lb-2", "lb-2 is not on the peer link: nothing can be handed over to it or by it"},
	} {
		st := guarded()
		for i := range st.Fleet {
			if n := &st.Fleet[i]; n.Name == tc.node {
				n.Joined = false
			}
		}
		if got := wrongs(st); !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
