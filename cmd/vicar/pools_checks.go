// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

// probe is the probe of a kind that is about pools; else nil.
func (u *pools) probe(k checks.Kind) checks.Probe {
	if k, ours := k.(checks.Pool); ours && u != nil {
		return quorumProbe{u, k.Service}
	}
	return nil
}

// quorumProbe looks whether a service has its quorum.
type quorumProbe struct {
	pools   *pools
	service string
}

var _ checks.Waker = quorumProbe{}

// quorumPoll is how often a look sees whether there is a result.
const quorumPoll = 10 * time.Millisecond

// Probe waits for the servers' first results: before, nobody can say.
func (p quorumProbe) Probe(ctx context.Context) error {
	tick := time.NewTicker(quorumPoll)
	defer tick.Stop()
	for {
		state, cause := p.pools.pool.Quorum(p.service)
		switch state {
		case track.Passing:
			return nil
		case track.Undecided:
		default:
			return fmt.Errorf("pool %s has no quorum: %s", p.service, cause)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("pool %s: %s", p.service, cause)
		}
	}
}

// Wake looks when the quorum changes.
func (p quorumProbe) Wake(ctx context.Context, look func()) error {
	look()
	p.pools.pool.Watch(ctx, func(service string) {
		if service == p.service {
			look()
		}
	})
	return nil
}

// Close satisfies checks.Probe.
func (quorumProbe) Close() error { return nil }
