// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/vip"
)

// errOwnAddress says that an address owner lacks what it owns.
var errOwnAddress = errors.New("this node has priority 255, which says that the addresses are its own, but they are not on the interface")

// owned is the Mover of an address owner (RFC 9568 section 6.1: priority 255).
// The addresses it owns are the host's, put there by its administrator: they
// are looked at, and neither added nor removed. Excluded ones move.
type owned struct {
	kernel agent.Mover
	own    []netip.Prefix
}

var _ agent.Mover = owned{}

// Acquire fails as long as an address that the node owns is missing.
func (o owned) Acquire(ctx context.Context, c vip.Claim) error {
	own, rest := o.split(c)
	if held, err := o.kernel.Held(ctx, own); err != nil {
		return err
	} else if !held {
		return errOwnAddress
	}
	if len(rest.Addresses) == 0 {
		return nil
	}
	return o.kernel.Acquire(ctx, rest)
}

// Release leaves what the node owns.
func (o owned) Release(ctx context.Context, c vip.Claim) error {
	_, rest := o.split(c)
	if len(rest.Addresses) == 0 {
		return nil
	}
	return o.kernel.Release(ctx, rest)
}

// Held tells whether all are there.
func (o owned) Held(ctx context.Context, c vip.Claim) (bool, error) { return o.kernel.Held(ctx, c) }

func (o owned) split(c vip.Claim) (own, rest vip.Claim) {
	own, rest = c, c
	own.Addresses, rest.Addresses = nil, nil
	for _, a := range c.Addresses {
		if slices.Contains(o.own, a) {
			own.Addresses = append(own.Addresses, a)
		} else {
			rest.Addresses = append(rest.Addresses, a)
		}
	}
	return own, rest
}
