// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"slices"
	"sync"
	"time"
)

// part is how many services are compared or read by one call. Between two calls
// what is wanted is done: a server's removal does not wait for a look at all
// services.
const part = 64

// fresh is how long a reading of all services serves all who ask.
const fresh = time.Second

// repair is what a look at a plane found, and what came of putting it right.
type repair struct {
	drifts []Drift
	failed map[string]error // of services with a drift
	looked []string         // services
	err    error            // of the look
}

// compare looks whether all that was set well still is, and puts right what is
// not.
func (w *worker) compare(ctx context.Context) {
	for list := range slices.Chunk(w.listed(), part) {
		w.fulfil(ctx)
		var services []Virtual
		var looked []string
		for _, name := range list {
			if h := w.have[name]; h != nil && !h.failed {
				services, looked = append(services, h.v), append(looked, name)
			}
		}
		if len(services) == 0 || ctx.Err() != nil {
			continue
		}
		r := repair{looked: looked}
		r.drifts, r.err = w.driftOnce(ctx, services)
		r.drifts = slices.DeleteFunc(r.drifts, func(d Drift) bool { return !slices.Contains(looked, d.Service) })
		if wrong := affected(services, r.drifts); len(wrong) > 0 {
			r.failed = w.set(ctx, wrong)
			for name := range r.failed {
				w.have[name].failed = true
			}
		}
		w.tell(func(l *loop) { l.compared(w, r) })
	}
}

// affected are the services that have a drift.
func affected(services []Virtual, drifts []Drift) []Virtual {
	wrong := names(drifts)
	return slices.DeleteFunc(slices.Clone(services), func(v Virtual) bool { return !wrong[v.Name] })
}

// read reads services in parts.
func (w *worker) read(ctx context.Context, services []Virtual) (all []Reading, err error) {
	for list := range slices.Chunk(services, part) {
		w.fulfil(ctx)
		if err := ctx.Err(); err != nil {
			return all, err
		}
		found, err := w.readOnce(ctx, list)
		if err != nil {
			return all, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// cache is the last reading for those who want to see all.
type cache struct {
	mu    sync.Mutex
	found map[string][]Reading // by service
	at    time.Time            // when it began; zero before the first
}

// look is the last reading, and whether it is fresh.
func (c *cache) look() (map[string][]Reading, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found, !c.at.IsZero() && time.Since(c.at) < fresh
}

func (c *cache) keep(found []Reading, at time.Time) {
	by := make(map[string][]Reading)
	for _, r := range found {
		by[r.Service] = append(by[r.Service], r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found, c.at = by, at
}
