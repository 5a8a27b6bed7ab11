// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"testing"
	"time"
)

func TestNextAdvert(t *testing.T) {
	const interval = 100 * time.Millisecond
	for _, tt := range []struct {
		name     string
		due, now time.Duration
		epoch    time.Duration // since t0; negative is none
		want     time.Duration
	}{
		{"punctual", 0, 0, -1, 100 * time.Millisecond},
		{"late: no drift", 0, 30 * time.Millisecond, -1, 100 * time.Millisecond},
		{"late by an interval: from now", 0, 100 * time.Millisecond, -1, 200 * time.Millisecond},
		{"aligned", 0, 0, 0, 100 * time.Millisecond},
		{"1% earlier", 50 * time.Millisecond, 50 * time.Millisecond, 0, 149 * time.Millisecond},
		{"the rest of it", 500 * time.Microsecond, 500 * time.Microsecond, 0, 100 * time.Millisecond},
		{"an epoch to come", 0, 0, 990 * time.Millisecond, 99 * time.Millisecond},
		{"not before now", 50 * time.Millisecond, 149500 * time.Microsecond, 0, 150 * time.Millisecond},
	} {
		var epoch time.Time
		if tt.epoch >= 0 {
			epoch = t0.Add(tt.epoch)
		}
		if got := nextAdvert(t0.Add(tt.due), t0.Add(tt.now), interval, epoch).Sub(t0); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAlignment shows that adverts which begin anywhere come due together, and
// never later than an interval after the one before.
func TestAlignment(t *testing.T) {
	r := newActive(t, func(c *Config) { c.Interval, c.Epoch = 100*time.Millisecond, t0.Add(-123456789) })
	for range 101 {
		last := r.now
		r.toDeadline()
		r.want(Tick{}, "send 100")
		if gap := r.now.Sub(last); gap > 100*time.Millisecond || gap < 99*time.Millisecond {
			t.Fatalf("%v between two adverts", gap)
		}
	}
	if phase := r.now.Sub(r.e.cfg.Epoch) % (100 * time.Millisecond); phase != 0 {
		t.Errorf("%v off", phase)
	}
}
