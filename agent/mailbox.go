// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"sync"
)

// mailbox hands values of other goroutines to the loop. put never blocks.
type mailbox[T any] struct {
	mu      sync.Mutex
	pending []T
	wake    chan struct{} // has a value while something is pending
}

func newMailbox[T any]() *mailbox[T] {
	return &mailbox[T]{wake: make(chan struct{}, 1)}
}

func (b *mailbox[T]) put(v T) {
	b.mu.Lock()
	b.pending = append(b.pending, v)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// next takes out the oldest; false if there is none.
func (b *mailbox[T]) next() (v T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) == 0 {
		return v, false
	}
	v, b.pending = b.pending[0], b.pending[1:]
	return v, true
}

// discard drops what is pending and old.
func (b *mailbox[T]) discard(old func(T) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = slices.DeleteFunc(b.pending, old)
}

// take empties the mailbox, the oldest first.
func (b *mailbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.pending
	b.pending = nil
	return all
}
