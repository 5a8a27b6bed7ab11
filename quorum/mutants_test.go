// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"testing"
	"time"
)

// mutant is a way to break the protocol on purpose. The zero value is the
// protocol as it is. A mutant acts from outside, on what voters and candidates
// are made of or remember, so that they need no switches.
type mutant struct {
	visible   bool // a majority of the voters that are seen
	lateStart bool // t0 is read after the proposals have left
	noSilence bool // a voter answers at once after its start
	factor    int  // thousandths of T that a lease is held, instead of 900
	relative  bool // the fence is given the time that remains
	noStartID bool // ballots are (counter, node)
	noTerms   bool // a voter forgets the term with its lease
	unkept    bool // a voter's terms don't outlive a start

	atOnce   bool // a file's list of voters is in force at once
	fileOnly bool // a node without state begins with its file's list
	noWait   bool // a change is completed without the others
	unsealed bool // voters go on answering who asks under the former list alone

	tables tableMutant
}

// ofTerms tells whether terms are to rise in spite of it, or fall because of it.
func (m mutant) ofTerms() bool {
	return m == mutant{noTerms: m.noTerms, unkept: m.unkept, tables: tableMutant{forgets: m.tables.forgets, sinks: m.tables.sinks}}
}

// starting is before the process's parts are made.
func (m mutant) starting(n *simNode) {
	if m.noStartID {
		n.startID = 1
	}
}

// started is when its voter is made.
func (m mutant) started(n *simNode) {
	if m.noSilence {
		n.voter.silent = n.local()
	}
	if m.unkept {
		clear(n.voter.terms)
	}
}

// starts is before the process reads what is on disk.
func (m mutant) starts(n *simNode) {
	if m.fileOnly && n.saved == nil {
		n.saved = &Saved{Generation: 1, Current: n.file}
	}
}

// rolling is before the driver looks at what its roll has come to.
func (m mutant) rolling(n *simNode) {
	r := n.roll
	if m.noWait && !r.disk.Staged.IsZero() {
		for _, node := range r.disk.lists().nodes() {
			if node != r.node {
				r.heard[node] = Report{Saved{r.disk.Generation, r.disk.Current, r.disk.Staged, true, nil}, true}
			}
		}
		r.evaluate()
	}
}

// lists are those in force, where lists and votes are those of the roll.
func (m mutant) lists(n *simNode, lists, votes Lists) (Lists, Lists) {
	if m.atOnce {
		lists = Lists{Current: n.roll.file.clone()}
		votes = lists
	}
	return lists, votes
}

// voting is when the voter has been given lists.
func (m mutant) voting(n *simNode) {
	if m.unsealed {
		n.voter.lists.Sealed = false
	}
}

// asked is before the voter is.
func (m mutant) asked(n *simNode, resource string) {
	if !m.noTerms {
		return
	}
	for k, s := range n.voter.states {
		if k.name == resource && !s.runs(n.local()) {
			delete(n.voter.terms, resource)
		}
	}
}

// sent is after a proposal has left.
func (m mutant) sent(n *simNode, c *simCandidate, sequence uint64) {
	if !m.lateStart {
		return
	}
	for i := range c.rounds {
		if c.rounds[i].sequence == sequence {
			c.rounds[i].t0 = n.local()
		}
	}
}

// until is the end of a lease just granted.
func (m mutant) until(n *simNode, c *simCandidate, until time.Time) time.Time {
	if m.factor > 0 && !until.Equal(c.stretched) {
		c.until = until.Add(n.w.lease * time.Duration(m.factor-900) / 1000)
		c.stretched = c.until
	}
	return c.until
}

// count is when answers have been waited for. To count a majority of those that
// answered is to take the word of the others for granted.
func (m mutant) count(n *simNode, c *simCandidate) {
	if !m.visible || len(c.rounds) == 0 {
		return
	}
	r := c.rounds[len(c.rounds)-1]
	yes := 0
	for _, v := range r.votes {
		if v.yes {
			yes++
		}
	}
	if yes*2 <= len(r.votes) {
		return
	}
	lists, _ := n.roll.Lists()
	answer := Message{
		Kind: Promise, Resource: c.resource.Name, Digest: c.resource.Digest(), Ballot: c.ballot, Sequence: r.sequence,
		Lists: lists.digests(),
	}
	if r.kind == Propose {
		answer.Kind = Accepted
	}
	for _, v := range lists.nodes() {
		if !slices.ContainsFunc(r.votes, func(o vote) bool { return o.node == v }) {
			n.step(c, Received{From: v, Message: answer})
		}
	}
}

// mutants are the ways, and seeds that are known to find them. A change of the
// simulation or of the protocol may need others: -long tells them.
var mutants = []struct {
	name string
	mutant
	seeds []uint64
}{
	{"majority of the visible", mutant{visible: true}, []uint64{1, 2, 3}},
	{"t0 read after sending", mutant{lateStart: true}, []uint64{27}},
	{"no silence after a start", mutant{noSilence: true}, []uint64{8, 16, 18}},
	{"the whole lease", mutant{factor: 1000}, []uint64{3, 6, 14}},
	{"0.999 of the lease", mutant{factor: 999}, []uint64{3, 6, 14}},
	{"remaining time in the fence", mutant{relative: true}, []uint64{25, 41, 47}},
	{"ballots without start", mutant{noStartID: true}, []uint64{16}},
	{"voters changed at once", mutant{atOnce: true}, []uint64{65, 77, 81}},
	{"a fresh node begins with its file", mutant{fileOnly: true}, []uint64{41, 55, 130}},
	{"completed without waiting for all", mutant{noWait: true}, []uint64{193, 329, 185}},
	{"terms forgotten with leases", mutant{noTerms: true}, []uint64{16, 24, 40}},
	{"terms forgotten at a start", mutant{unkept: true}, []uint64{3}},
	{"voters that are not sealed", mutant{unsealed: true}, []uint64{12609}},
}

// TestSimulationFindsMutants shows that the promise is worth testing: each way
// to break the protocol makes two nodes answer, or terms fall, in some seed.
func TestSimulationFindsMutants(t *testing.T) {
	for _, test := range mutants {
		t.Run(test.name, func(t *testing.T) {
			findMutant(t, test.seeds, func(seed uint64) *simWorld { return simulate(seed, test.mutant, false) })
		})
	}
}

// findMutant runs seeds until one finds that the protocol is broken.
func findMutant(t *testing.T, seeds []uint64, run func(seed uint64) *simWorld) {
	tried := uint64(len(seeds))
	if *longFlag {
		seeds, tried = nil, *seedsFlag
		for seed := uint64(1); seed <= *seedsFlag; seed++ {
			seeds = append(seeds, seed)
		}
	}
	var found []uint64
	for _, seed := range seeds {
		if w := run(seed); !w.both && !w.fell {
			continue
		}
		if found = append(found, seed); !*longFlag {
			break
		}
	}
	if len(found) == 0 {
		t.Fatalf("none of %d seeds finds it; look for some: go test ./quorum -run '%s' -v -long -seeds 4000", tried, t.Name())
	}
	t.Logf("%d of %d seeds find it: %d", len(found), tried, found[:min(len(found), 20)])
}
