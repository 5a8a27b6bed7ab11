// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// releaseLimit is how long the Remote movers of a router may take to release: the
// lease, the successor's message and priority 0 wait for them, and so does a stop.
// The routers of a sync group release at the same time.
const releaseLimit = time.Second

// release has movers release a claim: first those of this host, the last acquired
// in front, and then the Remote ones, side by side. Every mover is asked, whatever
// another answered.
func release(ctx context.Context, movers []Mover, c vip.Claim) error {
	var errs []error
	var remote []Mover
	for _, m := range slices.Backward(movers) {
		if _, ok := m.(Remote); ok {
			remote = append(remote, m)
			continue
		}
		errs = append(errs, m.Release(ctx, c))
	}
	ctx, cancel := context.WithTimeout(ctx, releaseLimit)
	defer cancel()
	answers := make([]error, len(remote))
	var asked sync.WaitGroup
	for i, m := range remote {
		asked.Go(func() { answers[i] = m.Release(ctx, c) })
	}
	asked.Wait()
	return errors.Join(append(errs, answers...)...)
}
