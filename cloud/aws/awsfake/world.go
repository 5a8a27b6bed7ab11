// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// World is a region that runs. Its methods may be called at the same time. Close
// ends what it still waits with.
type World struct {
	region
	done chan struct{}

	mu      sync.Mutex
	closed  bool
	late    sync.WaitGroup // what goes on after a request has ended
	timers  map[*time.Timer]struct{}
	rng     *rand.Rand
	history []version // the last one is what is
	lags    Lags
	longest time.Duration // of all lags so far: how long the history is needed
	latency Span
	broken  error
	serial  uint64

	faults   []*fault
	limits   Limits
	buckets  map[string]*bucket
	requests []Request
	identity identity
	tokens   map[string]token  // of the metadata services
	secrets  map[string]Secret // by ARN
	made     map[string]made   // by client token

	subscribers map[int]func(Event)
	pending     []Event
	publishing  bool
}

// New makes a region. Nothing runs until it is asked something.
func New(cfg Config) (*World, error) {
	r, first, err := build(cfg)
	if err != nil {
		return nil, fmt.Errorf("making the region: %w", err)
	}
	w := &World{
		region: *r, done: make(chan struct{}), timers: map[*time.Timer]struct{}{},
		rng: rand.New(rand.NewPCG(cfg.Seed, 0x76696361)), lags: cfg.Lags, longest: cfg.Lags.longest(), latency: cfg.Latency,
		limits: cfg.Limits, buckets: map[string]*bucket{}, tokens: map[string]token{}, subscribers: map[int]func(Event){}, made: map[string]made{},
	}
	if w.secrets, err = buildSecrets(r.name, cfg.Secrets); err != nil {
		return nil, fmt.Errorf("making the region: %w", err)
	}
	if w.identity, err = newIdentity(r, cfg.Roles, cfg.Users); err != nil {
		return nil, err
	}
	for id, a := range first.addresses {
		if a.Interface != "" {
			a.association = w.newID("eipassoc")
			first.addresses[id] = a
		}
	}
	if err := first.check(r); err != nil {
		return nil, fmt.Errorf("making the region: %w", err)
	}
	now := time.Now()
	w.history = []version{{now, now, now, first}}
	return w, nil
}

// Close answers nothing any more: what waits is let go, and what was to happen
// later does not.
func (w *World) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.done)
	}
	for t := range w.timers {
		if t.Stop() {
			w.late.Done()
		}
	}
	clear(w.timers)
	w.mu.Unlock()
	w.late.Wait()
}

// after calls f when d is over, unless the world is closed by then.
func (w *World) after(d time.Duration, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.afterLocked(d, f)
}

func (w *World) afterLocked(d time.Duration, f func()) {
	if w.closed {
		return
	}
	w.late.Add(1)
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		defer w.late.Done()
		w.mu.Lock()
		delete(w.timers, t)
		closed := w.closed
		w.mu.Unlock()
		if !closed {
			f()
		}
	})
	w.timers[t] = struct{}{}
}

// newID is an id as AWS makes them.
func (w *World) newID(kind string) string {
	w.serial++
	return fmt.Sprintf("%s-%08x%09x", kind, w.rng.Uint32(), w.serial)
}

// draw is a duration of a span.
func (w *World) draw(s Span) time.Duration {
	if s.Max <= s.Min {
		return s.Min
	}
	return s.Min + time.Duration(w.rng.Int64N(int64(s.Max-s.Min)+1))
}

func (l Lags) longest() time.Duration {
	return max(l.Describe.Min, l.Describe.Max, l.Metadata.Min, l.Metadata.Max, l.Packets.Min, l.Packets.Max)
}

// errImpossible is a change that this package must not make.
var errImpossible = errors.New("impossible state")

// change makes a change, or none when f fails.
func (w *World) change(f func(*state) error) error {
	w.mu.Lock()
	next := w.current().clone()
	err := f(next)
	if err == nil {
		if broken := next.check(&w.region); broken != nil {
			err = fmt.Errorf("%w: %w", errImpossible, broken)
			w.broken = err
		}
	}
	if err == nil {
		w.commit(next)
	}
	w.mu.Unlock()
	w.publish()
	return err
}

func (w *World) current() *state { return w.history[len(w.history)-1].state }

// commit appends a state to the history, and plans when it is seen.
func (w *World) commit(next *state) {
	now, last := time.Now(), w.history[len(w.history)-1]
	v := version{
		at: now, state: next,
		metadata: latest(last.metadata, now.Add(w.draw(w.lags.Metadata))),
		packets:  latest(last.packets, now.Add(w.draw(w.lags.Packets))),
	}
	w.history = append(w.history, v)
	w.plan(last.state, v)
	w.forget(now)
}

// forget drops what nobody can see any more.
func (w *World) forget(now time.Time) {
	old := 0
	for old+1 < len(w.history) {
		next := w.history[old+1]
		if next.at.After(now.Add(-w.longest)) || next.metadata.After(now) || next.packets.After(now) {
			break
		}
		old++
	}
	w.history = w.history[old:]
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// seen is the newest state that passes.
func (w *World) seen(passes func(version) bool) *state {
	for n := len(w.history) - 1; n > 0; n-- {
		if passes(w.history[n]) {
			return w.history[n].state
		}
	}
	return w.history[0].state
}

// described is the state that a describe of this moment shows.
func (w *World) described() *state {
	at := time.Now().Add(-w.draw(w.lags.Describe))
	return w.seen(func(v version) bool { return !v.at.After(at) })
}

// reflected is the state that the metadata service shows.
func (w *World) reflected() *state {
	now := time.Now()
	return w.seen(func(v version) bool { return !v.metadata.After(now) })
}

// packets is the state by which packets go.
func (w *World) packets() *state {
	now := time.Now()
	return w.seen(func(v version) bool { return !v.packets.After(now) })
}

// SetLags sets how long the changes from here on take to be seen; for describes,
// former ones too.
func (w *World) SetLags(l Lags) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lags, w.longest = l, max(w.longest, l.longest())
}

// SetLatency sets what answers take.
func (w *World) SetLatency(s Span) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latency = s
}

// Check tells whether the world ever would have come into a state that can't be.
// Such a change was not made.
func (w *World) Check() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}
