// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// receivedInBackup is an advert in Backup (section 6.4.2).
func (e *Engine) receivedInBackup(now time.Time, from netip.Addr, ad *wire.Advert) {
	switch {
	case ad.Priority == wire.PriorityStop:
		e.vacant, e.accepted = true, time.Time{}
		e.deadline = now.Add(e.skewTime())
	case e.overtaken(now):
	case ad.Priority >= e.priority || !e.preempts(now, from, ad):
		e.accept(now, from, ad)
	default:
		// Discarded: the timer goes on running.
		e.worse, e.worseAt = peer{from, ad.Priority}, now
	}
}

// accept lets the sender be Active for another Active_Down_Interval, counted by
// the interval it says (version 3; section 6.4.2).
func (e *Engine) accept(now time.Time, from netip.Addr, ad *wire.Advert) {
	if e.cfg.Version == wire.V3 {
		e.interval = ad.Interval
	}
	e.unclaim(Backup)
	e.accepted, e.vacant = now, false
	if from != e.active.address {
		e.active = peer{from, ad.Priority}
	}
	e.active.priority = max(e.active.priority, ad.Priority)
	e.deadline = now.Add(e.downInterval())
}

// preempts tells whether a worse advert is ignored by now (Preempt_Mode,
// section 6.1). The address owner always preempts.
//
// Beyond the RFC: with a PreemptDelay worse adverts are ignored only once the
// router has been Backup, at its priority or a higher one, for that long; while
// it is damped they are not at all. Both are about this node having just become
// well. An Active that has become worse since then is relieved at once by a
// better router, that is not wholly damped. Nothing waits when no Active is heard.
func (e *Engine) preempts(now time.Time, from netip.Addr, ad *wire.Advert) bool {
	switch {
	case e.owner():
		return true
	case !e.cfg.Preempt, e.damped.Wholly:
		return false
	case from == e.active.address && ad.Priority < e.active.priority:
		return true
	default:
		return !e.damped.On && now.Sub(e.ripe) >= e.cfg.PreemptDelay
	}
}

// ripens is when a router that is better than the Active will take over from
// it, if it waits for PreemptDelay; else zero.
func (e *Engine) ripens() time.Time {
	at := e.ripe.Add(e.cfg.PreemptDelay)
	waits := e.state == Backup && e.cfg.Preempt && e.cfg.PreemptDelay > 0 && !e.owner()
	if !waits || e.accepted.IsZero() || e.peer.priority >= e.priority || !e.accepted.Before(at) {
		return time.Time{}
	}
	return at
}

// activeDownTimer is Active_Down_Timer firing (section 6.4.2). In a group it
// goes on waiting while a sibling hears an Active that it accepts.
func (e *Engine) activeDownTimer(now time.Time) {
	if e.group != nil && !e.vacant {
		if until, ok := e.group.heard(now, e.member); ok {
			e.unclaim(Backup)
			e.deadline = until
			return
		}
	}
	reason := "no Active Router heard"
	switch {
	case e.vacant:
		reason = "the Active Router gave up"
	case e.hearsWorse(now):
		reason = "better than the Active Router " + e.worse.String()
	}
	e.takeOver(now, reason)
}

// takeOver is the only way from Backup to Active, for a guarded router by way of
// a claim.
func (e *Engine) takeOver(now time.Time, reason string) {
	if e.cfg.Guarded && e.lease == 0 {
		e.claim(now, reason)
		return
	}
	e.become(now, Active, reason)
}

func (e *Engine) skewTime() time.Duration {
	return SkewTime(e.cfg.Version, e.priority, e.interval)
}

func (e *Engine) downInterval() time.Duration {
	return ActiveDownInterval(e.cfg.Version, e.priority, e.interval)
}
