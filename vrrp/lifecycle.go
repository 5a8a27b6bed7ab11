// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Why a router that nobody told to run is in Initialize.
const (
	notStarted = "not started"
	stopped    = "stopped"
)

// A router that could not hold its addresses stays out of the election for
// three Active_Down_Intervals, at least minHoldOff, and twice as long after
// each further failure in a row, up to maxHoldOff.
const (
	minHoldOff   = 3 * time.Second
	maxHoldOff   = 2 * time.Minute
	maxDoublings = 6 // reaches maxHoldOff and can't overflow
)

// blocked is why this router can't take part in the election, or empty.
func (e *Engine) blocked() string {
	switch {
	case e.faulted && e.fault == "":
		return "fault"
	case e.faulted:
		return e.fault
	case !e.primary.IsValid():
		return "no address to send adverts from"
	default:
		return e.unholdable
	}
}

// review puts the router into or out of the election, as what it was told so
// far demands. Whatever changes that ends here.
func (e *Engine) review(now time.Time) {
	why := e.blocked()
	switch {
	case !e.started && e.state == Initialize && e.reason == notStarted:
		why = notStarted
	case !e.started:
		why = stopped
	case why == "":
		why = e.dragged
	}
	switch {
	case why == "" && e.state == Initialize:
		e.startup(now)
	case why == "":
	case e.state == Initialize:
		e.reason = why
	default:
		resign := e.resign || e.state == Active
		e.become(now, Initialize, why)
		e.resign = resign
	}
}

// startup is the Startup event in Initialize (section 6.4.1).
func (e *Engine) startup(now time.Time) {
	reason := "started"
	if e.reason != notStarted && e.reason != stopped {
		reason = "recovered from: " + e.reason
	}
	if e.owner() {
		e.become(now, Active, reason+", owns the addresses")
		return
	}
	e.become(now, Backup, reason)
}

// setPrimary changes the address that adverts are sent from. One that is not of
// the router's family is none.
func (e *Engine) setPrimary(now time.Time, a netip.Addr) {
	a = a.Unmap().WithZone("")
	if a.IsValid() && a.Is4() != e.cfg.Addresses[0].Is4() {
		a = netip.Addr{}
	}
	e.primary = a
	e.review(now)
}

// setPriority changes the effective priority. An Active whose priority sinks
// says so at once, so that a better Backup need not wait for the next advert to
// begin with its timer; in Backup the running timer moves by the change of
// Skew_Time alone. A rise starts PreemptDelay again.
func (e *Engine) setPriority(now time.Time, priority uint8) {
	priority = min(max(priority, 1), wire.PriorityOwner-1)
	if e.owner() || priority == e.priority {
		return
	}
	was, skew := e.priority, e.skewTime()
	e.priority, e.advert = priority, Send{priority}
	switch {
	case e.state == Backup:
		e.deadline = e.deadline.Add(e.skewTime() - skew)
		if priority > was {
			e.ripe = now
			e.active.priority = e.peer.priority
		}
	case e.state == Active && priority < was:
		e.send(now)
	}
}

// settled is the answer to Own or Disown. A failed Disown is not the end: the
// driver goes on trying and answers again.
func (e *Engine) settled(now time.Time, s Settled) {
	switch {
	case s.Term != e.term:
	case e.state == Active && s.Held && s.Err != nil:
		e.unholdable = "cannot hold the addresses: " + s.Err.Error()
		e.review(now)
		e.deadline = now.Add(e.holdOff())
		e.failures++
	case e.state == Active && s.Held:
		e.failures = 0
		if e.unsaid {
			e.send(now)
			e.deadline = nextAdvert(now, now, e.cfg.Interval, e.cfg.Epoch)
		}
	case e.disowning && !s.Held && s.Err == nil:
		e.disowning = false
		e.parting, e.resign = e.resign && e.primary.IsValid(), false
		if e.group == nil || !e.cfg.Guarded {
			e.part()
		}
	}
}

// part says that the router has given up.
func (e *Engine) part() {
	if e.parting {
		e.parting = false
		e.emit(Send{wire.PriorityStop})
	}
}

// holdOff is how long a router that could not hold its addresses keeps out.
// Beyond the RFC: without it the best router would take over again and again.
func (e *Engine) holdOff() time.Duration {
	first := max(minHoldOff, 3*e.downInterval())
	return max(first, min(first<<min(e.failures, maxDoublings), maxHoldOff))
}

// endHoldOff ends a hold-off, which is the only timer of Initialize.
func (e *Engine) endHoldOff() {
	if e.unholdable != "" {
		e.unholdable, e.deadline = "", time.Time{}
	}
}
