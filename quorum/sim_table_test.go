// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"bytes"
	"errors"
	"slices"
	"time"
)

// simTableNames are the tables that there are.
var simTableNames = []string{TableName("t"), TableName("u")}

// simTables are the tables of a world, none in most, and their weather.
type simTables struct {
	tables  map[[2]string]*simRecord // by table and key
	down    bool                     // no call arrives
	lost    float64                  // of calls, and again of answers
	stale   float64                  // of reads, that get what was before
	late    float64                  // of calls, by stragglerDelay at most
	latency time.Duration
	writes  uint64 // that happened
	vain    uint64 // that found another version
	unheard uint64 // that happened, and whose answer was lost
	deleted uint64
	// forgetful tables keep no terms of resources that nobody has.
	forgetful bool
	forgot    uint64 // writes of records that have forgotten some
}

// simRecord is a record as it is, and as it was before.
type simRecord struct {
	now, before []byte
	version     uint64
	versionWas  uint64
}

// simProxy is a node's part in a table.
type simProxy struct {
	*Table
	name string
	wake time.Duration
}

func (w *simWorld) openTables() {
	w.tables = map[[2]string]*simRecord{}
	w.healTables()
}

func (w *simWorld) healTables() {
	w.down, w.lost, w.stale, w.late, w.latency = false, 0, 0, 0, 10*time.Millisecond
}

// disturbTables changes the weather.
func (w *simWorld) disturbTables() {
	switch w.rng.IntN(8) {
	case 0, 1:
		w.down = !w.down
		w.note("tables are down: %v", w.down)
	case 2:
		if w.mutant.tables.blind || w.rng.IntN(2) == 0 {
			return
		}
		// Somebody deletes what they have. Their terms begin again.
		clear(w.tables)
		w.deleted++
		w.simTerms.terms, w.since = nil, w.now+2*w.lease
		w.note("records are deleted")
	case 3:
		w.healTables()
	default:
		w.lost, w.stale, w.late = w.rng.Float64()*0.4, w.rng.Float64()*0.2, w.rng.Float64()*0.4
		w.latency = time.Duration(1 + w.rng.Int64N(int64(300*time.Millisecond)))
	}
}

// loseOne has a node die for good, when all is well: the table stands in for it.
func (w *simWorld) loseOne() {
	if w.tables == nil || w.changes || w.rng.IntN(2) == 0 {
		return
	}
	w.run(w.maxLease + 2*w.lease)
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	n.restart(true)
	n.buried = true
	w.note("%d is gone for good", n.id)
}

// setTables gives the node's proxies their lists.
func (n *simNode) setTables(lists Lists) {
	votes, _ := n.roll.Votes()
	lists.Sealed = votes.Sealed
	n.w.mutant.tables.lists(&lists)
	names := lists.Tables()
	n.proxies = slices.DeleteFunc(n.proxies, func(p *simProxy) bool { return !slices.Contains(names, p.name) })
	for _, name := range names {
		i := slices.IndexFunc(n.proxies, func(p *simProxy) bool { return p.name == name })
		if i >= 0 {
			n.proxies[i].SetLists(lists, n.roll.disk.Generation)
			continue
		}
		t, err := NewTable(TableConfig{
			Node: simName(n.id), Name: name, Cluster: "sim", Lists: lists, Generation: n.roll.disk.Generation, Resources: n.resources(), Seed: n.w.rng.Uint64(),
			Look: n.w.between(n.w.lease/4, 2*n.w.lease),
		})
		n.w.must(err)
		if n.w.forgetful {
			t.kept = 0
		}
		n.proxies = append(n.proxies, &simProxy{Table: t, name: name})
	}
	n.w.after(0, n, n.consult)
}

// freeTables deletes the records that are bound to other lists than n.
func (n *simNode) freeTables() {
	for _, p := range n.proxies {
		for _, s := range p.slots {
			if s.bound(p.ids) {
				n.w.note("%d has %s of %s deleted", n.id, s.id, p.name)
				delete(n.w.tables, [2]string{p.name, p.key(s)})
			}
		}
	}
}

func (n *simNode) askTable(name string, m Message) {
	for _, p := range n.proxies {
		if p.name == name {
			p.Ask(n.local(), m)
			n.w.after(0, n, n.consult)
		}
	}
}

// consult does what the proxies have to do.
func (n *simNode) consult() {
	for _, p := range n.proxies {
		n.w.mutant.tables.before(n, p)
		answers, call := p.Step(n.local())
		if call != nil {
			n.perform([]simOutput{{table: p.name, call: call}})
		}
		for _, m := range answers {
			for _, c := range n.cands {
				if c.resource.Name == m.Resource {
					n.step(c, Received{From: p.name, Message: m})
				}
			}
		}
		n.wakeFor(p)
		if p.Sealed() && n.roll.table.IsZero() {
			n.roll.TableSealed(n.local())
			n.w.after(0, n, n.turn)
		}
	}
}

func (n *simNode) wakeFor(p *simProxy) {
	at, ok := p.Deadline()
	if !ok {
		return
	}
	when := max(n.clock.until(at), n.w.now+time.Microsecond)
	if p.wake > n.w.now && p.wake <= when {
		return
	}
	p.wake = when
	n.w.after(when-n.w.now, n, n.consult)
}

var errSimTable = errors.New("the table doesn't answer")

// call is one over a network that loses, delays and repeats.
func (n *simNode) call(name string, call *TableCall) {
	w := n.w
	ended := false
	end := func(r TableResult) {
		for _, p := range n.proxies {
			if p.name == name && !ended {
				ended = true
				p.Done(n.local(), r)
				n.consult()
			}
		}
	}
	w.after(w.between(50*time.Millisecond, time.Second), n, func() { end(TableResult{Err: errSimTable}) })
	if w.down || w.rng.Float64() < w.lost {
		return
	}
	for range 1 + w.rng.IntN(8)/7 {
		delay := w.between(0, w.latency)
		if w.rng.Float64() < w.late {
			delay = w.between(0, stragglerDelay)
		}
		w.queue.push(simEvent{at: w.now + delay, kind: simServer, node: n.id, fn: func() {
			r := w.apply(name, call)
			w.note("%d calls %s: write %v of %d to %d: %v", n.id, name, call.Write, call.Was, call.Version, r.Written)
			if w.rng.Float64() < w.lost {
				if r.Written {
					w.unheard++
				}
				return
			}
			w.after(w.between(0, w.latency), n, func() { end(r) })
		}})
	}
}

// apply is what a table does at once.
func (w *simWorld) apply(name string, call *TableCall) TableResult {
	at := [2]string{name, call.Key}
	r := w.tables[at]
	switch {
	case !call.Write && r == nil:
		return TableResult{}
	case !call.Write:
		if r.versionWas != 0 && w.rng.Float64() < w.stale {
			return TableResult{Record: r.before, Version: r.versionWas}
		}
		return TableResult{Record: r.now, Version: r.version}
	case r == nil:
		r = &simRecord{}
	}
	if call.Was != r.version && !w.mutant.tables.blind {
		w.vain++
		return TableResult{}
	}
	w.writes++
	if bytes.Contains(call.Record, []byte(`"floor":`)) {
		w.forgot++
	}
	w.tables[at] = &simRecord{now: call.Record, before: r.now, version: call.Version, versionWas: r.version}
	return TableResult{Written: true}
}
