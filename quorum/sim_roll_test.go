// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"reflect"
	"slices"
	"time"
)

// simRoll is what a node has of the lists of voters: on its disk, and in its
// process.
type simRoll struct {
	file   List   // the file on disk; none: the machine isn't of the cluster yet
	saved  *Saved // on disk
	buried bool   // the machine never comes back

	roll    *Roll
	writing bool
	told    Report
	lists   [2]Lists      // that candidates and voter have
	rolled  time.Duration // when a timer of the roll fires, if it is to come
}

// startRoll begins with what is on disk.
func (n *simNode) startRoll() {
	n.writing, n.told, n.rolled, n.lists = false, Report{}, 0, [2]Lists{}
	n.w.mutant.starts(n)
	roll, err := NewRoll(simName(n.id), n.saved, n.file, n.local())
	if err != nil {
		n.w.must(err)
		return
	}
	n.roll = roll
	if n.saved != nil {
		n.w.agree(n.saved) // a former life may have written it, and ended before it took effect
	}
	n.apply()
	n.turn()
	n.tell()
}

// apply gives voter and candidates their lists. There may be none yet.
func (n *simNode) apply() {
	votes, ok := n.roll.Votes()
	lists, _ := n.roll.Lists()
	lists, votes = n.w.mutant.lists(n, lists, votes)
	both := [2]Lists{lists, votes}
	if !ok || reflect.DeepEqual(both, n.lists) {
		return
	}
	n.lists = both
	if n.voter == nil {
		v, err := NewVoter(VoterConfig{Node: simName(n.id), Lists: votes, Resources: n.resources(), Terms: n.kept}, n.local())
		if err != nil {
			n.w.must(err)
			return
		}
		n.voter, n.keptTo = v, 0
		n.w.mutant.started(n)
		n.setTables(lists)
		n.restock()
	} else {
		n.w.must(n.voter.SetLists(votes))
	}
	n.w.mutant.voting(n)
	n.setTables(lists)
	for _, c := range n.cands {
		n.step(c, Reconfigure{Lists: lists, Lease: n.w.lease, Renew: n.w.lease / 3, Margin: n.w.lease / 20})
	}
}

// turn is after each call of the roll: it writes what is to be written, which
// takes a while and may come to nothing, and tells what has changed.
func (n *simNode) turn() {
	n.w.mutant.rolling(n)
	n.apply()
	if saved, ok := n.roll.Pending(); ok && !n.writing {
		n.writing = true
		n.w.after(n.w.between(0, 50*time.Millisecond), n, func() { n.wrote(saved) })
	}
	if report := n.roll.Report(); report.Ready != n.told.Ready || !report.same(&n.told.Saved) {
		n.told = report
		n.broadcast()
	}
	at, ok := n.roll.Deadline()
	if !ok {
		return
	}
	when := max(n.clock.until(at), n.w.now)
	if n.rolled > n.w.now && n.rolled <= when {
		return
	}
	n.rolled = when
	n.w.after(when-n.w.now, n, func() {
		n.roll.Step(n.local())
		n.turn()
	})
}

func (n *simNode) wrote(saved Saved) {
	n.writing = false
	n.saved = &saved
	if n.w.chaos && n.w.rng.IntN(20) == 0 { // before it takes effect
		n.w.note("%d ends with %d on disk: %v, staged %v, sealed %v", n.id, saved.Generation, saved.Current, saved.Staged, saved.Sealed)
		n.restart(false)
		return
	}
	n.w.note("%d has %d: %v, staged %v, sealed %v, without %v", n.id, saved.Generation, saved.Current, saved.Staged, saved.Sealed, saved.Forgotten)
	n.roll.Wrote(n.local(), saved)
	n.w.agree(&saved)
	n.turn()
}

// tell repeats the report, and tries a file again that was refused.
func (n *simNode) tell() {
	n.broadcast()
	n.configure()
	n.w.after(n.w.maxLease/8, n, n.tell)
}

func (n *simNode) broadcast() {
	report := n.roll.Report()
	report.Saved = report.clone()
	for _, o := range n.w.nodes {
		if o == n {
			continue
		}
		n.w.fates = n.w.net.fates(n.id, o.id, n.w.fates)
		for _, d := range n.w.fates {
			n.w.queue.push(simEvent{at: n.w.now + d, kind: simReport, node: o.id, from: n.id, report: &report})
		}
	}
}

func (n *simNode) heard(from int, report *Report) {
	if n.roll == nil {
		return
	}
	n.w.must(n.roll.Heard(n.local(), simName(from), *report))
	n.turn()
}

// configure loads the file's list, unless it is loaded.
func (n *simNode) configure() {
	if n.roll == nil || n.roll.file.same(n.file) {
		return
	}
	err := n.roll.Configure(n.local(), n.file)
	n.w.note("%d loads the voters %v: %v", n.id, n.file, err)
	n.turn()
}

// forgets makes the node forget another, if it has to do with it.
func (n *simNode) forgets(o *simNode) {
	if n.roll == nil {
		return
	}
	n.roll.Gone(simName(o.id))
	if n.roll.Forget(simName(o.id)) == nil {
		n.w.note("%d forgets %d", n.id, o.id)
		n.turn()
	}
}

func (n *simNode) waitsFor(o *simNode) bool {
	return n.roll != nil && slices.Contains(n.roll.Waits(), simName(o.id))
}
