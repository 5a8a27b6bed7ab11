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
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	for _, r := range cfg.Routers {
		_, e := newRouter(r, l.epoch, nil)
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	l.cfg, l.reloaded = cfg, now
	return l.apply(now, cfg.Routers)
}

// apply makes the routers those of the configuration. It doesn't touch what is
// equal, changes in place what can be, and stops and starts the rest.
func (l *loop) apply(now time.Time, want []Router) error {
	l.stale = true
	for _, name := range l.names() {
		if !slices.ContainsFunc(want, func(r Router) bool { return r.Name == name }) {
			l.routers[name].next = nil
			l.leave(l.routers[name], now)
		}
	}
	var errs []error
	for _, cfg := range want {
		r := l.routers[cfg.Name]
		switch {
		case r == nil:
			errs = append(errs, l.add(cfg))
		case r.leaving:
			r.next = &cfg
		case sameElection(r.cfg, cfg):
			l.modify(r, now, cfg)
		default:
			r.next = &cfg
			l.leave(r, now)
		}
	}
	return errors.Join(errs...)
}

// sameElection tells whether a router can go from a to b without leaving the
// election: what its engines and links are made of is the same.
func sameElection(a, b Router) bool {
	owner := func(r Router) bool { return r.Priority == wire.PriorityOwner }
	return a.VRID == b.VRID && a.Version == b.Version && a.Multicast == b.Multicast && owner(a) == owner(b) &&
		a.Interface == b.Interface && slices.Equal(a.Local, b.Local) &&
		slices.Equal(a.families(), b.families())
}

// modify changes a router in place: an Active stays Active.
func (l *loop) modify(r *router, now time.Time, cfg Router) {
	if reflect.DeepEqual(r.cfg, cfg) {
		return
	}
	r.cfg = cfg
	for _, i := range r.instances {
		i.forgetPackets()
		l.step(i, now, vrrp.Reconfigure{Config: engineConfig(cfg, i.family, l.epoch)})
		if i.engine.State() == vrrp.Active {
			i.owner.put(i.intent(true))
		}
	}
}
