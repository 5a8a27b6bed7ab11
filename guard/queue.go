// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"sync"
	"time"
)

// item is something that the loop is told. now is read after the item was taken
// from the queue.
type item interface {
	handle(l *loop, now time.Time)
}

// maxPackets is how many packets may wait: a loop that hangs must not eat the
// memory.
const maxPackets = 1024

// queue hands items to the loop, in order. Putting never blocks.
type queue struct {
	mu       sync.Mutex
	items    []item
	packets  int           // of items
	overflow uint64        // packets that there was no room for
	wake     chan struct{} // has a value while items wait
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) put(i item) {
	q.mu.Lock()
	q.items = append(q.items, i)
	q.mu.Unlock()
	q.ring()
}

// packet puts a copy of a packet.
func (q *queue) packet(from string, data []byte) {
	q.mu.Lock()
	full := q.packets == maxPackets
	if full {
		q.overflow++
	} else {
		q.packets++
		q.items = append(q.items, arrived{from, append([]byte(nil), data...)})
	}
	q.mu.Unlock()
	if !full {
		q.ring()
	}
}

func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take empties the queue, the oldest first. used is what the last take
// returned, to be filled again.
func (q *queue) take(used []item) []item {
	clear(used)
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.packets = used[:0], 0
	return items
}

func (q *queue) overflowed() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.overflow
}

// The items; each is handled where its subject is.
type (
	claimed struct{ resource, token string }
	renewed struct{ resources []string }
	shut    struct{ resource string }
	gaveUp  struct {
		resource string
		claim    int // the number of the next claim
	}
	arrived struct {
		from string
		data []byte
	}
	reported struct {
		node   string
		report []byte
	}
)
