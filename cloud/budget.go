// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"sync"
	"time"
)

// The waits between attempts to write: random between nothing and a limit that
// doubles (full jitter), so that nodes that failed together don't try together.
const (
	retryFirst = 100 * time.Millisecond
	retryLast  = 2 * time.Second
)

// The waits between looks whether the cloud shows a write.
const (
	showFirst = 50 * time.Millisecond
	showLast  = time.Second
)

// backoff is a wait that doubles.
type backoff struct{ next, last time.Duration }

func retries() backoff { return backoff{retryFirst, retryLast} }

func shows() backoff { return backoff{showFirst, showLast} }

// step is the present limit, and doubles the next one.
func (b *backoff) step() time.Duration {
	d := b.next
	b.next = min(2*b.next, b.last)
	return d
}

// pause waits, and tells whether ctx let it wait to the end.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// EC2 allows an account and region 20 requests a second that don't write, after a
// burst of 100, to everything that runs there. A Mover's looks have a part of
// that, and half of its burst is kept for take-overs.
const (
	looksPerSecond = 5.0
	looksBurst     = 30.0
	looksReserve   = looksBurst / 2
	slowest        = 16 // times slower than that, while the cloud says Throttled
)

// bucket limits the looks of a Mover. It has tokens that come with time, fewer of
// them while the cloud says that there are too many requests.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	slow   float64 // 1 to slowest
	filled time.Time
}

func newBucket(now time.Time) *bucket {
	return &bucket{tokens: looksBurst, slow: 1, filled: now}
}

// take takes a token if it leaves the reserve.
func (b *bucket) take(now time.Time, reserve float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	if b.tokens < reserve+1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.filled); d > 0 {
		b.tokens = min(looksBurst, b.tokens+d.Seconds()*looksPerSecond/b.slow)
	}
	b.filled = now
}

// answered takes what came of a request into account.
func (b *bucket) answered(now time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	switch {
	case err == nil:
		b.slow = max(1, b.slow/2)
	case KindOf(err) == Throttled:
		b.slow = min(slowest, b.slow*2)
		b.tokens = min(b.tokens, looksReserve)
	}
}

// slower is a wait between looks, up to eight times as long as usual.
func (b *bucket) slower(d time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(float64(d) * min(8, b.slow))
}
