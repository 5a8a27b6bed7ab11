// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"slices"
	"sync"
	"time"
)

// patience is how long the other planes are asked until they show a take-over.
const patience = 30 * time.Second

// verify asks the other planes about a take-over, in goroutines of their own.
func (m *Mover) verify(ctx context.Context, planes *sync.WaitGroup, g glance) {
	if reflector, ok := m.cfg.Provider.(Reflector); ok {
		planes.Go(func() {
			m.until(ctx, g, func(ctx context.Context) bool {
				has, err := reflector.Reflected(ctx, g.objects)
				if err != nil {
					return false
				}
				return m.journal.reflected(g, !slices.Contains(has, false), m.cfg.Now())
			})
		})
	}
	if m.cfg.Prober != nil {
		planes.Go(func() {
			m.until(ctx, g, func(ctx context.Context) bool {
				peer, arrived, err := m.cfg.Prober.Probe(ctx, g.claim)
				if err != nil {
					// Who was asked before may have been the one that died.
					m.journal.unprobed(g)
					return false
				}
				return m.journal.probed(g, peer, arrived, m.cfg.Now())
			})
		})
	}
}

// until asks until it is so, or the claim changes.
func (m *Mover) until(ctx context.Context, g glance, so func(context.Context) bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	wait := retries()
	for {
		attempt, done := context.WithTimeout(ctx, m.cfg.Attempt)
		yes := so(attempt)
		done()
		if yes || !m.journal.current(g) || !pause(ctx, m.spread(wait.step())) {
			return
		}
	}
}
