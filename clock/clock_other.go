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
type Alarm = Timer

// NewAlarm makes an Alarm that isn't set.
func (c *Clock) NewAlarm() (*Alarm, error) { return NewTimer(c.Now), nil }
