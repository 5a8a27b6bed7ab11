// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// timerAlarm is an Alarm made of the runtime's timer.
type timerAlarm struct {
	now   func() time.Time
	timer *time.Timer
}

func newTimerAlarm(now func() time.Time) *timerAlarm {
	a := &timerAlarm{now: now, timer: time.NewTimer(time.Hour)}
	a.timer.Stop()
	return a
}

func (a *timerAlarm) Set(at time.Time)    { a.timer.Reset(max(0, at.Sub(a.now()))) }
func (a *timerAlarm) C() <-chan time.Time { return a.timer.C }

func (a *timerAlarm) Close() error {
	a.timer.Stop()
	return nil
}
