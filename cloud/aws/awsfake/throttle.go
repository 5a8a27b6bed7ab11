// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"strings"
	"time"
)

// Limits are the token buckets of EC2. Each action of each account has one.
// Those that are zero are as documented: 100 and 20 a second for describes, 50 and
// 10 for describes that have neither a filter nor pages, 50 and 5 for writes.
type Limits struct {
	Read, Unfiltered, Write Bucket
}

// Bucket is how many requests may come at once, and how many a second.
type Bucket struct {
	Burst     float64
	PerSecond float64
}

// Unlimited lets all requests pass.
func Unlimited() Limits {
	b := Bucket{Burst: 1e12, PerSecond: 1e12}
	return Limits{b, b, b}
}

func (b Bucket) or(d Bucket) Bucket {
	if b == (Bucket{}) {
		return d
	}
	return b
}

// bucket is one in use.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes a token from an account's bucket for an action.
func (w *World) take(account, name string, mutating, narrow bool) bool {
	limit := w.limits.Read.or(Bucket{100, 20})
	switch {
	case mutating:
		limit = w.limits.Write.or(Bucket{50, 5})
	case !narrow:
		limit = w.limits.Unfiltered.or(Bucket{50, 10})
		name += " unfiltered"
	}
	now, key := time.Now(), account+" "+name
	b := w.buckets[key]
	if b == nil {
		b = &bucket{tokens: limit.Burst, at: now}
		w.buckets[key] = b
	}
	b.tokens = min(limit.Burst, b.tokens+now.Sub(b.at).Seconds()*limit.PerSecond)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// SetLimits sets the buckets, and fills them.
func (w *World) SetLimits(l Limits) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limits = l
	clear(w.buckets)
}

// Drain empties the region's account's buckets of actions, as others do that use
// the same account.
func (w *World) Drain(actions ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range actions {
		for _, key := range []string{a, a + " unfiltered"} {
			w.buckets[w.account+" "+key] = &bucket{at: time.Now()}
		}
	}
}

// narrow tells whether a describe has a filter or pages.
func narrow(p params) bool {
	for k := range p {
		if k == "MaxResults" || strings.HasPrefix(k, "Filter.") {
			return true
		}
	}
	return false
}
