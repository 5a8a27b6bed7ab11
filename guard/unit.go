// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

// phase is how a claim stands.
type phase uint8

const (
	idle        phase = iota // not claimed, or revoked
	asking                   // claimed, and not granted
	held                     // granted, and told so once the fence is open
	unconfirmed              // was granted, no majority answers, and it is kept
)

// Reasons besides those of quorum.Refusal.
const (
	reasonNotReady = "not_ready" // there is no list of voters yet, or the own voter is silent and the others are too few
	reasonFence    = "fence"     // the fence can't be opened
	reasonStalled  = "stalled"   // nobody has renewed it
)

// unit is a resource: what the file says of it, its candidate, and its claim.
type unit struct {
	name      string
	want      *Resource     // of the file; nil: it has none
	cfg       Resource      // of the candidate
	lease     time.Duration // T
	digest    quorum.Digest // of cfg's addresses
	candidate *quorum.Candidate
	claim     int // numbers claims, see teller

	byTable bool // a table's vote was needed the last time

	phase   phase
	next    quorum.Event  // of the candidate, when the present step is done
	pending bool          // in loop.opening
	fresh   bool          // of pending: Granted is to be told
	ballot  quorum.Ballot // of the lease
	until   time.Time     // of the lease, as last renewed
	opened  time.Time     // until when the fence is open
	broken  bool          // the fence could not be opened for longer
	renewed time.Time     // the last Renew; also that of Granted
	retryAt time.Time     // asking, and the candidate is not: it is to be asked then
	unasked bool          // asking, and there is no candidate that could be asked
	reason  string        // last told
	holder  string

	dirty bool         // in loop.changed
	shown status.Lease // what status shows
}

// deadline is when due has something to do.
func (u *unit) deadline() (at time.Time, ok bool) {
	if u.candidate != nil {
		at, ok = u.candidate.Deadline()
	}
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	switch {
	case u.phase == asking && !u.retryAt.IsZero():
		sooner(u.retryAt)
	case u.phase == held && u.broken:
		sooner(u.opened.Add(-u.margin()))
	case u.phase == unconfirmed:
		sooner(u.renewed.Add(u.lease))
	}
	return at, ok
}

// due meets u's deadlines.
func (l *loop) due(now time.Time, u *unit) {
	switch {
	case u.phase == asking && !u.retryAt.IsZero() && !now.Before(u.retryAt):
		l.begin(now, u, quorum.Ballot{})
		return
	case u.phase == held && u.broken && !now.Before(u.opened.Add(-u.margin())):
		l.revoke(now, u, u.opened, reasonFence, "")
		return
	case u.phase == unconfirmed && u.stalled(now):
		l.revoke(now, u, now, reasonStalled, "")
		return
	}
	l.step(now, u, quorum.Tick{})
}

// stalled tells whether an unconfirmed resource's fence has closed since nobody
// renewed it.
func (u *unit) stalled(now time.Time) bool { return !now.Before(u.renewed.Add(u.lease)) }

// margin is how long before the lease's end its holder is told.
func (u *unit) margin() time.Duration { return u.lease / 10 }

func (c claimed) handle(l *loop, now time.Time) {
	u := l.unit(c.resource)
	released, err := parseToken(c.token)
	if err != nil {
		l.log.Warn("what a handover gave is not understood, so its lease is waited for",
			slog.String("resource", c.resource), slog.Any("err", err))
	}
	if u.phase == idle {
		u.phase, u.reason, u.holder = asking, "", ""
		l.begin(now, u, released)
		return
	}
	if !released.IsZero() && u.phase != held {
		l.step(now, u, quorum.Acquire{Release: released})
	}
}

// begin asks for the lease, if it can be asked for.
func (l *loop) begin(now time.Time, u *unit, released quorum.Ballot) {
	u.retryAt = time.Time{}
	reason := l.equip(u)
	if u.unasked = reason != ""; u.unasked {
		l.refuse(u, reason, "")
		return
	}
	l.step(now, u, quorum.Acquire{Release: released})
}

func (r renewed) handle(l *loop, now time.Time) {
	for _, name := range r.resources {
		u := l.byName[name]
		if u == nil {
			continue
		}
		switch u.phase {
		case held:
			// Before renewed is set: a lease that has ended meanwhile ended since
			// nobody renewed it.
			l.step(now, u, quorum.Renew{})
			u.renewed = now
		case unconfirmed:
			if u.stalled(now) {
				l.revoke(now, u, now, reasonStalled, "")
				continue
			}
			u.renewed = now
			l.opens(u, false)
		case idle, asking:
		}
	}
}

func (s shut) handle(l *loop, now time.Time) {
	if u := l.byName[s.resource]; u != nil {
		lent := u.shown
		l.shut(u)
		l.end(u)
		if lent.Held { // until GiveUp nobody else gets it: what is shut may be given up elsewhere
			u.shown.Term, u.shown.Until = lent.Term, lent.Until
		}
		l.step(now, u, quorum.Stop{}) // GiveUp releases
	}
}

func (g gaveUp) handle(l *loop, now time.Time) {
	u := l.unit(g.resource)
	if u.phase != idle || u.opened.After(now) {
		l.shut(u) // before the Release leaves
	}
	l.end(u)
	u.claim = g.claim
	u.shown.Refusal, u.shown.Holder = "", ""
	l.step(now, u, quorum.GiveUp{})
	if u.want == nil {
		l.drop(u)
	}
}

// end ends the claim. What the candidate holds isn't renewed any more.
func (l *loop) end(u *unit) {
	u.phase, u.pending, u.fresh, u.broken, u.retryAt = idle, false, false, false, time.Time{}
	u.shown.Held, u.shown.Unconfirmed, u.shown.Term, u.shown.Until = false, false, 0, time.Time{}
	l.show(u)
}
