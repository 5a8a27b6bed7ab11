// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"strings"
	"time"
)

// exCourse is what a state of two candidates has in it, whoever the voters are: how
// far things have gone, and what was promised.
type exCourse struct {
	now    int // ticks
	lives  [2]uint64
	fence  [2]time.Time
	holder Ballot // the last
	fell   bool   // its term was not above that of the one before
	forgot bool   // a voter has
	path   *exStep
}

// exStep is how a state was reached.
type exStep struct {
	what   func() string
	before *exStep
}

// local is a node's clock.
func (s *exCourse) local(node int) time.Time {
	c := simClock{began: time.Unix(simOrigin, 0), fast: maxFast}
	if node == 0 {
		c.fast = 0
	}
	return c.at(time.Duration(s.now) * exTick)
}

// begins holds terms to their promise, which is not one of nodes that keep nothing
// over a start.
func (s *exCourse) begins(b Ballot) {
	if b == s.holder {
		return // a renewal
	}
	s.fell = s.fell || b.Counter <= s.holder.Counter && !s.forgot
	s.holder = b
}

// wrong tells whether a promise is broken.
func (s *exCourse) wrong() bool {
	return s.fell || s.local(0).Before(s.fence[0]) && s.local(1).Before(s.fence[1])
}

// steps are those that led to it, a line each.
func (s *exCourse) steps() string {
	var steps []string
	for p := s.path; p != nil; p = p.before {
		steps = append(steps, p.what())
	}
	slices.Reverse(steps)
	return strings.Join(steps, "\n")
}
