// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/guardian"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// executor writes the agent's will: it notes what the kernel is made to hold on
// the way to it, and what is to be said should the agent die.
type executor struct {
	kernel agent.Mover
	dirty  chan struct{} // holds one: the will has changed

	mu        sync.Mutex
	claims    map[claimKey]vip.Claim
	farewells map[string]farewell // by claim
}

// claimKey tells claims apart: one that has moved to another interface is given
// up on the old one.
type claimKey struct{ router, iface string }

// farewell are adverts and the link that they leave by.
type farewell struct {
	link    agent.Link
	packets []wire.Packet
}

var (
	_ agent.Mover    = (*executor)(nil)
	_ agent.Executor = (*executor)(nil)
)

func newExecutor(kernel agent.Mover) *executor {
	return &executor{
		kernel: kernel, dirty: make(chan struct{}, 1),
		claims: make(map[claimKey]vip.Claim), farewells: make(map[string]farewell),
	}
}

func (e *executor) poke() {
	select {
	case e.dirty <- struct{}{}:
	default:
	}
}

// Acquire is the kernel's, once the claim stands in the will. What an earlier one
// of the router has besides it stays there until it is released.
func (e *executor) Acquire(ctx context.Context, c vip.Claim) error {
	e.mu.Lock()
	key := claimKey{c.Router, c.Interface}
	noted := c
	noted.Addresses = slices.Clone(c.Addresses)
	if before := e.claims[key].Addresses; !slices.Equal(before, c.Addresses) {
		for _, p := range before {
			if !slices.Contains(c.Addresses, p) {
				noted.Addresses = append(noted.Addresses, p)
			}
		}
	}
	e.claims[key] = noted
	e.mu.Unlock()
	e.poke()
	return e.kernel.Acquire(ctx, c)
}

// holds tells whether the kernel has the address, or may have it.
func (e *executor) holds(a netip.Addr) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.claims {
		if slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return true
		}
	}
	return false
}

// Release is the kernel's. What it has released leaves the will.
func (e *executor) Release(ctx context.Context, c vip.Claim) error {
	if err := e.kernel.Release(ctx, c); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	key := claimKey{c.Router, c.Interface}
	left := e.claims[key]
	left.Addresses = slices.DeleteFunc(slices.Clone(left.Addresses), func(p netip.Prefix) bool { return slices.Contains(c.Addresses, p) })
	if len(left.Addresses) == 0 {
		delete(e.claims, key)
	} else {
		e.claims[key] = left
	}
	e.poke()
	return nil
}

// Held is the kernel's.
func (e *executor) Held(ctx context.Context, c vip.Claim) (bool, error) { return e.kernel.Held(ctx, c) }

// Farewell notes what is to be said of a claim.
func (e *executor) Farewell(claim string, link agent.Link, packets []wire.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(packets) == 0 {
		delete(e.farewells, claim)
	} else {
		f := farewell{link: link}
		for _, p := range packets {
			p.Data = slices.Clone(p.Data)
			f.packets = append(f.packets, p)
		}
		e.farewells[claim] = f
	}
	e.poke()
}

// seals make packets of the peer link that another process may send.
type seals interface {
	// releases give up all leases that are held.
	releases() []guardian.Datagram
	// adverts carry packets of a family by gossip.
	adverts(family int, packets []wire.Packet) []guardian.Datagram
}

// willPause is how long after a will the next one is written at the earliest.
const willPause = 5 * time.Millisecond

// run hands the will on whenever it has changed, until ctx ends. s may be nil.
func (e *executor) run(ctx context.Context, write func(guardian.Will), s seals) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.dirty:
			write(e.will(s))
		}
		// Hundreds of routers that move together are one change.
		select {
		case <-ctx.Done():
			return
		case <-time.After(willPause):
		}
	}
}

// will is what there is to do now.
func (e *executor) will(s seals) guardian.Will {
	var w guardian.Will
	e.mu.Lock()
	for _, c := range e.claims {
		w.Claims = append(w.Claims, c)
	}
	said := make(map[farewellKey]*guardian.Farewell)
	gossip := make(map[int][]wire.Packet)
	for _, f := range e.farewells {
		if f.link.Gossip {
			gossip[f.link.Family] = append(gossip[f.link.Family], f.packets...)
			continue
		}
		key := farewellKey{f.link.Interface, f.link.Family, f.link.Multicast}
		if said[key] == nil {
			said[key] = &guardian.Farewell{Interface: key.iface, Family: key.family, Multicast: key.multicast}
		}
		said[key].Packets = append(said[key].Packets, f.packets...)
	}
	e.mu.Unlock()
	for _, f := range said {
		w.Farewells = append(w.Farewells, *f)
	}
	if s == nil || len(w.Claims) == 0 {
		return w
	}
	w.Datagrams = s.releases()
	for family, packets := range gossip {
		w.Datagrams = append(w.Datagrams, s.adverts(family, packets)...)
	}
	return w
}

// farewellKey is what the adverts of one socket have in common.
type farewellKey struct {
	iface     string
	family    int
	multicast bool
}
