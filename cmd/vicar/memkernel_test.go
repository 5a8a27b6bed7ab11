// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/vip"
)

var (
	_ agent.Mover     = (*memKernel)(nil)
	_ agent.Network   = (*memKernel)(nil)
	_ agent.Announcer = (*memKernel)(nil)
)

// memKernel is a host's interface eth0 in memory.
type memKernel struct {
	own []netip.Prefix

	mu   sync.Mutex
	held []netip.Prefix
}

func newMemKernel(own ...string) *memKernel { return &memKernel{own: prefixes(own...)} }

func (k *memKernel) Acquire(_ context.Context, c vip.Claim) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range c.Addresses {
		if !slices.Contains(k.held, a) {
			k.held = append(k.held, a)
		}
	}
	return nil
}

func (k *memKernel) Release(_ context.Context, c vip.Claim) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = slices.DeleteFunc(k.held, func(a netip.Prefix) bool { return slices.Contains(c.Addresses, a) })
	return nil
}

func (k *memKernel) Held(_ context.Context, c vip.Claim) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range c.Addresses {
		if !slices.Contains(k.held, a) && !slices.Contains(k.own, a) {
			return false, nil
		}
	}
	return true, nil
}

func (k *memKernel) Announce(context.Context, vip.Claim) error { return nil }

func (k *memKernel) Watch(ctx context.Context, changed func(vip.Change)) error {
	changed(vip.Change{Interfaces: []vip.Interface{{Index: 2, Name: "eth0", Up: true, Addresses: k.own}}})
	<-ctx.Done()
	return ctx.Err()
}

// list is what is held.
func (k *memKernel) list() []netip.Prefix {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.held)
}
