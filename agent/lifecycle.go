// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// add builds a unit's group and starts its owners; place does the rest. With
// began, the agent's start, the group listens first if it is configured to.
func (l *loop) add(u unit, began time.Time) error {
	for _, r := range u.routers {
		if _, ok := l.routers[r.Name]; ok {
			return fmt.Errorf("router %s exists", r.Name)
		}
	}
	g, err := newGroup(u, l.epoch, l.own)
	if err != nil {
		return err
	}
	l.groups[u.key()] = g
	for _, r := range g.routers {
		l.routers[r.cfg.Name] = r
	}
	l.stale = true
	l.start(g, began, l.cfg.Now())
	return nil
}

func (l *loop) startOwner(ctx context.Context, i *instance) {
	ctx, cancel := context.WithCancel(ctx)
	i.stop = cancel
	i.owner = newOwner(l.cfg.Recheck, func(s settled) { l.post(answered{i, s}) })
	l.tasks.Go(func() { i.owner.run(ctx) })
}

// leave stops a group, once the Listener has been told. It is forgotten when
// its addresses are given up.
func (l *loop) leave(g *group, now time.Time) {
	if g.leaving {
		return
	}
	g.leaving = true
	if !l.farewells(g, now) {
		l.giveUp(g, now)
	}
}

// giveUp makes a leaving group's routers give up.
func (l *loop) giveUp(g *group, now time.Time) {
	l.step(g.members[0], now, vrrp.Stop{})
	l.forget(g)
}

// forget drops a leaving group whose engines are idle, and starts what waits
// for its routers' names.
func (l *loop) forget(g *group) {
	if !g.leaving || !g.patience.IsZero() || g.engines.Busy() || l.groups[g.key()] != g {
		return
	}
	for _, i := range g.members {
		i.stop()
		l.deadlines.remove(i)
	}
	delete(l.groups, g.key())
	for _, r := range g.routers {
		delete(l.routers, r.cfg.Name)
	}
	l.stale = true
	if err := l.addPending(); err != nil {
		l.log.Error("cannot start a router again", slog.Any("err", err))
	}
}

// addPending adds the pending units whose routers' names are free.
func (l *loop) addPending() error {
	var wait []unit
	var errs []error
	for _, u := range l.pending {
		if slices.ContainsFunc(u.routers, func(r Router) bool { return l.routers[r.Name] != nil }) {
			wait = append(wait, u)
		} else {
			errs = append(errs, l.add(u, time.Time{}))
		}
	}
	l.pending = wait
	return errors.Join(errs...)
}

// keys are the groups' in order, as names are the routers'.
func (l *loop) keys() []string { return slices.Sorted(maps.Keys(l.groups)) }

// names are the routers' in order, so that what the loop does to all of them
// can be foretold.
func (l *loop) names() []string { return slices.Sorted(maps.Keys(l.routers)) }

// stop makes every router give up.
func (l *loop) stop(now time.Time) {
	l.stopAt = now.Add(l.cfg.StopTimeout)
	l.pending = nil
	for _, key := range l.keys() {
		if g := l.groups[key]; g != nil {
			l.orphan(g, now)
			l.leave(g, now)
		}
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(l.groups)), func(g *group) bool { return !g.patience.IsZero() }) {
		l.stopAt = l.stopAt.Add(l.cfg.Patience)
	}
}

// finished tells whether a stop is complete or has taken too long.
func (l *loop) finished(now time.Time) bool {
	if l.stopAt.IsZero() {
		return false
	}
	if len(l.routers) == 0 {
		return true
	}
	if now.Before(l.stopAt) {
		return false
	}
	for _, r := range l.routers {
		l.broken = errors.Join(l.broken, fmt.Errorf("router %s: %w", r.cfg.Name, ErrNotGivenUp))
	}
	return true
}
