// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// SkewTime is Skew_Time: how much longer than three intervals a Backup of this
// priority waits, so that the best one is first. In version 3 it grows with
// Active_Adver_Interval (RFC 9568 section 6.1), in version 2 it is a part of a
// second (RFC 3768 section 6.1). At 10 ms and priority 254 it is 78 us.
func SkewTime(v wire.Version, priority uint8, interval time.Duration) time.Duration {
	if v == wire.V2 {
		interval = time.Second
	}
	return time.Duration(256-int(priority)) * interval / 256
}

// ActiveDownInterval is Active_Down_Interval: how long a Backup of this
// priority hears nothing before it takes over (RFC 9568 section 6.1; RFC 3768
// section 6.1: Master_Down_Interval).
func ActiveDownInterval(v wire.Version, priority uint8, interval time.Duration) time.Duration {
	return 3*interval + SkewTime(v, priority, interval)
}

// patience is how long a silent Active can be sure that no Backup has taken
// over: the Active_Down_Interval of the most eager one.
func patience(v wire.Version, interval time.Duration) time.Duration {
	return ActiveDownInterval(v, 254, interval)
}

// nextAdvert is when the Adver_Timer that was due at due and fired at now fires
// next. Lateness does not add up: the next advert is due an interval after the
// last one was, or after now if that has passed as well. From there it creeps
// towards a multiple of interval since epoch, see Config.Epoch.
func nextAdvert(due, now time.Time, interval time.Duration, epoch time.Time) time.Time {
	next := due.Add(interval)
	if !next.After(now) {
		next = now.Add(interval)
	}
	if epoch.IsZero() {
		return next
	}
	phase := next.Sub(epoch) % interval
	if phase < 0 {
		phase += interval
	}
	if early := next.Add(-min(phase, interval/100)); early.After(now) {
		return early
	}
	return next
}
