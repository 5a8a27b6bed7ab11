// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// add builds a router and starts its owners; place does the rest.
func (l *loop) add(cfg Router) error {
	if _, ok := l.routers[cfg.Name]; ok {
		return fmt.Errorf("router %s exists", cfg.Name)
	}
	r, err := newRouter(cfg, l.epoch, l.own)
	if err != nil {
		return err
	}
	l.routers[cfg.Name] = r
	l.stale = true
	return nil
}

func (l *loop) startOwner(ctx context.Context, i *instance) {
	ctx, cancel := context.WithCancel(ctx)
	i.stop = cancel
	i.owner = newOwner(l.cfg.Recheck, func(s settled) { l.post(answered{i, s}) })
	l.tasks.Go(func() { i.owner.run(ctx) })
}

// leave stops a router; it is forgotten once its addresses are given up.
func (l *loop) leave(r *router, now time.Time) {
	r.leaving = true
	l.step(r.instances[0], now, vrrp.Stop{})
	l.forget(r)
}

// forget drops a leaving router whose engines are idle, and starts what takes
// its place.
func (l *loop) forget(r *router) {
	if !r.leaving || r.busy() || l.routers[r.cfg.Name] != r {
		return
	}
	for _, i := range r.instances {
		i.stop()
		l.deadlines.remove(i)
	}
	delete(l.routers, r.cfg.Name)
	if r.next != nil {
		if err := l.add(*r.next); err != nil {
			l.log.Error("cannot start the router again", slog.String("router", r.cfg.Name), slog.Any("err", err))
		}
	}
	l.stale = true
}

// names are the routers' in order, so that what the loop does to all of them
// can be foretold.
func (l *loop) names() []string {
	names := make([]string, 0, len(l.routers))
	for n := range l.routers {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// stop makes every router give up.
func (l *loop) stop(now time.Time) {
	l.stopAt = now.Add(l.cfg.StopTimeout)
	for _, r := range l.routers {
		r.next = nil
		l.leave(r, now)
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
