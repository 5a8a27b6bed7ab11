// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// simWorld is what a seed makes: nodes, their network, and the one promise.
type simWorld struct {
	mutant   mutant
	rng      *rand.Rand
	net      simNetwork
	queue    simQueue
	now      time.Duration // real time, which no node knows
	nodes    []*simNode
	lease    time.Duration
	maxLease time.Duration
	chaos    bool
	wrong    error
	both     bool // it is that two nodes answer
	simVoters
	simTerms
	simTables

	// figures
	events  uint64
	held    uint64 // events at which an address was answered for
	grants  uint64 // leases begun, not renewed
	fates   []time.Duration
	actions []Action
	log     []string
	record  bool
}

func newSimWorld(seed uint64, m mutant, tables bool) *simWorld {
	rng := rand.New(rand.NewPCG(seed, 3))
	w := &simWorld{mutant: m, rng: rng, net: simNetwork{rng: rng, cut: map[[2]int]bool{}, latency: time.Millisecond}}
	w.maxLease = w.between(1*time.Second, 10*time.Second)
	w.lease = w.between(100*time.Millisecond, w.maxLease)
	if rng.IntN(2) == 0 {
		w.lease = min(w.lease, time.Second)
	}
	if seed%8 == 0 { // the late messages of storms shall outlive the silence
		w.maxLease = w.between(400*time.Millisecond, time.Second)
		w.lease = w.maxLease
	}
	count := 2 + rng.IntN(6)
	candidates := max(2, count-rng.IntN(3))
	if tables {
		w.openTables()
		count = 2 + rng.IntN(5)/4
		candidates = count
	}
	for i := range count {
		w.nodes = append(w.nodes, w.newNode(i, i < candidates))
	}
	w.firstVoters(seed)
	return w
}

// between is a random duration, short ones as likely as long ones.
func (w *simWorld) between(a, b time.Duration) time.Duration {
	if w.rng.IntN(2) == 0 {
		b = a + (b-a)/8
	}
	return a + time.Duration(w.rng.Int64N(int64(b-a)+1))
}

// mostEvents bounds a simulation: it is ten times what the busiest seeds make.
const mostEvents = 10_000_000

// run lets events happen for so long, and holds each to the promise.
func (w *simWorld) run(d time.Duration) {
	end := w.now + d
	for w.wrong == nil && len(w.queue.events) > 0 && w.queue.events[0].at <= end {
		e := w.queue.pop()
		w.now = e.at
		w.happen(&e)
		if w.events++; w.events == mostEvents {
			w.wrong = fmt.Errorf("at %v there is no end after %d events", w.now, w.events)
		}
		w.check()
	}
	w.now = end
}

func (w *simWorld) happen(e *simEvent) {
	n := w.nodes[e.node]
	switch {
	case e.kind == simServer:
		e.fn()
	case e.kind == simRise:
		n.buried = false
		w.after(0, n, n.start)
	case (e.kind == simAction || e.kind == simTimer) && e.life != n.life:
	case w.now < n.frozenUntil:
		e.at = n.frozenUntil
		w.queue.push(*e)
	default:
		n.perform(n.takePending()) // what it was about to do when it froze
		if w.now < n.frozenUntil {
			e.at = n.frozenUntil
			w.queue.push(*e)
			return
		}
		switch e.kind {
		case simArrival:
			n.arrival(e.from, e.msg)
		case simTimer:
			n.timer()
		case simReport:
			n.heard(e.from, e.report)
		case simAction, simReload:
			e.fn()
		case simRise, simServer:
		}
	}
}

// check is the promise: for an address at most one node answers.
func (w *simWorld) check() {
	held := false
	for a := range simAddresses {
		holder := -1
		for i, n := range w.nodes {
			if !n.answers(a) {
				continue
			}
			held = true
			if holder >= 0 && w.wrong == nil {
				w.both = true
				w.wrong = fmt.Errorf("at %v nodes %d and %d both answer for address %d", w.now, holder, i, a)
			}
			holder = i
		}
	}
	if held {
		w.held++
	}
}

// after schedules what a node does, unless it restarts before.
func (w *simWorld) after(d time.Duration, n *simNode, fn func()) {
	w.queue.push(simEvent{at: w.now + d, kind: simAction, node: n.id, life: n.life, fn: fn})
}

