// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

// EC2 takes 50 writes at once and 5 per second from then on, for an account in a
// region; others of the account write too.
const (
	writeBurst      = 50
	writesPerSecond = 5
	// answerWithin is what a request that had to wait must have left of its time.
	answerWithin = 500 * time.Millisecond
)

// bucket spreads requests so that the cloud need not refuse them.
type bucket struct {
	mu     sync.Mutex
	size   float64
	rate   float64 // per second
	tokens float64 // below zero: as many wait
	at     time.Time
}

func newBucket(size, rate float64) *bucket {
	return &bucket{size: size, rate: rate, tokens: size}
}

// take waits until there may be one more request. It is Throttled, at once, when
// that would be too late for an answer before ctx's deadline.
func (b *bucket) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	b.mu.Lock()
	if !b.at.IsZero() {
		b.tokens = min(b.size, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
	wait := max(0, time.Duration((1-b.tokens)/b.rate*float64(time.Second)))
	if deadline, ok := ctx.Deadline(); ok && wait > 0 && now.Add(wait+answerWithin).After(deadline) {
		b.mu.Unlock()
		return &cloud.Error{Kind: cloud.Throttled, Action: "ec2", Err: fmt.Errorf("no more than %g writes per second", b.rate)}
	}
	b.tokens--
	b.mu.Unlock()
	if wait > 0 && !sleep(ctx, wait) {
		b.mu.Lock()
		b.tokens++
		b.mu.Unlock()
		return ctx.Err()
	}
	return nil
}
