// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// Steal says what the first take-over of a Mover's life may take for a router.
type Steal uint8

const (
	// StealLater takes what is free at first, and what another has a moment later,
	// if that is wanted still. It is for nodes without a guard: one that has just
	// started, and has heard nobody yet, does not take an address from its holder.
	StealLater Steal = iota
	// StealAtOnce takes what another has: a guard has said that nobody else may
	// have it.
	StealAtOnce
)

const (
	// maxWrite is the default of Config.Attempt.
	maxWrite      = 2 * time.Second
	defaultBudget = 10 * time.Second
	defaultPoll   = 30 * time.Second
	// moment is how long StealLater lets another keep what it has.
	moment = time.Second
)

// Config is what a Mover is made of.
type Config struct {
	Provider Provider
	// Epoch tells whether this node may write in the claim's term at this moment:
	// nil, or why not. It is asked before each request that writes, and must not
	// block. Nil: always, as without a guard.
	Epoch func(c vip.Claim) error
	Steal Steal
	// Attempt is the longest that one call of the Provider may take; 0 is what a Slow
	// one says, or 2 s. A new holder looks again up to four times as long after a
	// take-over, since what the former one has sent may come late.
	Attempt time.Duration
	// Budget is the longest that an Acquire may try; 0 is 10 s, or three attempts.
	Budget time.Duration
	// Poll is how often a holder looks whether somebody took an object; 0 is 30 s.
	Poll time.Duration
	// Release gives the objects up when the claim is released; else the successor
	// takes them.
	Release bool
	// Refused is told that an Acquire of a claim was refused, and will be until somebody
	// puts that right: a look by Examine is worth while. It must not block, and may be nil.
	Refused func(c vip.Claim)
	// Prober may be nil: no peer is asked.
	Prober Prober
	Log    *slog.Logger // nil is none
	// Now is the clock and Rand what spreads waits, in [0, 1); both are called from
	// any goroutine. Nil are time.Now and rand.Float64.
	Now  func() time.Time
	Rand func() float64
}

func (c Config) withDefaults() (Config, error) {
	if c.Provider == nil {
		return c, errors.New("cloud: a Provider is needed")
	}
	for name, d := range map[string]*time.Duration{"attempt": &c.Attempt, "budget": &c.Budget, "poll": &c.Poll} {
		if *d < 0 {
			return c, fmt.Errorf("cloud: %s: the %s of %v is negative", c.Provider.Kind(), name, *d)
		}
	}
	if slow, ok := c.Provider.(Slow); ok {
		orElse(&c.Attempt, slow.Longest())
	}
	orElse(&c.Attempt, maxWrite)
	orElse(&c.Budget, max(defaultBudget, 3*c.Attempt))
	orElse(&c.Poll, defaultPoll)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c, nil
}

func orElse(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}
