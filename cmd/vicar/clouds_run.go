// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// run keeps at hand what a take-over needs until ctx ends.
func (u *clouds) run(ctx context.Context) {
	var parts sync.WaitGroup
	if u.session != nil {
		parts.Go(func() { _ = u.session.Run(ctx) }) // it returns nil
		parts.Go(func() { u.signals.run(ctx, u.session, u.world.log) })
	}
	<-ctx.Done()
	parts.Wait()
}

// allLocked are the movers that there are. The lock is held.
func (u *clouds) allLocked() []*cloud.Mover {
	var all []*cloud.Mover
	for _, m := range u.kinds {
		all = append(all, m)
	}
	for _, m := range u.programs {
		all = append(all, m)
	}
	return all
}

// watched is a network in which what a cloud took away is lost as well.
type watched struct {
	agent.Network
	clouds *clouds
}

// Watch is the network's and the movers', those that a reload brings too.
func (w watched) Watch(ctx context.Context, changed func(vip.Change)) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := func(m *cloud.Mover) { parts.Go(func() { _ = m.Watch(ctx, changed) }) } // it ends with ctx alone
	w.clouds.mu.Lock()
	for _, m := range w.clouds.allLocked() {
		start(m)
	}
	w.clouds.started = start
	w.clouds.mu.Unlock()
	defer func() {
		w.clouds.mu.Lock()
		w.clouds.started = nil
		w.clouds.mu.Unlock()
	}()
	return w.Network.Watch(ctx, changed)
}

// status adds how addresses stand in clouds.
func (u *clouds) status(c *config.Config, st *status.Status) {
	for n := range st.Routers {
		r := &st.Routers[n]
		for _, want := range c.Routers {
			if want.Name != r.Name {
				continue
			}
			for _, m := range want.Move {
				if m.Kind == config.MoveKernel {
					continue
				}
				if moves, err := u.mover(m); err == nil {
					r.Movers = append(r.Movers, moves.Status(r.Name))
				}
			}
		}
	}
	st.Findings = u.found(c)
	st.Signals = u.signals.now()
}
