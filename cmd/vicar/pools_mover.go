// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// How long a plane may keep the addresses waiting. A kernel that answers takes milliseconds;
// one that does not is no place for an address, and no reason to keep it from the successor.
const (
	poolsAcquire = 5 * time.Second
	poolsRelease = 500 * time.Millisecond
)

// errPlaneSilent is the end of either.
var errPlaneSilent = errors.New("the kernel does not answer")

// poolMover has the services of a router programmed while this node holds any of the
// router's addresses. It is the first of the movers of each router, bound or not,
// since a reload may bind services to any: what clients reach is there before the
// address is, and goes after it.
type poolMover struct {
	pools *pools
	ended func() error // of the agent's context: an error when it is to stop; nil: it never is

	mu     sync.Mutex
	kept   map[string]bool                  // routers with services that stay at the stop
	claims map[string]map[string]*poolClaim // by router and claim: each family has its own
}

// poolClaim is what of a claim is held.
type poolClaim struct {
	addresses []netip.Prefix
	acquired  bool // the services were there
}

var _ agent.Mover = (*poolMover)(nil)

func newPoolMover(u *pools) *poolMover {
	return &poolMover{pools: u, claims: make(map[string]map[string]*poolClaim)}
}

// routerOf is the router of a claim, whose second family has a name behind it.
func routerOf(c vip.Claim) string {
	router, _, _ := strings.Cut(c.Router, "/")
	return router
}

// Acquire has the router's services programmed. Where some are and others can't be, the addresses come
// all the same: what works is worth more than nothing, and the pool goes on trying.
func (m *poolMover) Acquire(ctx context.Context, c vip.Claim) error {
	router := routerOf(c)
	m.mu.Lock()
	all := m.claims[router]
	if all == nil {
		all = make(map[string]*poolClaim)
		m.claims[router] = all
	}
	claim := all[c.Router]
	if claim == nil {
		claim = new(poolClaim)
		all[c.Router] = claim
	}
	for _, a := range c.Addresses {
		if !slices.Contains(claim.addresses, a) {
			claim.addresses = append(claim.addresses, a)
		}
	}
	m.mu.Unlock()
	waiting, cancel := context.WithTimeoutCause(ctx, poolsAcquire, errPlaneSilent)
	defer cancel()
	if err := m.settle(waiting, router); err != nil {
		if !m.partly(ctx, router) {
			return fmt.Errorf("balancing what is bound to the router: %w", err)
		}
		m.pools.world.log.Warn("not all that is bound to the router is balanced, it takes its addresses all the same",
			slog.String("router", router), slog.Any("err", err))
	}
	m.mu.Lock()
	claim.acquired = true
	m.mu.Unlock()
	return nil
}

// Release has the router's services programmed no more when none of its addresses is
// left here. The addresses have gone before, and their successor waits for this: what can't be
// removed at once holds up nobody, since the pool goes on trying, and shows it. At the
// stop of the agent services that are to stay are left to the pool's.
func (m *poolMover) Release(ctx context.Context, c vip.Claim) error {
	router := routerOf(c)
	m.mu.Lock()
	if claim := m.claims[router][c.Router]; claim != nil {
		claim.addresses = slices.DeleteFunc(claim.addresses, func(a netip.Prefix) bool { return slices.Contains(c.Addresses, a) })
		if len(claim.addresses) == 0 {
			delete(m.claims[router], c.Router)
		}
	}
	if len(m.claims[router]) == 0 {
		delete(m.claims, router)
	}
	m.mu.Unlock()
	if m.stays(router) {
		return nil
	}
	waiting, cancel := context.WithTimeoutCause(ctx, poolsRelease, errPlaneSilent)
	defer cancel()
	if err := m.settle(waiting, router); err != nil && ctx.Err() == nil {
		m.pools.world.log.Warn("what is bound to the router is still balanced here, it is tried again",
			slog.String("router", router), slog.Any("err", err))
	}
	return ctx.Err()
}

// keep notes which services are in force.
func (m *poolMover) keep(services []pool.Service) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = make(map[string]bool)
	for i := range services {
		if s := &services[i]; s.Keep && s.With != "" {
			m.kept[s.With] = true
		}
	}
}

// stays tells whether the agent stops and leaves services of the router in the kernel.
func (m *poolMover) stays(router string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[router] && m.ended != nil && m.ended() != nil
}

// Held tells whether the router's services were programmed for the claim: what becomes
// of them since is put right by the pool, and no reason to give up the address.
func (m *poolMover) Held(_ context.Context, c vip.Claim) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	claim := m.claims[routerOf(c)][c.Router]
	return claim != nil && claim.acquired, nil
}

// settle tells the pool whether this node holds the router, until that is still so when
// it has answered: the families come and go by themselves.
func (m *poolMover) settle(ctx context.Context, router string) error {
	for {
		holds := m.holds(router)
		tell := m.pools.pool.Release
		if holds {
			tell = m.pools.pool.Acquire
		}
		err := tell(ctx, router)
		if m.holds(router) == holds || ctx.Err() != nil {
			return err
		}
	}
}

func (m *poolMover) holds(router string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.claims[router]) > 0
}

// partly tells whether the kernel has any of the router's services as it should be, with
// servers or, before their checks have results, without.
func (m *poolMover) partly(ctx context.Context, router string) bool {
	return slices.ContainsFunc(m.pools.pool.Status(ctx), func(p status.Pool) bool {
		return p.With == router && p.Programmed && p.Error == ""
	})
}
