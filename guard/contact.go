// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// lately is how long a voter that answered counts as one that answers, and how
// long after the last question this node counts as one that asks. Leases may be
// longer.
const lately = 3 * time.Second

// contact is how a voter stands to this node's questions. Only who holds a lease
// or wants one asks: that there is no answer means nothing without a question.
type contact struct {
	asked    time.Time     // last
	answered time.Time     // last
	since    time.Time     // the first question after the last answer; zero: none
	lease    time.Duration // the shortest of those asked for since
}

func (c *contact) ask(now time.Time, lease time.Duration) {
	if c.since.IsZero() {
		c.since, c.lease = now, lease
	}
	c.asked, c.lease = now, min(c.lease, lease)
}

func (c *contact) answer(now time.Time) { c.answered, c.since = now, time.Time{} }

// overdue tells whether an answer has been missing for longer than a lease.
func (c *contact) overdue(now time.Time) bool { return !c.since.IsZero() && now.Sub(c.since) > c.lease }

// answers tells whether the voter has answered lately, and owes nothing.
func (c *contact) answers(now time.Time) bool {
	return !c.answered.IsZero() && now.Sub(c.answered) <= max(lately, c.lease) && !c.overdue(now)
}

// silent tells whether the voter is asked, has been for at least a lease, and
// doesn't answer. A question that was lost, or asked long ago, says nothing of it.
func (c *contact) silent(now time.Time) bool {
	return c.overdue(now) && c.asked.Sub(c.since) >= c.lease && now.Sub(c.asked) <= max(lately, c.lease)
}

// contact is that of the voter, made if there is none.
func (l *loop) contact(voter string) *contact {
	c := l.contacts[voter]
	if c == nil {
		c = new(contact)
		l.contacts[voter] = c
	}
	return c
}

func questions(k quorum.Kind) bool { return k == quorum.Prepare || k == quorum.Propose }
