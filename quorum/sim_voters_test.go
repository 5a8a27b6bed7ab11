// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"slices"
	"time"
)

// simVoters is what a world knows of its lists of voters.
type simVoters struct {
	changes bool // they change
	target  List // that files are to have
	anchor  int  // a node of every list that never loses its state
	inForce []List
	// suspect are the nodes that were forgotten or lost their state while a
	// generation was in force: of each list, less than a majority.
	suspect   [][]string
	stateless []bool // one of them lost its state, by generation
	changed   uint64 // changes completed
	freed     uint64 // nodes whose state was removed since they were bound to different lists
}

// firstVoters gives nodes their first files, and mostly a list that is in
// force for long.
func (w *simWorld) firstVoters(seed uint64) {
	w.anchor = w.rng.IntN(2) // a candidate
	w.changes = seed%8 != 0 && (seed%3 != 0 || seed%8 == 1) && len(w.nodes) > 2
	if w.tables != nil {
		w.changes = seed%8 != 0 && seed%3 != 0
	}
	w.target = List{MaxLease: w.maxLease}
	for i := range w.nodes {
		w.target.Voters = append(w.target.Voters, simName(i))
	}
	if w.tables != nil {
		w.target.Voters = append(w.target.Voters, simTableNames[0])
	}
	if w.changes {
		w.lease = min(w.lease, time.Second)
		w.maxLease = w.between(max(w.lease, time.Second), 3*time.Second)
		w.target = w.anyList()
	}
	w.inForce, w.suspect, w.stateless = []List{{}}, [][]string{nil}, []bool{false}
	first := &Saved{Generation: 1, Current: w.target}
	if w.changes && w.rng.IntN(4) == 0 {
		first = nil
	} else {
		w.agree(first)
	}
	for i, n := range w.nodes {
		if slices.Contains(w.target.Voters, simName(i)) {
			n.file, n.saved = w.target, first
		}
	}
}

// anyList is a list with the anchor.
func (w *simWorld) anyList() List {
	l := List{Voters: []string{simName(w.anchor)}, MaxLease: w.maxLease}
	if w.rng.IntN(3) == 0 {
		l.MaxLease = w.between(w.lease, w.maxLease)
	}
	for _, i := range w.rng.Perm(len(w.nodes))[:1+w.rng.IntN(len(w.nodes))] {
		if i != w.anchor && !w.nodes[i].buried {
			l.Voters = append(l.Voters, simName(i))
		}
	}
	if w.tables != nil && len(l.Voters) > 1 && w.rng.IntN(6) > 0 {
		l.Voters = append(l.Voters, simTableNames[w.rng.IntN(5)/4])
	}
	return l
}

// agree holds what is in force to what was in force elsewhere.
func (w *simWorld) agree(s *Saved) {
	g := int(s.Generation)
	switch {
	case g == len(w.inForce):
		w.inForce, w.suspect, w.stateless = append(w.inForce, s.Current), append(w.suspect, nil), append(w.stateless, false)
	case w.mutant != mutant{}: // it is to be found by its fruits
	case g > len(w.inForce):
		w.wrong = fmt.Errorf("generation %d comes after %d", g, len(w.inForce)-1)
	case !w.inForce[g].same(s.Current) && w.wrong == nil:
		w.wrong = fmt.Errorf("at %v generation %d is of the voters %v, and of %v", w.now, g, w.inForce[g], s.Current)
	}
}

func (w *simWorld) generation() uint64 { return uint64(len(w.inForce) - 1) }

// doubt tells whether n may be forgotten or lose its state, and remembers that
// it does. Lists of the last two generations may still be asked under.
func (w *simWorld) doubt(n *simNode, loses bool) bool {
	if n.id == w.anchor {
		return false
	}
	last := len(w.inForce) - 1
	for g := max(0, last-1); g <= last; g++ {
		l, name := w.inForce[g], simName(n.id)
		if slices.Contains(l.Voters, name) && !slices.Contains(w.suspect[g], name) && w.unsealed(g, loses)+1 >= l.Majority() {
			return false
		}
	}
	for g := max(0, last-1); g <= last; g++ {
		if l, name := w.inForce[g], simName(n.id); slices.Contains(l.Voters, name) && !slices.Contains(w.suspect[g], name) {
			w.suspect[g] = append(w.suspect[g], name)
			w.stateless[g] = w.stateless[g] || loses
		}
	}
	return true
}

// unsealed are the voters that a change from the list of a generation can't
// answer for: those that are suspect, and, if one of them loses its state, which nobody
// knows of, a table: the change waits for it only if somebody was forgotten.
func (w *simWorld) unsealed(generation int, loses bool) int {
	if w.inForce[generation].HasTable() && (loses || w.stateless[generation]) {
		return len(w.suspect[generation]) + 1
	}
	return len(w.suspect[generation])
}

