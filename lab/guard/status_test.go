// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/transport/gossip"
)

// TestStatusInPartition cuts off the holder. What each side says of the voters, and of
// who holds what, must follow soon; a Backup that asks nobody says of nobody that he
// doesn't answer.
func TestStatusInPartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, witness)
	w.start()
	w.pass(5 * time.Second) // so that the Backup's last question is long ago
	silent := func(name string) []string {
		st := w.statusOf(name)
		return st.Votes().Silent
	}
	for _, name := range w.configured() {
		if got := silent(name); len(got) > 0 {
			t.Errorf("%s says that %q don't answer", name, got)
		}
	}
	labtest.OK(t, w.lab.Isolate(w.holder().Host))
	at := w.now()
	w.eventually("the holder knows that it is alone", func() bool {
		st := w.statusOf(first.name)
		return !st.Votes().Majority && !st.Guard.Majority && len(st.Votes().Silent) == 2
	})
	t.Logf("it knew %v after the cut", w.now()-at)
	w.answers(second.name)
	w.eventually("the new holder knows who is left", func() bool {
		st := w.statusOf(second.name)
		return st.Votes().Majority && slices.Equal(st.Votes().Silent, []string{first.name})
	})
	t.Logf("the new holder knew %v after the cut", w.now()-at)
	w.eventually("the witness sees one holder, and that the old one is silent", func() bool {
		holders := 0
		st := w.statusOf(arbiter.name)
		for _, n := range st.Fleet {
			for _, r := range n.Resources {
				if r.State == "Active" && !r.Stale {
					holders++
				}
			}
		}
		return holders == 1 && slices.Equal(st.Votes().Silent, []string{first.name})
	})
	t.Logf("the witness knew %v after the cut", w.now()-at)
	labtest.OK(t, w.lab.Heal(w.holder().Host))
	w.eventually("all answer again", func() bool {
		return len(silent(first.name)) == 0 && len(silent(second.name)) == 0 && len(silent(arbiter.name)) == 0
	})
}

// TestStatusWhileFilesDiffer reloads the witness alone with one more address, and
// then a Backup with another key. Nothing has failed, and each node says by name
// what the next failure would cost.
func TestStatusWhileFilesDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, witness)
	w.start()
	spare := func(name string) int {
		st := w.statusOf(name)
		return st.VotesOn(st.Routers[0].Resource()).Spare
	}
	// A voter that starts answers when it is asked next.
	w.eventually("one voter may be lost", func() bool { return spare(first.name) == 1 })
	more := w.conf
	more.Routers = maps.Clone(w.conf.Routers)
	for name, r := range more.Routers {
		r.Addresses = append(slices.Clone(r.Addresses), netip.MustParsePrefix("192.0.2.111/24"))
		more.Routers[name] = r
	}
	labtest.OK(t, w.nodes[arbiter.name].agent.Reload(more))
	for _, name := range []string{first.name, second.name} {
		w.eventually(name+" knows that the witness denies", func() bool {
			st := w.statusOf(name)
			return slices.ContainsFunc(st.Guard.Voters, func(v status.Voter) bool {
				return v.Name == arbiter.name && len(v.Denies) == 1 && v.Denies[0].Reason == status.DeniedAddresses
			}) && spare(name) == 0
		})
	}
	labtest.OK(t, w.nodes[arbiter.name].agent.Reload(w.conf))
	w.eventually("the files are the same again", func() bool { return spare(first.name) == 1 && spare(second.name) == 1 })

	other := w.conf
	link := *w.conf.PeerLink
	link.Keys, other.PeerLink = []string{gossip.GenerateKey()}, &link
	labtest.OK(t, w.nodes[second.name].agent.Reload(other))
	w.eventually("the holder knows that it has one vote less", func() bool {
		st := w.statusOf(first.name)
		return st.Votes().Majority && slices.Equal(st.Votes().Silent, []string{second.name}) && len(st.PeerLink.Troubles) > 0
	})
	w.eventually("who has the other key knows that it is alone", func() bool {
		st := w.statusOf(second.name)
		return !st.Votes().Majority && len(st.PeerLink.Troubles) > 0
	})
	w.judge()
}
