// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/vicar-ha/vicar/track"
)

// Quorum is how a service's quorum stands (Passing: it has it), and why.
func (p *Pool) Quorum(service string) (track.State, string) {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	q, known := p.board.quorums[service]
	if !known {
		return track.Undecided, "there is no such service"
	}
	return q.state, q.cause
}

// Watch calls changed with the name of each service whose quorum has changed since
// Watch began, until ctx ends. Of changes that come together one is told. A service
// that a reload adds or removes has changed.
func (p *Pool) Watch(ctx context.Context, changed func(service string)) {
	w := &watcher{bell: make(chan struct{}, 1), names: make(map[string]bool)}
	p.board.mu.Lock()
	p.board.watchers[w] = true
	p.board.mu.Unlock()
	defer func() {
		p.board.mu.Lock()
		delete(p.board.watchers, w)
		p.board.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.bell:
		}
		p.board.mu.Lock()
		names := slices.Sorted(maps.Keys(w.names))
		clear(w.names)
		p.board.mu.Unlock()
		for _, name := range names {
			changed(name)
		}
	}
}

// watcher is a Watch: the services that it has not yet told of.
type watcher struct {
	bell  chan struct{}
	names map[string]bool
}

type quorum struct {
	state track.State
	cause string
}

// board is where others see how all stands. Its lock is held for no longer than it
// takes to look something up.
type board struct {
	mu       sync.Mutex
	quorums  map[string]quorum
	watchers map[*watcher]bool
	drained  map[string][]string
	routers  map[string]bool // that a service or the daemon refers to
}

func newBoard() *board {
	return &board{
		quorums: make(map[string]quorum), watchers: make(map[*watcher]bool),
		drained: make(map[string][]string), routers: make(map[string]bool),
	}
}

// set shows how a quorum stands. It tells the watchers if the state is another.
func (b *board) set(service string, state track.State, cause string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, known := b.quorums[service]
	b.quorums[service] = quorum{state, cause}
	if !known || old.state != state {
		b.changed(service)
	}
}

// drop forgets a service.
func (b *board) drop(service string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.quorums, service)
	delete(b.drained, service)
	b.changed(service)
}

func (b *board) changed(service string) {
	for w := range b.watchers {
		w.names[service] = true
		ring(w.bell)
	}
}
