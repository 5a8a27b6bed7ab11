// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/status"
)

// votersRestarted kills and starts one node after the other, by when each has
// its memory of leases back.
func votersRestarted(w *world) {
	for _, name := range w.shuffled() {
		w.somewhere()
		w.kill(name)
		w.run(name)
		w.pass(maxLease)
	}
	w.settles(first.name)
}

// restartStorm kills all nodes at once and starts them, twice.
func restartStorm(w *world) {
	for range 2 {
		w.somewhere()
		for _, name := range w.shuffled() {
			labtest.OK(w.t, w.nodes[name].process.KillFamily())
		}
		w.note("all are killed")
		for _, name := range w.shuffled() {
			_ = w.nodes[name].process.Wait()
			w.run(name)
		}
	}
	w.settles(first.name)
}

// rollingRestart stops and starts one node after the other as fast as it goes.
func rollingRestart(w *world) {
	w.somewhere()
	for _, name := range w.shuffled() {
		labtest.OK(w.t, w.nodes[name].process.Stop(patience))
		w.note("%s is stopped", name)
		w.run(name)
	}
	w.settles(first.name)
}

// addAndRemove adds a node by rolling reload, then removes another, and lets
// the holder die at some point of either.
func addAndRemove(w *world) {
	w.somewhere()
	w.conf.Nodes = maps.Clone(w.conf.Nodes)
	w.conf.Nodes[joiner.name] = w.node(joiner)
	w.run(joiner.name)
	w.reload("", w.rng.IntN(2) == 0)
	w.inForce(len(w.conf.Nodes))
	w.settles(first.name)

	gone := w.members[1+w.rng.IntN(len(w.members)-1)].name // not the joiner
	labtest.OK(w.t, w.nodes[gone].process.Stop(patience))
	at := w.now()
	w.note("%s is stopped for good", gone)
	w.conf.Nodes = maps.Clone(w.conf.Nodes)
	delete(w.conf.Nodes, gone)
	w.reload(joiner.name, w.rng.IntN(2) == 0)
	w.forgets(w.shuffled()[0], gone) // the others learn it from there
	w.inForce(len(w.conf.Nodes))
	best := first.name
	if gone == first.name {
		best = joiner.name
	}
	w.settles(best)
	w.neverAnswers(gone, at, "it was removed")
	w.freeze(w.nodes[best], long, true)
}

// forgets has a node wait no longer for another, which is refused for as long
// as that one has been heard lately.
func (w *world) forgets(name, gone string) {
	w.t.Helper()
	var out string
	var err error
	w.eventually(name+" forgets "+gone, func() bool {
		out, err = w.nodes[name].agent.Tell(w.t.Context(), "voters", "forget", gone)
		return err == nil
	})
	w.note("%s forgets %s: %q", name, gone, out)
}

// reload puts the configuration into force on one running node after the other.
// If killing, the holder dies in between and comes back. But is left out.
func (w *world) reload(but string, killing bool) {
	w.t.Helper()
	for n, name := range w.shuffled() {
		w.somewhere()
		if a := w.nodes[name].agent; !a.Ended() {
			w.up(name)
			labtest.OK(w.t, a.Reload(w.conf))
			w.note("%s reloads", name)
		}
		if holder := w.holding(); killing && n == 1 && holder != "" && holder != but {
			w.kill(holder)
			w.run(holder)
		}
	}
}

// up waits until a node's agent answers. Before it does SIGHUP ends it.
func (w *world) up(name string) {
	w.t.Helper()
	w.eventually(name+"'s agent answers", func() bool {
		_, err := w.nodes[name].agent.Status(w.t.Context())
		return err == nil
	})
}

// holding is the node that has answered in the last moments, if any.
func (w *world) holding() string {
	for _, m := range w.members {
		if last := w.holders.Last(w.nodes[m.name].Host); last > w.now()-interval {
			return m.name
		}
	}
	return ""
}

// inForce waits until all configured nodes have so many voters, none staged.
func (w *world) inForce(voters int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d voters are in force", voters), func() bool {
		return !slices.ContainsFunc(w.configured(), func(name string) bool {
			s, err := w.nodes[name].agent.Status(w.t.Context())
			return err != nil || s.Guard == nil || s.Guard.Staged || countVoters(s.Guard) != voters
		})
	})
	w.note("%d voters are in force", voters)
}

// countVoters is how many voters the list in force has.
func countVoters(g *status.Guard) int {
	n := 0
	for _, v := range g.Voters {
		if v.Current {
			n++
		}
	}
	return n
}
