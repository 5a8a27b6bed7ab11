// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

// fenceUntil is until when u's fence may be open.
func (u *unit) fenceUntil() time.Time {
	if u.phase == unconfirmed {
		return u.renewed.Add(u.lease)
	}
	return u.until
}

// opens has u's fence opened when the turn ends, and Granted told, if fresh.
func (l *loop) opens(u *unit, fresh bool) {
	u.fresh = u.fresh || fresh
	if !u.pending {
		u.pending = true
		l.opening = append(l.opening, u)
	}
}

// open opens the fences of a turn: those with one end by one call, as units that
// are renewed together have one.
func (l *loop) open(now time.Time) {
	if len(l.opening) == 0 {
		return
	}
	rest := l.opening
	for len(rest) > 0 {
		var group []*unit
		group, rest = split(rest)
		l.openTogether(now, group)
	}
	clear(l.opening)
	l.opening = l.opening[:0]
}

// split moves the units with the first one's end to the front.
func split(units []*unit) (group, rest []*unit) {
	n, until := 0, units[0].fenceUntil()
	for i, u := range units {
		if u.fenceUntil().Equal(until) {
			units[n], units[i] = u, units[n]
			n++
		}
	}
	return units[:n], units[n:]
}

// openTogether opens the fences of units that have one end.
func (l *loop) openTogether(now time.Time, units []*unit) {
	until := units[0].fenceUntil()
	err := l.set(units, until)
	for _, u := range units {
		if !u.pending { // shut meanwhile
			continue
		}
		failed := err
		if err != nil && len(units) > 1 { // not all need be broken
			failed = l.set([]*unit{u}, until)
		}
		fresh := u.fresh
		u.pending, u.fresh = false, false
		switch {
		case failed != nil:
			l.fenceFailed(now, u, fresh, failed)
		default:
			u.opened, u.broken = until, false
			l.tellGranted(u, fresh, now)
		}
	}
}

// set opens the fence of those of the units that still want it.
func (l *loop) set(units []*unit, until time.Time) error {
	if l.cfg.Fence == nil {
		return nil
	}
	l.addresses = l.addresses[:0]
	for _, u := range units {
		if u.pending {
			l.addresses = append(l.addresses, u.cfg.Addresses...)
		}
	}
	if len(l.addresses) == 0 {
		return nil
	}
	return l.cfg.Fence.Set(l.addresses, until)
}

func (l *loop) tellGranted(u *unit, fresh bool, now time.Time) {
	l.show(u)
	if u.phase != held {
		return
	}
	u.shown.Until = u.until
	if !fresh {
		return
	}
	ballot := u.ballot
	u.renewed = now
	u.reason, u.holder = "", ""
	u.shown.Held, u.shown.Unconfirmed, u.shown.Term, u.shown.Since = true, false, ballot.Counter, now
	u.shown.Refusal, u.shown.Holder = "", ""
	l.guard.shown.update([]*unit{u}, l.peers) // before anybody asks for the Releases
	l.guard.tell.verdict(vip.Verdict{
		Resource: u.name, Kind: vip.Granted, Term: ballot.Counter, Until: u.until, Token: encodeToken(ballot),
	}, u.claim)
}

// fenceFailed is what comes of a fence that could not be opened. Nothing is
// granted without it; what was granted ends where the fence does.
func (l *loop) fenceFailed(now time.Time, u *unit, fresh bool, err error) {
	if fresh && u.reason != reasonFence || !fresh && !u.broken {
		l.log.Error("the fence can't be opened, so the lease is not used",
			slog.String("resource", u.name), slog.Any("err", err))
	}
	switch {
	case !fresh:
		u.broken = true
	case u.shown.Unconfirmed:
		l.shut(u)
		l.revoke(now, u, now, reasonFence, "")
	default:
		l.shut(u)
		l.step(now, u, quorum.GiveUp{})
		u.phase, u.retryAt = asking, now.Add(u.lease)
		l.refuse(u, reasonFence, "")
	}
}

// shut closes u's fence.
func (l *loop) shut(u *unit) {
	u.pending, u.opened = false, time.Time{}
	if l.cfg.Fence == nil || len(u.cfg.Addresses) == 0 {
		return
	}
	if err := l.cfg.Fence.Shut(u.cfg.Addresses); err != nil {
		l.log.Error("the fence can't be closed before its end",
			slog.String("resource", u.name), slog.Any("err", err))
	}
}
