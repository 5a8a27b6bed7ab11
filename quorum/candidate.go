// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"time"
)

// term is how long a holder relies on a lease of t: less than the voters do, by
// more than what clocks' rates may differ. A kernel's clock may be slewed by
// some per cent.
func term(t time.Duration) time.Duration { return t / 10 * 9 }

// phase is what a Candidate is doing.
type phase uint8

const (
	idle      phase = iota // wants nothing
	waiting                // until again
	preparing              // asks for promises
	proposing              // asks for the lease
	holding
	losing // has told the driver so
)

// Candidate acquires and keeps the lease of one resource. One goroutine may use
// it at a time.
type Candidate struct {
	cfg     CandidateConfig
	digest  Digest
	digests [2]Digest // of the lists
	nodes   []string  // of the lists
	tables  []string  // of the lists, see reserve
	random  uint64

	phase    phase
	counter  uint64 // the highest seen
	ballot   Ballot // the last
	sequence uint64 // the last
	until    time.Time
	margin   time.Duration // before it; CandidateConfig.Margin, but while a shorter lease is left from before
	rounds   []round       // that wait for answers, the oldest first
	handed   Ballot        // attached as released

	due      time.Time // the next attempt or repetition
	renewed  time.Time // when the lease was last asked for
	tries    int       // of this phase
	failures int       // attempts that came to nothing, in a row
	jumped   bool      // since the last of them, or the last lease
	said     said
	holder   Ballot // that stood in the way last
	reserve  reserve
	out      []Action
}

// NewCandidate makes a Candidate that wants nothing yet. The error joins
// everything that is wrong.
func NewCandidate(cfg CandidateConfig) (*Candidate, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("candidate for %s: %w", cfg.Resource.Name, err)
	}
	if cfg.Retry == 0 {
		cfg.Retry = max(cfg.Renew/4, 1)
	}
	cfg.Resource = cfg.Resource.clone()
	c := &Candidate{cfg: cfg, digest: cfg.Resource.Digest(), random: cfg.Seed, counter: cfg.Counter, margin: cfg.Margin}
	c.setLists(cfg.Lists)
	return c, nil
}

func (c *Candidate) setLists(lists Lists) {
	c.cfg.Lists = lists.clone()
	c.digests, c.nodes, c.tables = lists.digests(), lists.nodes(), lists.Tables()
}

// Step tells what happened at now and returns what must be done, in order. The
// slice is the next Step's again: who steps while going through it copies it
// before. now is read before what is returned is carried out, and never goes back.
func (c *Candidate) Step(now time.Time, ev Event) []Action {
	c.out = c.out[:0]
	if c.phase == holding && !now.Before(c.until) {
		c.lose()
	}
	switch ev := ev.(type) {
	case Acquire:
		c.acquire(now, ev.Release)
	case Tick:
		c.tick(now)
	case Renew:
		c.renew(now)
	case Received:
		c.received(now, ev.From, &ev.Message)
	case GiveUp:
		c.giveUp()
	case Stop:
		c.rest(idle)
	case Reconfigure:
		c.reconfigure(ev)
	}
	if c.phase == holding && !now.Before(c.until.Add(-c.margin)) {
		c.lose()
	}
	return c.out
}

// Deadline is when the next Tick is due, if any is.
func (c *Candidate) Deadline() (time.Time, bool) {
	at := c.due
	switch c.phase {
	case idle, losing:
		return time.Time{}, false
	case holding:
		at = c.until.Add(-c.margin)
	default:
	}
	if r := c.reserve.due; !r.IsZero() && r.Before(at) {
		at = r
	}
	return at, true
}

// Ballot is the one that is held or was last; a successor's Acquire attaches it
// after a handover.
func (c *Candidate) Ballot() Ballot { return c.ballot }

// Holds tells whether the lease is held at now, and until when.
func (c *Candidate) Holds(now time.Time) (time.Time, bool) {
	return c.until, c.phase == holding && now.Before(c.until)
}

// Above makes ballots be above a counter that the node knows of: its own voter's
// Term.
func (c *Candidate) Above(counter uint64) { c.see(Ballot{Counter: counter}) }

func (c *Candidate) tick(now time.Time) {
	c.callReserve(now)
	if now.Before(c.due) {
		return
	}
	switch c.phase {
	case waiting:
		c.attempt(now)
	case preparing:
		c.again(now, Prepare)
	case proposing:
		c.again(now, Propose)
	case idle, holding, losing:
	}
}

