// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// This file is what a guarded router does beyond the RFC; see Engine.

// claim asks for the addresses, and again an interval later while the router
// still wants them: what is lost on the way is so repeated.
func (e *Engine) claim(now time.Time, reason string) {
	e.claiming, e.claimReason = true, reason
	e.deadline = now.Add(e.cfg.Interval)
	e.emit(Claim{Preempt: e.hearsWorse(now)})
}

// hearsWorse tells whether the Active that this router is better than is heard.
func (e *Engine) hearsWorse(now time.Time) bool {
	return e.worse.address.IsValid() && now.Sub(e.worseAt) <= 2*e.interval
}

// unclaim ends the claim of a router that is on its way to another state.
func (e *Engine) unclaim(to State) {
	if e.claiming && to != Active {
		e.emit(Unclaim{})
	}
	e.claiming, e.heirAt = false, time.Time{}
}

// succeed takes over in the place of a router that gave up.
func (e *Engine) succeed(now time.Time, reason string) {
	if e.state != Backup {
		return
	}
	e.worse = peer{}
	e.takeOver(now, reason)
	e.heirAt = now
}

// overtaken tells whether an advert may have been on its way when its sender
// gave up in this router's favour: it does not end the claim.
func (e *Engine) overtaken(now time.Time) bool {
	return e.claiming && !e.heirAt.IsZero() && now.Sub(e.heirAt) < e.cfg.Interval
}

// granted takes over, if that is what the router still wants. An Active goes on in
// the new term.
func (e *Engine) granted(now time.Time, term uint64) {
	e.lease = term
	switch {
	case e.state == Backup && e.claiming:
		e.become(now, Active, e.claimReason)
	case e.state == Active && term != e.term:
		e.term = term
		e.emit(Own{Term: term, Again: true})
	}
}

// returnUnused gives back what was granted to a router that does not want it any
// more.
func (e *Engine) returnUnused() {
	if e.lease != 0 && e.state != Active {
		e.lease = 0
		e.emit(Unclaim{})
	}
}

// revoked gives up. It says so in order: if another holds the addresses by now
// its adverts keep the third ones from racing.
func (e *Engine) revoked(now time.Time, reason string) {
	e.lease = 0
	e.leave(now, "lost the lease: "+reason)
}

// leave makes an Active give up.
func (e *Engine) leave(now time.Time, reason string) {
	if e.state == Active {
		e.become(now, Backup, reason)
		e.resign = true
	}
}

// guarded tells whether the members are, which are all or none.
func (g *Group) guarded() bool { return g.engines[0].cfg.Guarded }

// part has the members say that they have given up, once all have: until then
// the right to hold the addresses is not returned, and nobody could use it.
func (g *Group) part() {
	if !g.guarded() || g.Busy() {
		return
	}
	for i, e := range g.engines {
		e.out = e.out[:0]
		e.part()
		g.collect(i, e.out)
	}
}

// returnUnused gives back what no member wants any more.
func (g *Group) returnUnused() {
	if !g.guarded() || g.active() {
		return
	}
	for i, e := range g.engines {
		e.out = e.out[:0]
		e.returnUnused()
		g.collect(i, e.out)
	}
}

// active tells whether a member is Active.
func (g *Group) active() bool {
	for _, e := range g.engines {
		if e.state == Active {
			return true
		}
	}
	return false
}
