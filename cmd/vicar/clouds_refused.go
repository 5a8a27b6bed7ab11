// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

const (
	// refusedAfter is when a refusal is looked at, and once more: by then the node has
	// given up what it could not have, and both looks together are believed.
	refusedAfter = time.Second
	// refusedOthers is how often the other routers are looked at as well, which mostly
	// need the same permission. Each of hundreds is refused now and then, and each look
	// takes from the account's rate of requests.
	refusedOthers = time.Minute
)

// Wake satisfies checks.Waker: what was refused is known at once, and so is that it
// is to count no more.
func (p readinessProbe) Wake(ctx context.Context, look func()) error {
	news, ignore := p.clouds.listen(p.router.Name)
	defer ignore()
	look()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for looks := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			if looks == 0 {
				timer.Reset(refusedAfter)
			}
			looks = 2
		case <-timer.C:
			if looks > 0 {
				looks--
				look()
				timer.Reset(refusedAfter)
			}
		}
	}
}

// listen has the channel told of a router, until the function is called.
func (u *clouds) listen(router string) (news chan struct{}, ignore func()) {
	news = make(chan struct{}, 1)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.news[news] = router
	return news, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.news, news)
	}
}

// refused has the claim's router looked at soon, and the others if they were not of
// late.
func (u *clouds) refused(c vip.Claim) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now, router := u.world.now(), strings.TrimSuffix(c.Router, "/ipv6")
	others := u.refusedAt.IsZero() || now.Sub(u.refusedAt) >= refusedOthers
	if others {
		u.refusedAt = now
	}
	u.tellLocked(func(name string) bool { return others || name == router })
}

// forget has refusals count no more: whoever reloads may have put right what was at
// fault.
func (u *clouds) forget() {
	if u == nil {
		return
	}
	u.mu.Lock()
	movers := u.allLocked()
	u.mu.Unlock()
	for _, m := range movers {
		m.Forget()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tellLocked(func(string) bool { return true })
}

// tellLocked has routers looked at soon. The lock is held.
func (u *clouds) tellLocked(concerns func(router string) bool) {
	for news, router := range u.news {
		if !concerns(router) {
			continue
		}
		select {
		case news <- struct{}{}:
		default:
		}
	}
}
