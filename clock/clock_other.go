// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package clock

import "time"

// Clock is the runtime's clock.
type Clock struct{}

// New makes a Clock.
func New() (*Clock, error) { return &Clock{}, nil }

// Now is the present.
func (*Clock) Now() time.Time { return time.Now() }

// Alarm is a timer of the runtime.
type Alarm struct{ timer *time.Timer }

// NewAlarm makes an Alarm that isn't set.
func (*Clock) NewAlarm() (*Alarm, error) {
	a := &Alarm{timer: time.NewTimer(time.Hour)}
	a.timer.Stop()
	return a, nil
}

// Set asks for a wake-up at the time, in place of the one before.
func (a *Alarm) Set(at time.Time) { a.timer.Reset(max(0, time.Until(at))) }

// C delivers the wake-ups.
func (a *Alarm) C() <-chan time.Time { return a.timer.C }

// Close ends the Alarm.
func (a *Alarm) Close() error {
	a.timer.Stop()
	return nil
}
