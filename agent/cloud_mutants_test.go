// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/vip"
)

// cloudMutant is a way to move addresses in a cloud wrongly. The zero value is
// the way it is done.
type cloudMutant struct {
	edge      bool // acquires once per transition, as scripts do that are told of it
	lawless   bool // the epoch is not looked at
	credulous bool // what was taken over is not looked at again soon after
	whole     bool // all of a claim is held, or nothing
}

// mover is how a node uses its Mover.
func (m cloudMutant) mover(f agent.Mover) agent.Mover {
	switch {
	case m.edge:
		return &script{Mover: f, done: make(map[string]uint64)}
	case m.whole:
		return whole{f}
	}
	return f
}

// whole is a Mover that knows nothing of a part of a claim.
type whole struct{ agent.Mover }

func (whole) Held(context.Context, vip.Claim) (bool, error) { return false, nil }

// script is a Mover that is told of a transition once.
type script struct {
	agent.Mover
	mu   sync.Mutex
	done map[string]uint64
}

func (s *script) Acquire(ctx context.Context, c vip.Claim) error {
	s.mu.Lock()
	again := s.done[c.Router] == c.Term
	s.done[c.Router] = c.Term
	s.mu.Unlock()
	if again {
		return ctx.Err()
	}
	return s.Mover.Acquire(ctx, c)
}

// TestCloudMutants: the simulation finds each mistake.
func TestCloudMutants(t *testing.T) {
	for name, m := range map[string]cloudMutant{
		"edge-triggered": {edge: true}, "no epoch": {lawless: true}, "no look afterwards": {credulous: true}, "all or nothing": {whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			found, seeds := 0, uint64(60)
			if *longFlag {
				seeds = 100
			}
			for seed := uint64(1); seed <= seeds && (found == 0 || *longFlag); seed++ {
				synctest.Test(t, func(t *testing.T) {
					if wrong := simulateClouded(t, seed, m); len(wrong) > 0 {
						found++
						t.Logf("seed %d: %s", seed, wrong[0])
					}
				})
			}
			if found == 0 {
				t.Errorf("not found by %d seeds", seeds)
			}
			t.Logf("found by %d seeds", found)
		})
	}
}
