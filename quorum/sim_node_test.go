// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// simAddresses is how many addresses there are.
const simAddresses = 3

// simViews are the files that nodes have: what shares an address with what, and
// under which name. Each has every address.
var simViews = [][]simResource{
	{newSimResource("web", 0, 1), newSimResource("db", 2)},
	{newSimResource("web", 0), newSimResource("db", 1, 2)},
	{newSimResource("pool", 0, 1), newSimResource("db", 2)},
	{newSimResource("all", 0, 1, 2)},
}

type simResource struct {
	Resource
	numbers []int
}

func newSimResource(name string, numbers ...int) simResource {
	r := simResource{Resource: Resource{Name: name}, numbers: numbers}
	for _, n := range numbers {
		r.Addresses = append(r.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + n)}))
	}
	return r
}

func (r simResource) same(o simResource) bool {
	return r.Name == o.Name && r.Digest() == o.Digest()
}

// simNode is a machine: its clock, its kernel with the fence, and the process,
// whose memory a restart clears.
type simNode struct {
	w         *simWorld
	id        int
	candidate bool
	clock     simClock
	fence     [simAddresses]time.Time // until when it answers

	life        int
	up          bool
	frozenUntil time.Duration
	pending     []simOutput // what the process was about to do when it froze
	startID     uint64
	term        uint64
	view        int
	voter       *Voter
	cands       []*simCandidate
	kept        map[string]Ballot // the voter's terms, on disk
	keptTo      uint64            // of its Taken
	proxies     []*simProxy
	simRoll
}

// simCandidate is a Candidate with what its driver knows.
type simCandidate struct {
	*Candidate
	resource simResource
	held     bool
	wants    bool
	renews   bool          // its loop of renewals runs
	wake     time.Duration // when a timer fires, if it is to come

	stretched time.Time // of a mutant: the last end that it made later
}

// simOutput is one thing that a step does: it sends, or it writes the fence.
type simOutput struct {
	to    int
	msg   Message
	fence []int // the addresses
	until time.Time
	left  time.Duration // of until, when it was computed
	cand  *simCandidate // who proposes
	table string        // who is asked, or called
	call  *TableCall
}

func simName(id int) string { return string(rune('a' + id)) }

func (w *simWorld) newNode(id int, candidate bool) *simNode {
	n := &simNode{w: w, id: id, candidate: candidate}
	n.boot()
	return n
}

// boot starts the machine: a new clock, no fence.
func (n *simNode) boot() {
	rng := n.w.rng
	n.clock = simClock{began: time.Unix(simOrigin+rng.Int64N(simOrigin), 0).Add(-n.w.now), fast: rng.Int64N(maxFast + 1)}
	if rng.IntN(2) == 0 {
		n.clock.fast = maxFast * rng.Int64N(2)
	}
	n.fence = [simAddresses]time.Time{}
}

func (n *simNode) local() time.Time { return n.clock.at(n.w.now) }

func (n *simNode) answers(a int) bool {
	return !n.fence[a].IsZero() && n.local().Before(n.fence[a])
}

// restart ends the process, and maybe the machine; a new one starts later.
func (n *simNode) restart(machine bool) {
	n.life++
	n.forgetTerms()
	n.up, n.frozenUntil, n.pending, n.voter, n.cands, n.roll = false, 0, nil, nil, nil, nil
	n.proxies = nil
	if machine {
		n.boot()
	}
	n.w.note("%d restarts, machine %v", n.id, machine)
	n.w.after(n.w.between(0, 3*time.Second), n, n.start)
}

// start is a process with empty memory.
func (n *simNode) start() {
	if n.up || n.file.IsZero() || n.buried {
		return
	}
	n.up = true
	n.life++
	n.term, n.startID = 0, 1+n.w.rng.Uint64N(1<<63)
	n.w.mutant.starting(n)
	n.startRoll()
}

func (n *simNode) resources() []Resource {
	var all []Resource
	for _, r := range simViews[n.view] {
		all = append(all, r.Resource)
	}
	return all
}

// restock makes the candidates that the view has and the node lacks.
func (n *simNode) restock() {
	if !n.candidate || n.voter == nil {
		return
	}
next:
	for _, r := range simViews[n.view] {
		for _, c := range n.cands {
			if c.resource.same(r) {
				continue next
			}
		}
		cfg := CandidateConfig{
			Node: simName(n.id), Start: n.startID, Resource: r.Resource, Lists: n.lists[0], Lease: n.w.lease, Renew: n.w.lease / 3,
			Margin: n.w.lease / 20, Seed: n.w.rng.Uint64(), Counter: n.term,
		}
		c, err := NewCandidate(cfg)
		if err != nil {
			n.w.wrong = fmt.Errorf("candidate: %w", err)
			return
		}
		sc := &simCandidate{Candidate: c, resource: r}
		n.cands = append(n.cands, sc)
		n.want(sc)
	}
}

