// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"time"
)

// fail ends an attempt. What voters have promised or accepted of it is released,
// so that it stands in nobody's way.
func (c *Candidate) fail(now time.Time) {
	c.release()
	c.rest(waiting)
	c.jumped, c.reserve.called = false, false
	reason := c.said.refusal
	if reason == Held && c.said.holder == c.holder {
		c.failures = 0 // it is no rival that fails as well, but holds and renews
	}
	c.holder = c.said.holder
	c.due = now.Add(c.backOff(reason))
	switch reason {
	case Held:
		c.due = c.due.Add(min(c.opens(now).Sub(now), c.cfg.Lists.longest()))
	case None:
		reason = Unheard
		c.due = c.due.Add(c.cfg.Retry)
	case Unknown, TooLong:
		c.due = c.due.Add(c.cfg.Lease)
	default:
	}
	c.failures++
	c.emit(Refused{reason, c.said.holder, c.due})
}

// opens is when majorities of the voters can be free of the leases that stand in
// the way, as far as voters have said.
func (c *Candidate) opens(now time.Time) time.Time {
	opens := now
	for _, l := range c.cfg.Lists.both() {
		var ends []time.Time
		missing := l.Majority()
		for _, w := range c.said.words {
			switch {
			case !slices.Contains(l.Voters, w.node):
			case w.until.IsZero():
				missing--
			default:
				ends = append(ends, w.until)
			}
		}
		slices.SortFunc(ends, time.Time.Compare)
		if missing = min(missing, len(ends)); missing > 0 && ends[missing-1].After(opens) {
			opens = ends[missing-1]
		}
	}
	return opens
}

// backOff is a random time that grows with the failures: candidates that
// outbid each other must part. At first it is short: mostly there is no rival,
// since whoever is the first to ask has the least to wait by VRRP's skew.
func (c *Candidate) backOff(reason Refusal) time.Duration {
	const short = 2 * time.Millisecond
	z := splitMix(&c.random)
	bound := c.cfg.Retry << min(c.failures, 4)
	if c.failures == 0 && (reason == Held || reason == Promised) {
		bound = min(bound, short)
	}
	return time.Duration(z % uint64(bound))
}

// splitMix is SplitMix64 (Steele, Lea, Flood 2014).
func splitMix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