// mischief does one bad thing, or mends one.
func (w *simWorld) mischief() {
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	if w.tables != nil && w.rng.IntN(4) == 0 {
		w.disturbTables()
		return
	}
	kinds := 16
	if w.changes {
		kinds = 24
	}
	switch w.rng.IntN(kinds) {
	case 0, 1:
		w.net.weather()
	case 2, 3:
		w.net.partition(len(w.nodes))
		w.note("partition")
	case 4, 5:
		clear(w.net.cut)
	case 6:
		n.restart(w.rng.IntN(3) == 0)
	case 7:
		if w.rng.IntN(4) == 0 {
			for _, n := range w.nodes {
				n.restart(w.rng.IntN(3) == 0)
			}
		}
	case 8, 9:
		n.freeze()
	case 10:
		w.after(0, n, func() { n.reload(w.rng.IntN(len(simViews))) })
	case 11:
		w.after(0, n, n.releaseAll)
	case 12, 13:
		w.after(0, n, func() { n.handover(w.rng.IntN(len(w.nodes))) })
	case 14, 15:
		for range 20 {
			w.after(w.between(0, 2*w.lease), n, n.insist)
		}
	default:
		w.politics(n)
	}
}

// calm ends all mischief: everybody runs, hears and has the same file.
func (w *simWorld) calm() {
	w.chaos = false
	for _, n := range w.nodes {
		w.run(max(0, n.frozenUntil-w.now))
	}
	w.net.heal()
	w.healTables()
	view := w.rng.IntN(len(simViews))
	w.lastVoters()
	for _, n := range w.nodes {
		if !n.up {
			n.start()
		}
		w.after(0, n, func() { n.reload(view) })
	}
	w.settleVoters()
	w.loseOne()
}

// verdict is whether each address has exactly one who answers.
func (w *simWorld) verdict() error {
	for a := range simAddresses {
		var holders []int
		for i, n := range w.nodes {
			if n.answers(a) {
				holders = append(holders, i)
			}
		}
		if len(holders) != 1 {
			return fmt.Errorf("at %v, long after all was well, nodes %v answer for address %d", w.now, holders, a)
		}
	}
	return nil
}

// must ends the simulation at an error.
func (w *simWorld) must(err error) {
	if err != nil {
		w.wrong = err
	}
}

func (w *simWorld) note(format string, args ...any) {
	if w.record {
		w.log = append(w.log, fmt.Sprintf("%12v ", w.now)+fmt.Sprintf(format, args...))
	}
}

// storms restarts all again and again, right after holders have given up, while
// messages of former lives are still on their way.
func (w *simWorld) storms() {
	for range 60 {
		w.net.heal()
		w.net.straggler = 0.6
		for _, n := range w.nodes {
			w.after(0, n, n.releaseAll)
		}
		w.run(time.Millisecond)
		w.net.straggler = w.rng.Float64() / 4
		for _, n := range w.nodes {
			n.restart(w.rng.IntN(3) == 0)
			w.after(w.between(0, 10*time.Millisecond), n, n.start)
		}
		w.run(w.maxLease)
		for range 10 {
			w.run(w.between(0, w.lease/4))
			n := w.nodes[w.rng.IntN(len(w.nodes))]
			w.after(0, n, n.insist)
		}
	}
}

// simulate runs a seed: mischief, then calm, then the verdict.
func simulate(seed uint64, m mutant, record bool) *simWorld {
	return simulateWorld(newSimWorld(seed, m, false), seed, record)
}

func simulateWorld(w *simWorld, seed uint64, record bool) *simWorld {
	w.record = record
	w.chaos = true
	for _, n := range w.nodes {
		n.start()
	}
	if w.rng.IntN(2) == 0 {
		w.run(w.maxLease) // else the mischief begins in the silence
	}
	switch {
	case seed%8 == 0:
		w.storms()
	case seed%8 == 1 && w.changes:
		w.schisms()
	default:
		for range 60 {
			w.mischief()
			w.run(w.between(w.lease/10, max(4*w.lease, w.maxLease)))
		}
	}
	if w.mutant != (mutant{}) {
		return w // what it breaks shows in the mischief, if ever
	}
	w.calm()
	w.run(2*stragglerDelay + 3*w.maxLease)
	w.changed += w.generation()
	if w.wrong == nil {
		w.wrong = w.verdict()
	}
	return w
}
