// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// reloadAsked asks for a new configuration.
type reloadAsked struct {
	cfg    Config
	answer chan<- error
}

// statusAsked asks for the status, pingAsked for a sign of life.
type (
	statusAsked struct{ answer chan<- status.Status }
	pingAsked   struct{ answer chan<- struct{} }
)

func (m reloadAsked) handle(l *loop, now time.Time) { m.answer <- l.reload(now, m.cfg) }
func (m statusAsked) handle(l *loop, now time.Time) { m.answer <- l.status(now) }
func (m pingAsked) handle(*loop, time.Time)         { close(m.answer) }

// reload checks the configuration whole, then applies the difference.
func (l *loop) reload(now time.Time, cfg Config) error {
	if !l.stopAt.IsZero() {
		return ErrStopped
	}
	cfg.Open, cfg.Network, cfg.Log, cfg.Now = l.cfg.Open, l.cfg.Network, l.cfg.Log, l.cfg.Now
	cfg.Checker, cfg.Listener, cfg.Prober, cfg.Executor = l.cfg.Checker, l.cfg.Listener, l.cfg.Prober, l.cfg.Executor
	cfg.Guard, cfg.Peers, cfg.Drained = l.cfg.Guard, l.cfg.Peers, l.cfg.Drained
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	for _, u := range cfg.units() {
		_, e := newGroup(u, l.epoch, nil)
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	l.cfg, l.reloaded = cfg, now
	l.stateChanged()
	return l.apply(now, cfg.units())
}

// apply makes the groups those of the configuration. It doesn't touch what is
// equal, changes in place what can be, and stops and starts the rest.
func (l *loop) apply(now time.Time, want []unit) error {
	l.stale = true
	l.pending = nil
	l.forgetResults(want)
	kept := make(map[string]bool, len(want))
	for _, u := range want {
		g := l.groups[u.key()]
		if g != nil && !g.leaving && sameElections(g.unit, u) {
			l.modify(g, now, u)
			kept[u.key()] = true
		} else {
			l.pending = append(l.pending, u)
		}
	}
	for _, key := range l.keys() {
		if !kept[key] {
			l.leave(l.groups[key], now)
		}
	}
	return l.addPending()
}

// sameElections tells whether a unit can go from a to b without leaving the
// election.
func sameElections(a, b unit) bool {
	return slices.EqualFunc(a.routers, b.routers, func(x, y Router) bool { return x.Name == y.Name && sameElection(x, y) })
}

// sameElection tells whether a router can go from a to b without leaving the
// election: what its engines and links are made of is the same.
func sameElection(a, b Router) bool {
	owner := func(r Router) bool { return r.Priority == wire.PriorityOwner }
	return a.VRID == b.VRID && a.Version == b.Version && a.Multicast == b.Multicast && owner(a) == owner(b) &&
		a.Gossip == b.Gossip && a.Guarded == b.Guarded &&
		a.Interface == b.Interface && slices.Equal(a.Local, b.Local) &&
		slices.Equal(a.families(), b.families()) && slices.EqualFunc(a.Movers, b.Movers, sameMover)
}

// sameMover tells whether what one has acquired the other can give up.
func sameMover(a, b Mover) bool {
	t := reflect.TypeOf(a)
	return t == reflect.TypeOf(b) && (t.Kind() != reflect.Pointer || a == b)
}

// modify changes a group in place: an Active stays Active.
func (l *loop) modify(g *group, now time.Time, u unit) {
	if reflect.DeepEqual(g.unit, u) {
		return
	}
	g.unit = u
	g.damper.cfg = u.routers[0].Damping
	if !g.listen.IsZero() {
		l.listen(g, l.started.Add(u.routers[0].Listen), now)
	}
	if g.damper.cfg.Moves == 0 && !g.damper.until.IsZero() {
		l.undamp(g, now)
	}
	for n, r := range g.routers {
		if cfg := u.routers[n]; !reflect.DeepEqual(r.cfg, cfg) {
			l.modifyRouter(r, now, cfg)
		}
	}
	l.weigh(g, now)
}

func (l *loop) modifyRouter(r *router, now time.Time, cfg Router) {
	r.cfg = cfg
	priority := l.sum(r).Priority
	for _, i := range r.instances {
		i.forgetPackets()
		l.step(i, now, vrrp.Reconfigure{Config: engineConfig(cfg, i.family, l.epoch, priority)})
		if i.engine.State() == vrrp.Active {
			l.farewell(i, now)
			i.owner.put(i.intent(true))
		}
	}
}
