// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"sync"
	"time"

	"github.com/vicar-ha/vicar/track"
)

// event is what a job's goroutines tell the loop: a look has ended, or the
// probe asks for one.
type event struct {
	job     *job
	woken   bool
	outcome Outcome
	cause   string // empty for Pass
	ended   time.Time
	took    time.Duration
	stack   []byte // where the probe panicked
	load    *track.Load
}

// inbox keeps events until the loop takes them. There are never more than two
// of a job: it has one look in hand, and wakes once until it is heard.
type inbox struct {
	mu     sync.Mutex
	events []event
	bell   chan struct{}
}

func newInbox() *inbox { return &inbox{bell: make(chan struct{}, 1)} }

func (b *inbox) put(e event) {
	b.mu.Lock()
	b.events = append(b.events, e)
	b.mu.Unlock()
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// take returns the events, and keeps the slice that it is given for later ones.
func (b *inbox) take(spare []event) []event {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	clear(spare)
	b.events = spare[:0]
	return events
}
