// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// maxAnswers is how many adverts are sent against rivals between two regular
// ones. Beyond the RFC: two Actives that each take the other for the worse one
// (address translation can make that) would answer each other without end.
const maxAnswers = 8

// adverTimer is Adver_Timer firing (section 6.4.3).
func (e *Engine) adverTimer(now time.Time) {
	e.answers = 0
	e.deadline = nextAdvert(e.deadline, now, e.cfg.Interval, e.cfg.Epoch)
	e.send(now)
}

// send sends an advert. Not called before checkStall.
func (e *Engine) send(now time.Time) {
	e.sent, e.unsaid = now, false
	e.emit(e.advert)
}

// checkStall steps down if no advert was sent for so long that a Backup may
// have taken over. Beyond the RFC: an agent that was stopped, starved or paused
// with its machine must not go on where it was, for others hold the addresses
// by now. It says nothing and waits a full Active_Down_Interval.
func (e *Engine) checkStall(now time.Time) {
	if now.Sub(e.sent) <= patience(e.cfg.Version, e.cfg.Interval) {
		return
	}
	late := now.Sub(e.deadline).Round(time.Microsecond)
	e.stalls, e.late = e.stalls+1, late
	e.become(now, Backup, "stalled for "+late.String())
}

// receivedInActive is an advert in Active (section 6.4.3).
func (e *Engine) receivedInActive(now time.Time, from netip.Addr, ad *wire.Advert) {
	switch {
	case ad.Priority == wire.PriorityStop:
		e.send(now)
		e.deadline = nextAdvert(now, now, e.cfg.Interval, e.cfg.Epoch)
	case e.cfg.Guarded:
		e.rival(now, from) // as stale, mistaken or forged as can be
	case ad.Priority > e.priority:
		e.yield(now, "better router ", from, ad)
	case ad.Priority == e.priority && e.cfg.Follower:
		// The group's first member breaks the tie.
	case ad.Priority == e.priority && from.Compare(e.primary) > 0:
		e.yield(now, "equal router with a greater address ", from, ad)
	default:
		e.rival(now, from)
	}
}

// yield makes room for a better Active. It has taken over already, so nothing
// is sent when the addresses are given up.
func (e *Engine) yield(now time.Time, what string, from netip.Addr, ad *wire.Advert) {
	e.become(now, Backup, what+peer{from, ad.Priority}.String())
	e.accept(now, from, ad)
}

// rival answers a worse Active, or one that can't be, at once (section 6.4.3). It has announced the
// addresses, so they are announced again.
func (e *Engine) rival(now time.Time, from netip.Addr) {
	if e.answers < maxAnswers {
		e.answers++
		e.send(now)
		e.emit(Announce{})
	}
	e.notice(NoticeRival, from)
}