// politics does something to the lists of voters.
func (w *simWorld) politics(n *simNode) {
	switch w.rng.IntN(8) {
	case 0, 1, 2:
		w.target = w.anyList()
		w.note("the voters are to be %v", w.target)
		w.rollOut()
	case 3:
		w.rollOut()
	case 4: // one file goes ahead, or back
		n.file = w.inForce[w.rng.IntN(len(w.inForce))]
		if n.file.IsZero() {
			n.file = w.target
		}
		w.after(0, n, n.configure)
	case 5:
		if w.doubt(n, true) {
			w.note("%d loses its state", n.id)
			n.saved, n.kept = nil, nil
			n.restart(w.rng.IntN(3) == 0)
		}
	case 6, 7:
		if !w.doubt(n, false) {
			return
		}
		if n.up {
			n.restart(true)
			n.buried = true
		}
		if w.rng.IntN(2) == 0 { // it comes back nevertheless
			w.queue.push(simEvent{at: w.now + w.between(0, 20*time.Second), kind: simRise, node: n.id})
		}
		for _, o := range w.nodes {
			if o.waitsFor(n) && w.rng.IntN(2) == 0 {
				w.after(w.between(0, time.Second), o, func() { o.forgets(n) })
			}
		}
	}
}

// schisms cut nodes apart while the voters change, when some nodes don't know of it,
// and when one that was forgotten is there again.
func (w *simWorld) schisms() {
	for range 30 {
		w.target = w.anyList()
		w.note("the voters are to be %v", w.target)
		w.net.weather()
		w.rollOut()
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		gone := w.rng.IntN(2) == 0 && w.doubt(n, false)
		if gone {
			n.restart(false)
			n.buried = true
		}
		cut := w.rng.IntN(8)
		for i := range 8 {
			if i == cut {
				w.net.partition(len(w.nodes))
				w.note("partition")
			}
			w.run(w.between(0, w.maxLease))
			for _, o := range w.nodes {
				if gone && o.waitsFor(n) {
					w.after(0, o, func() { o.forgets(n) })
				}
			}
		}
		if gone {
			w.queue.push(simEvent{at: w.now, kind: simRise, node: n.id})
		}
		for range 20 {
			w.run(w.between(0, w.maxLease/4))
			o := w.nodes[w.rng.IntN(len(w.nodes))]
			w.after(0, o, o.insist)
		}
		if w.rng.IntN(4) > 0 {
			w.net.heal()
		}
		w.run(w.between(0, 2*w.maxLease))
	}
}

// rollOut gives nodes the file, one sooner, one later, some never.
func (w *simWorld) rollOut() {
	slow := w.rng.IntN(2) == 0
	for _, n := range w.nodes {
		if w.rng.IntN(8) == 0 {
			continue
		}
		d := w.between(0, time.Second)
		if slow {
			d = w.between(0, 20*time.Second)
		}
		target := w.target
		w.queue.push(simEvent{at: w.now + d, kind: simReload, node: n.id, fn: func() { n.reloadVoters(target) }})
	}
}

func (n *simNode) reloadVoters(target List) {
	if !n.w.chaos || n.file.IsZero() && !slices.Contains(target.Voters, simName(n.id)) {
		return
	}
	n.file = target
	if !n.up {
		n.start()
		return
	}
	n.w.after(0, n, n.configure)
}

// lastVoters is when all gets well: every file has a list of machines that are
// there.
func (w *simWorld) lastVoters() {
	if !w.changes {
		return
	}
	w.target = w.anyList()
	for _, n := range w.nodes {
		if !n.file.IsZero() || slices.Contains(w.target.Voters, simName(n.id)) {
			n.file = w.target
		}
	}
}

// settleVoters waits until that list is in force, as an operator does: machines
// that are gone are forgotten, and of nodes that are bound to different lists one
// begins anew.
func (w *simWorld) settleVoters() {
	if !w.changes {
		return
	}
	const patience = 200
	for i := range patience {
		w.run(w.maxLease / 2)
		if w.wrong != nil || w.settled() {
			return
		}
		for _, n := range w.nodes {
			for _, o := range w.nodes {
				if o.buried && n.waitsFor(o) {
					w.after(0, n, func() { n.forgets(o) })
				}
			}
		}
		if i%40 == 20 {
			w.free()
		}
	}
	w.wrong = fmt.Errorf("at %v, long after all was well, the voters %v are not in force", w.now, w.target)
	for _, n := range w.nodes {
		if n.roll != nil {
			w.note("%d: %+v, file %v, waits for %v, problem %s, up %v", n.id, n.roll.Report(), n.roll.file, n.roll.Waits(), n.roll.Problem(), n.up)
		}
	}
}

func (w *simWorld) settled() bool {
	for _, n := range w.nodes {
		if n.up && (n.roll == nil || !n.roll.disk.same(&Saved{Generation: w.generation(), Current: w.target})) {
			return false
		}
	}
	return true
}

// free removes the state of one of two nodes that are bound to different lists,
// and the records of tables that are bound to others than a node.
func (w *simWorld) free() {
	for _, n := range w.nodes {
		n.freeTables()
		for _, o := range w.nodes {
			if n.roll == nil || o.roll == nil || o.id == w.anchor {
				continue
			}
			a, b := &n.roll.disk, &o.roll.disk
			if a.Generation == b.Generation && a.Sealed && b.Sealed && !a.Staged.same(b.Staged) {
				w.note("%d is bound to another list than %d, and begins anew", o.id, n.id)
				w.freed++
				o.saved, o.kept = nil, nil
				o.restart(false)
				return
			}
		}
	}
}