// want lets c ask for the lease in a while.
func (n *simNode) want(c *simCandidate) {
	n.w.after(n.w.between(0, n.w.lease), n, func() {
		if n.has(c) && !c.wants {
			n.step(c, Acquire{})
		}
	})
}

func (n *simNode) has(c *simCandidate) bool {
	return slices.Contains(n.cands, c)
}

// reload gives the node another file.
func (n *simNode) reload(view int) {
	if !n.up || n.view == view {
		return
	}
	n.w.note("%d reloads, view %d", n.id, view)
	n.view = view
	if n.voter == nil {
		return
	}
	for _, p := range n.proxies {
		p.Reconfigure(n.resources())
	}
	voterFirst := n.w.rng.IntN(2) == 0
	if voterFirst {
		n.w.must(n.voter.Reconfigure(n.local(), n.resources()))
	}
	var kept, gone []*simCandidate
	for _, c := range n.cands {
		list := &gone
		for _, r := range simViews[view] {
			if c.resource.same(r) {
				list = &kept
			}
		}
		*list = append(*list, c)
	}
	n.cands = kept
	for _, c := range gone {
		n.step(c, GiveUp{})
	}
	if !voterFirst {
		n.w.must(n.voter.Reconfigure(n.local(), n.resources()))
	}
	n.restock()
}

// releaseAll gives up what is held, and wants it again later.
func (n *simNode) releaseAll() {
	for _, c := range n.cands {
		if c.wants {
			n.step(c, GiveUp{})
			n.want(c)
		}
	}
}

// insist asks at once for what others hold.
func (n *simNode) insist() {
	for _, c := range n.cands {
		if !c.held {
			n.step(c, GiveUp{})
			n.step(c, Acquire{})
		}
	}
}

// handover gives up what is held to another node.
func (n *simNode) handover(successor int) {
	s := n.w.nodes[successor]
	for _, c := range n.cands {
		if !c.held || s == n {
			continue
		}
		ballot := c.Ballot()
		n.step(c, GiveUp{})
		n.want(c)
		n.w.note("%d hands over %v to %d", n.id, ballot, successor)
		for _, d := range n.w.net.fates(n.id, successor, nil) {
			n.w.after(max(d, n.frozenUntil-n.w.now), s, func() {
				for _, o := range s.cands {
					if o.resource.same(c.resource) {
						s.step(o, Acquire{Release: ballot})
					}
				}
			})
		}
	}
}

// arrival is a message that reaches the process.
func (n *simNode) arrival(from int, m Message) {
	if !n.up {
		return
	}
	switch m.Kind {
	case Promise, Accepted:
		for _, c := range n.cands {
			if c.resource.Name == m.Resource {
				n.step(c, Received{From: simName(from), Message: m})
			}
		}
	default:
		if n.voter == nil {
			return
		}
		n.w.mutant.asked(n, m.Resource)
		if answer, ok := n.voter.Handle(n.local(), simName(from), m); ok {
			n.perform([]simOutput{{to: from, msg: answer}})
		}
		n.keepTerms()
	}
}

// timer ticks each candidate that is due.
func (n *simNode) timer() {
	for _, c := range n.cands {
		if c.wake > n.w.now {
			continue
		}
		n.w.mutant.count(n, c)
		if at, ok := c.Deadline(); ok && !n.local().Before(at) {
			n.step(c, Tick{})
		} else {
			n.schedule(c)
		}
	}
}

// renew is the loop that sends adverts and then renews. Now and then it hangs.
func (n *simNode) renew(c *simCandidate) {
	if c.renews {
		return
	}
	c.renews = true
	n.w.after(n.w.lease/3, n, func() {
		c.renews = false
		if !c.held || !n.has(c) {
			return
		}
		n.renew(c)
		if !n.w.chaos || n.w.rng.IntN(20) > 0 {
			n.step(c, Renew{})
		}
	})
}

func (n *simNode) schedule(c *simCandidate) {
	at, ok := c.Deadline()
	if !ok {
		return
	}
	when := max(n.clock.until(at), n.w.now)
	if c.wake > n.w.now && c.wake <= when {
		return
	}
	c.wake = when
	n.w.queue.push(simEvent{at: when, kind: simTimer, node: n.id, life: n.life})
}

// freeze stops the process for a while, short or long.
func (n *simNode) freeze() {
	d := time.Millisecond << n.w.rng.IntN(14)
	n.frozenUntil = max(n.frozenUntil, n.w.now+n.w.between(d, 2*d))
	n.w.note("%d freezes until %v", n.id, n.frozenUntil)
}
