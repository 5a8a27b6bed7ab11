// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "time"

// reserve is when voters that are tables are asked: only when the nodes have not
// made a majority by themselves. A table costs time and money, and what isn't
// asked can't hurt when it fails.
type reserve struct {
	due    time.Time // when they are asked; zero: all is well
	since  time.Time // t0 of the last round that was granted; of an attempt, its begin
	called bool      // they were asked in this attempt
	lent   bool      // they were asked for a lease of this ballot
	needed bool      // of the last round that was granted
}

// NeedsTable tells whether a table's vote was needed for the lease the last time.
func (c *Candidate) NeedsTable() bool { return c.reserve.needed }

// holdReserve sets when tables are asked, unless that is set: an attempt waits a moment for
// the nodes, once. A holder has time: it asks when a third of the lease has gone by, and thus
// in each third while nodes don't answer.
func (c *Candidate) holdReserve(now time.Time) {
	r := &c.reserve
	if len(c.tables) == 0 || !r.due.IsZero() {
		return
	}
	switch {
	case c.phase == holding:
		r.due = now.Add(c.patience())
		if third := r.since.Add(c.cfg.Lease / 3); third.After(r.due) {
			r.due = third
		}
	case r.called:
		r.due, r.since = now, now
	default:
		r.due, r.since = now.Add(c.patience()), now
	}
}

// patience is how long the nodes' answers are waited for.
func (c *Candidate) patience() time.Duration { return 2 * c.cfg.Retry }

// callReserve asks the tables what the nodes were asked last, if it is time. It
// is repeated now and then, as questions to nodes are.
func (c *Candidate) callReserve(now time.Time) {
	if c.reserve.due.IsZero() || now.Before(c.reserve.due) || len(c.rounds) == 0 {
		return
	}
	c.reserve.due, c.reserve.called = now.Add(c.cfg.Lease/10), true
	r := &c.rounds[len(c.rounds)-1]
	m := Message{Kind: r.kind, Sequence: r.sequence, Lists: r.digests, Release: c.handed}
	if r.kind == Propose {
		m.Lease, c.reserve.lent = r.lease, true
	}
	r.reserve = true
	c.sendTo(r.lists.Tables(), m)
}

// awaitsReserve tells whether an attempt goes on for longer than nodes need:
// tables are slow.
func (c *Candidate) awaitsReserve(now time.Time) bool {
	return len(c.tables) > 0 && now.Before(c.reserve.since.Add(c.cfg.Lease/2))
}
