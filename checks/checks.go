// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package checks says what a node's health is made of: what is looked at
// (Kind), how often, and how many results in a row make a verdict. Runner runs
// checks and tells the verdicts.
//
// A check whose Kind a reload changes begins anew, and at once: it does not wait
// for the look that is in hand, which is told to end and may hang. So for a
// moment the program of before may still be ending, for its Grace at most, while
// that of now begins.
//
// How a kind is looked at is not here but in checks/probe: this package starts
// nothing but the looks, and knows none of the protocols.
package checks

import (
	"context"
	"time"

	"github.com/vicar-ha/vicar/track"
)

// Check is one check of a node.
type Check struct {
	Name string
	Kind Kind
	// Interval is the time from the beginning of one look to that of the next,
	// Timeout how long a look may take. A look that lasts longer than Interval
	// makes the next one begin late: there are never two.
	Interval time.Duration
	Timeout  time.Duration
	// Rise and Fall are how many results in a row end Failing and Passing; 1 or
	// more. The first result of all decides at once.
	Rise, Fall int
	// Jitter is the part of Interval, 0 to 0.5, by which each wait is shortened
	// or lengthened at random.
	Jitter float64
	// InitialPass makes the check Passing until a result says otherwise; else it
	// is Undecided.
	InitialPass bool
}

// Probe is one way to look.
type Probe interface {
	// Probe looks once and returns nil if all is well. The error says what was
	// done and what came of it, for people: "connecting to 192.0.2.1:80:
	// connection refused". It gives up when ctx ends, and leaves nothing running.
	// What the kernel holds up (a file on a server that is gone) may go on, and
	// is alone in that: Runner waits neither for it nor looks again meanwhile.
	// Calls come one at a time.
	Probe(ctx context.Context) error
	// Close frees what is kept between looks. No call follows it.
	Close() error
}

// Waker is a Probe that knows by itself when a look is worth while.
type Waker interface {
	// Wake calls look at first and then each time the result may have changed,
	// until ctx ends. look doesn't block. The looks at each Interval go on
	// beside. An error says that it can't be known: the Interval must do.
	Wake(ctx context.Context, look func()) error
}

// Weigher is a Probe that finds what its server can carry.
type Weigher interface {
	// Weight is what the last look has found, if it passed, or nil where it says
	// nothing. Calls come between looks.
	Weight() *track.Load
}
