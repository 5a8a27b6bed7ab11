// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package clock

import "time"

// Timer is an alarm of the runtime's, on whatever clock. Set and C are for one
// goroutine.
type Timer struct {
	now   func() time.Time
	timer *time.Timer
}

// NewTimer makes a Timer that isn't set. It has no goroutine.
func NewTimer(now func() time.Time) *Timer {
	t := &Timer{now: now, timer: time.NewTimer(time.Hour)}
	t.timer.Stop()
	return t
}

// Set asks for a wake-up at a time of the clock, in place of the one before.
func (t *Timer) Set(at time.Time) { t.timer.Reset(max(0, at.Sub(t.now()))) }

// C delivers the wake-ups.
func (t *Timer) C() <-chan time.Time { return t.timer.C }

// Close ends the Timer.
func (t *Timer) Close() error {
	t.timer.Stop()
	return nil
}
