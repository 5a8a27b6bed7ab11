// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"slices"
	"sync"
	"time"
)

// callLimit is how long a call to a plane may take until it is told to give up.
const callLimit = 30 * time.Second

// want is what a service is to be on a plane.
type want struct {
	seq    uint64 // numbers the service's wants
	gone   bool
	v      Virtual // if it is gone, only its name counts
	result error   // of the worker
}

// have is what may be programmed of a service: as it was last set, well or not, and
// at all frontends at which it ever was since they were last known to be gone.
type have struct {
	v         Virtual
	frontends []Frontend
	failed    bool // the loop sees to it
}

// asked is a reading that somebody waits for.
type asked struct {
	services []Virtual
	answer   func([]Reading, error)
}

// worker makes the calls of one plane, one after the other: first what is wanted,
// then what is asked, then it looks whether all is as it was set.
type worker struct {
	kind    PlaneKind
	plane   Plane
	journal *journal
	period  time.Duration
	tell    func(func(*loop)) // the loop
	ended   chan struct{}     // closed when run returns

	mu    sync.Mutex
	wants map[string]want // by service: the latest counts
	asks  []asked
	call  context.CancelFunc // of the call in hand
	bell  chan struct{}

	have map[string]*have // owned by run
	all  cache
}

func newWorker(kind PlaneKind, cfg Config, j *journal, tell func(func(*loop))) *worker {
	w := &worker{
		kind: kind, plane: cfg.Planes[kind], journal: j, period: cfg.Period, tell: tell,
		ended: make(chan struct{}), wants: make(map[string]want), bell: make(chan struct{}, 1), have: make(map[string]*have),
	}
	for name, frontends := range j.on(kind) {
		w.have[name] = &have{v: Virtual{Name: name, Frontends: frontends}, frontends: frontends, failed: true}
	}
	return w
}

// put says what is wanted from now on.
func (w *worker) put(wants []want) {
	w.mu.Lock()
	for _, x := range wants {
		w.wants[x.v.Name] = x
	}
	w.mu.Unlock()
	ring(w.bell)
}

// ask reads services as soon as nothing is wanted.
func (w *worker) ask(a asked) {
	w.mu.Lock()
	w.asks = append(w.asks, a)
	w.mu.Unlock()
	ring(w.bell)
}

// interrupt makes the call in hand give up.
func (w *worker) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.call != nil {
		w.call()
	}
}

// limited is the context of a call.
func (w *worker) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	w.mu.Lock()
	w.call = cancel
	w.mu.Unlock()
	return ctx, cancel
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	defer close(w.ended)
	round := time.NewTimer(w.period)
	defer round.Stop()
	for ctx.Err() == nil {
		if w.fulfil(ctx) || w.answer(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.bell:
		case <-round.C:
			w.compare(ctx)
			round.Reset(w.period)
		}
	}
}

// fulfil does what is wanted, and tells whether anything was.
func (w *worker) fulfil(ctx context.Context) bool {
	w.mu.Lock()
	if len(w.wants) == 0 {
		w.mu.Unlock()
		return false
	}
	wants := make([]want, 0, len(w.wants))
	for _, x := range w.wants {
		wants = append(wants, x)
	}
	clear(w.wants)
	w.mu.Unlock()
	slices.SortFunc(wants, func(a, b want) int { return compareNames(a.v, b.v) })
	w.apply(ctx, wants)
	w.tell(func(l *loop) { l.done(w, wants) })
	return true
}

// answer reads what is asked, and tells whether anything was.
func (w *worker) answer(ctx context.Context) bool {
	w.mu.Lock()
	if len(w.asks) == 0 {
		w.mu.Unlock()
		return false
	}
	a := w.asks[0]
	w.asks = w.asks[1:]
	w.mu.Unlock()
	a.answer(w.read(ctx, a.services))
	return true
}