// renew asks for more time.
func (c *Candidate) renew(now time.Time) {
	if c.phase == holding && now.Before(c.until.Add(-c.margin)) && now.Sub(c.renewed) >= c.cfg.Renew/2 {
		c.ask(now, Propose)
	}
}

func (c *Candidate) acquire(now time.Time, released Ballot) {
	if !released.IsZero() {
		c.handed = released
		c.see(released)
	}
	switch c.phase {
	case idle, losing:
		c.failures, c.jumped = 0, false
		c.attempt(now)
	case waiting, preparing:
		if !released.IsZero() {
			c.attempt(now)
		}
	case proposing, holding: // what was handed over goes with the next question
	}
}

// attempt begins with a ballot of its own. It waits for the end of a lease that
// was lost or stopped and not given up: should the attempt fail, what voters
// accepted is released, and with it what they have left of the former ballot.
func (c *Candidate) attempt(now time.Time) {
	c.rest(waiting)
	if now.Before(c.until) {
		c.due = c.until
		return
	}
	c.next()
	c.begin(now, preparing)
	c.again(now, Prepare)
}

// begin begins to ask.
func (c *Candidate) begin(now time.Time, p phase) {
	c.rest(p)
	c.tries = 0
	c.holdReserve(now)
}

// next takes another ballot.
func (c *Candidate) next() {
	c.counter++
	c.ballot = Ballot{c.counter, c.cfg.Node, c.cfg.Start}
	c.reserve.lent = false
	c.said.reset()
}

// enough is how often nodes are asked in each phase of an attempt.
const enough = 4

// again asks once more, and gives the attempt up after some tries.
func (c *Candidate) again(now time.Time, kind Kind) {
	if c.tries >= enough && !c.awaitsReserve(now) {
		c.fail(now)
		return
	}
	if kind == Prepare && c.counter > c.ballot.Counter { // some refuse this one whenever they are asked
		c.next()
	}
	c.tries++
	c.ask(now, kind)
	c.due = now.Add(c.cfg.Retry * time.Duration(min(c.tries, enough)))
}

// rest ends what was asked.
func (c *Candidate) rest(p phase) {
	c.phase = p
	c.forget(len(c.rounds))
	c.reserve.due = time.Time{}
}

// lose tells the driver that the lease ends.
func (c *Candidate) lose() {
	c.rest(losing)
	c.emit(Lost{c.ballot.Counter, c.until, c.said.reason(), c.said.holder})
}

// giveUp releases the last ballot. A repeated one sends it again.
func (c *Candidate) giveUp() {
	c.release()
	c.rest(idle)
	c.until, c.handed, c.reserve.called = time.Time{}, Ballot{}, false
}

func (c *Candidate) release() {
	if c.ballot.IsZero() {
		return
	}
	c.send(Message{Kind: Release})
	if c.reserve.lent {
		c.sendTo(c.tables, Message{Kind: Release, Sequence: c.sequence, Lists: c.digests})
	}
}

// reconfigure takes what is valid, and the lists even if the times are not: voters
// then refuse what is longer than they grant. Rounds that wait for answers count
// under the lists that they were asked under.
func (c *Candidate) reconfigure(ev Reconfigure) {
	cfg := c.cfg
	if ev.Lists.validate() == nil {
		c.setLists(ev.Lists)
		cfg.Lists = c.cfg.Lists
	}
	cfg.Lease, cfg.Renew, cfg.Margin = ev.Lease, ev.Renew, ev.Margin
	if cfg.validate() == nil {
		c.cfg, c.margin = cfg, min(c.margin, cfg.Margin)
	}
}

// see keeps the counter above those that are heard of.
func (c *Candidate) see(b Ballot) {
	if b.Counter <= mostTerms {
		c.counter = max(c.counter, b.Counter)
	}
}

func (c *Candidate) emit(a Action) { c.out = append(c.out, a) }

// send sends m to all nodes of both lists.
func (c *Candidate) send(m Message) {
	m.Sequence, m.Lists = c.sequence, c.digests
	c.sendTo(c.nodes, m)
}

func (c *Candidate) sendTo(voters []string, m Message) {
	m.Resource, m.Digest, m.Ballot = c.cfg.Resource.Name, c.digest, c.ballot
	for _, v := range voters {
		c.emit(Send{v, m})
	}
}
