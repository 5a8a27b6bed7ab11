// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "time"

// simClock is a node's CLOCK_BOOTTIME, which began earlier than the world and
// runs faster than its time by so many millionths. The promise allows 10 %
// between any two.
type simClock struct {
	began time.Time
	fast  int64
}

const (
	million   = 1_000_000
	maxFast   = 100_000
	simOrigin = 1_000_000 // seconds
)

func (c simClock) at(world time.Duration) time.Time {
	return c.began.Add(world + world/million*time.Duration(c.fast) + world%million*time.Duration(c.fast)/million)
}

// until is the first instant of real time at which the clock shows t.
func (c simClock) until(t time.Time) time.Duration {
	shown := t.Sub(c.began)
	rate := time.Duration(million + c.fast)
	world := shown/rate*million + shown%rate*million/rate
	for c.at(world).Before(t) {
		world++
	}
	return world
}
