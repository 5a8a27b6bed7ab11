// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import "sync"

// mailbox hands to the loop what others want done in it, in order. put never
// blocks.
type mailbox struct {
	mu      sync.Mutex
	pending []func(*loop)
	bell    chan struct{} // has a value while something is pending
}

func newMailbox() *mailbox { return &mailbox{bell: make(chan struct{}, 1)} }

func (b *mailbox) put(f func(*loop)) {
	b.mu.Lock()
	b.pending = append(b.pending, f)
	b.mu.Unlock()
	ring(b.bell)
}

// take empties the mailbox, the oldest first.
func (b *mailbox) take() []func(*loop) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.pending
	b.pending = nil
	return all
}

// ring wakes whoever listens, once.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
