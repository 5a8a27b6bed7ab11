// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// tell tells the Listener of something that happened to i's router.
func (l *loop) tell(i *instance, now time.Time, kind vip.EventKind, from, to vrrp.State, reason string) {
	if l.cfg.Listener != nil {
		l.cfg.Listener.Tell(l.event(i, now, kind, from, to, reason))
	}
}

func (l *loop) event(i *instance, now time.Time, kind vip.EventKind, from, to vrrp.State, reason string) vip.Event {
	s, cfg := i.engine.Status(), &i.router.cfg
	return vip.Event{
		Kind: kind, Cluster: l.cfg.Cluster, Node: l.cfg.Node, Router: cfg.Name,
		State: to.String(), From: from.String(), Term: s.Term, Reason: reason,
		Priority: int(s.Priority), Peer: s.Active, Interface: cmp.Or(i.iface, cfg.Interface),
		Addresses: slices.Concat(cfg.Addresses, cfg.Exclude), Time: l.wallClock(now)(now),
	}
}

// transitionKind is what a change to a state is called.
func transitionKind(r *router, to vrrp.State) vip.EventKind {
	switch {
	case to == vrrp.Active:
		return vip.BecameActive
	case to == vrrp.Backup:
		return vip.BecameBackup
	case r.group.leaving:
		return vip.Stopped
	default:
		return vip.Faulted
	}
}

// tellGivesUp tells, once per turn, that the router's addresses are about to
// go.
func (l *loop) tellGivesUp(i *instance, now time.Time) {
	if r := i.router; !r.saidGivesUp {
		r.saidGivesUp = true
		l.tell(i, now, vip.GivesUp, vrrp.Active, i.engine.State(), r.reason)
	}
}

// tellTookOver tells, once per turn, that all the router's addresses are here.
func (l *loop) tellTookOver(i *instance, now time.Time) {
	r := i.router
	if r.saidTookOver || slices.ContainsFunc(r.instances, func(o *instance) bool {
		return !o.held || o.engine.State() != vrrp.Active
	}) {
		return
	}
	r.saidTookOver = true
	l.tell(i, now, vip.TookOver, vrrp.Active, vrrp.Active, r.reason)
}

// farewells tells the Listener that a group is about to give up in order, and
// whether that has to be waited for. Adverts go on meanwhile.
func (l *loop) farewells(g *group, now time.Time) bool {
	if l.cfg.Listener == nil {
		return false
	}
	for _, r := range g.routers {
		if i := r.instances[0]; i.engine.State() == vrrp.Active && !r.saidGivesUp {
			r.saidGivesUp = true
			g.farewell++
			e := l.event(i, now, vip.GivesUp, vrrp.Active, vrrp.Active, "stops")
			l.cfg.Listener.GiveUp(e, func() { l.told.put(g) })
		}
	}
	if g.farewell > 0 {
		g.patience = now.Add(l.cfg.Patience)
		l.reviewBy(g.patience)
	}
	return g.farewell > 0
}

// farewellsTold lets the groups give up whose Listener has been told.
func (l *loop) farewellsTold(now time.Time, told []*group) {
	for _, g := range told {
		if g.farewell--; g.farewell == 0 && !g.patience.IsZero() {
			g.patience = time.Time{}
			l.giveUp(g, now)
		}
	}
}
