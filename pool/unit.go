// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import "time"

// The waits between attempts at what a plane refuses.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// drainPoll is how often the connections of what drains are read.
const drainPoll = time.Second

// unit is a service on a plane: what is wanted there, and what came of it.
type unit struct {
	*service // nil: nobody wants it any more, and it is forgotten when it is removed
	name     string
	plane    PlaneKind

	wanted   bool  // or removed
	keep     bool  // at the stop
	heir     *unit // the service on another plane, where it has gone from here
	sent     *Virtual
	asked    bool   // anything was sent
	seq      uint64 // of what was sent last
	set      uint64 // of what came out last
	sentAt   time.Time
	err      error // of that
	tries    int   // in a row that failed
	retry    time.Time
	there    bool      // the kernel may have it
	unread   error     // why it was not compared
	poll     time.Time // when what drains is to be read
	shownErr string    // logged last
	shownOn  bool      // that it is programmed was logged last

	repaired   uint64
	repairedAt time.Time
	repair     string

	due  time.Time
	slot int // in deadlines; -1: none
}

// settle decides what is to be sent to the plane at a time, if anything, and when to look again.
func (u *unit) settle(now time.Time) (x want, send bool) {
	u.due = time.Time{}
	var v *Virtual
	if u.service != nil && u.wanted {
		limit := u.limit(now)
		w, next := u.virtual(now)
		v, u.due = &w, earliest(limit, next)
	}
	send = u.changed(v) || !u.retry.IsZero() && !u.retry.After(now)
	if send {
		u.seq++
		u.retry, u.sent, u.asked, u.sentAt = time.Time{}, v, true, now
		x = want{seq: u.seq, gone: v == nil}
		if v != nil {
			x.v = *v
			u.there = true
		} else {
			x.v.Name = u.name
		}
	}
	u.due = earliest(u.due, u.retry)
	return x, send
}

// changed tells whether that is not what was sent last.
func (u *unit) changed(v *Virtual) bool {
	switch {
	case v == nil:
		return u.there && (u.sent != nil || !u.asked)
	case u.sent == nil:
		return true
	default:
		return !same(*u.sent, *v)
	}
}

// waits tells whether the unit's removal is to wait: for the first that comes of the service
// on the plane where it has gone.
func (u *unit) waits() bool {
	return u.service == nil && u.heir != nil && u.heir.service != nil && u.heir.wanted && u.heir.set == 0
}

// came takes what came of a want. If another has been sent since, that decides what is there.
func (u *unit) came(x want, now time.Time) {
	if x.seq < u.set {
		return
	}
	u.set, u.err = x.seq, x.result
	switch {
	case x.seq != u.seq:
	case x.result != nil:
		u.again(now)
	default:
		u.tries, u.there = 0, !x.gone
		if x.gone {
			u.unread = nil
		}
		if u.service != nil && u.drains() {
			u.poll = now // it may have no connections
		}
	}
}

// turned tells whether the unit is programmed, or is no more, which it was not before.
func (u *unit) turned() bool {
	if !u.settled() || u.there == u.shownOn {
		return false
	}
	u.shownOn = u.there
	return true
}

// again makes the next attempt wait.
func (u *unit) again(now time.Time) {
	u.retry = now.Add(min(firstRetry<<min(u.tries, 10), lastRetry))
	u.tries++
}

// hurry makes the next attempt, if one is due later, now.
func (u *unit) hurry(now time.Time) {
	u.tries = 0
	if !u.retry.IsZero() {
		u.retry = now
	}
}

// settled tells whether the last that was sent has come out well.
func (u *unit) settled() bool { return u.set == u.seq && u.err == nil }
