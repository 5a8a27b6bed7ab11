// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/status"
)

// run balances until ctx ends, and leaves each service as its at_stop says. current is
// the configuration in force; reread puts what servers' files have now into force.
func (u *pools) run(ctx context.Context, current func() *config.Config, reread func(context.Context, []string) error) {
	defer close(u.ended)
	defer u.close()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() {
		if err := u.checks.Watch(ctx, u.pool.Put); err != nil {
			u.world.log.Warn("the checks of the pools have not ended well", slog.Any("err", err))
		}
	})
	parts.Go(func() { u.files.watch(ctx, current, reread) })
	parts.Go(func() { u.host.watch(ctx, u.world, func() []pool.Service { return current().PoolServices(u.node) }) })
	if err := u.pool.Run(ctx); err != nil {
		u.world.log.Error("the pools are not left as they should be", slog.Any("err", err))
	}
}

// rest waits until run has ended.
func (u *pools) rest() {
	if u != nil {
		<-u.ended
	}
}

// status adds the pools.
func (u *pools) status(ctx context.Context, c *config.Config, st *status.Status) {
	st.Pools, st.PoolChecks, st.Sync = u.pool.Status(ctx), u.checks.Status(), u.pool.SyncStatus(ctx)
	by := make(map[string]*config.Pool, len(c.Pools))
	for i := range c.Pools {
		by[c.Pools[i].Name] = &c.Pools[i]
	}
	for i := range st.Pools {
		p := &st.Pools[i]
		if of := by[p.Name]; of != nil {
			p.File = of.ServersFile
			p.FileError = u.files.problem(of.ServersFile)
			p.Hindrance = u.host.hindrance(&of.Service)
		}
	}
}

// poolHost is what of the host is in the way of pools.
type poolHost struct {
	mu  sync.Mutex
	off map[int]bool // families that are not forwarded
}

// hostEvery is how often it is looked at.
const hostEvery = 5 * time.Second

// watch looks at the host until ctx ends.
func (h *poolHost) watch(ctx context.Context, w poolWorld, services func() []pool.Service) {
	if w.forwards == nil {
		return
	}
	tick := time.NewTicker(hostEvery)
	defer tick.Stop()
	for {
		list := services()
		for _, family := range []int{4, 6} {
			needed := slices.ContainsFunc(list, func(s pool.Service) bool { return forwarded(&s, family) })
			on := true
			if needed {
				// What can't be asked is not held against the host.
				is, err := w.forwards(family)
				on = is || err != nil
			}
			if h.note(family, !on) && !on {
				w.log.Warn("a pool's servers are not reached by NAT", slog.String("why", notForwarded(family)))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note keeps whether a family is not forwarded, and tells whether that is new.
func (h *poolHost) note(family int, off bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.off == nil {
		h.off = make(map[int]bool)
	}
	changed := h.off[family] != off
	h.off[family] = off
	return changed
}

// hindrance says what keeps packets from the service's servers.
func (h *poolHost) hindrance(s *pool.Service) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, family := range []int{4, 6} {
		if h.off[family] && forwarded(s, family) {
			return notForwarded(family)
		}
	}
	return ""
}

// forwarded tells whether a service has servers of a family that are reached by NAT: their
// answers come back through this host.
func forwarded(s *pool.Service, family int) bool {
	by := func(x pool.Server) bool { return x.Forward == pool.NAT && x.Address.Addr().Is4() == (family == 4) }
	return slices.ContainsFunc(s.Servers, by) || s.Sorry != nil && by(*s.Sorry)
}

func notForwarded(family int) string {
	setting := "net.ipv4.ip_forward"
	if family == 6 {
		setting = "net.ipv6.conf.all.forwarding"
	}
	return fmt.Sprintf("this host does not forward IPv%d, which NAT to its servers needs: sysctl -w %s=1", family, setting)
}
