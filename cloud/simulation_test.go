// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/vip"
)

var seeds = flag.Int("seeds", 500, "simulations to run")

// leases is a guard that is always right: one node may write at a time.
type leases struct {
	mu     sync.Mutex
	holder string
	term   uint64
}

var errNotHolder = errors.New("another holds the lease")

func (l *leases) may(node string) func(vip.Claim) error {
	return func(c vip.Claim) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.holder != node || l.term != c.Term {
			return errNotHolder
		}
		return nil
	}
}

// grant gives the lease to a node, or to nobody.
func (l *leases) grant(node string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.term++
	l.holder = node
	return l.term
}

// worker carries out a node's latest intent, as an agent's owner does.
type worker struct {
	m    *cloud.Mover
	mu   sync.Mutex
	term uint64 // 0: hold nothing
	stop context.CancelFunc
	wake chan struct{}
	held vip.Claim
}

func (w *worker) want(term uint64) {
	w.mu.Lock()
	w.term = term
	if w.stop != nil {
		w.stop()
	}
	w.mu.Unlock()
	w.look()
}

func (w *worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) run(ctx context.Context) {
	for next := 30 * time.Second; ; {
		retry := time.NewTimer(next)
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-retry.C:
		}
		w.mu.Lock()
		work, cancel := context.WithCancel(ctx)
		w.stop = cancel
		term := w.term
		w.mu.Unlock()
		var err error
		if term > 0 {
			w.held = web(term)
			err = w.m.Acquire(work, w.held)
		} else if w.held.Term > 0 {
			err = w.m.Release(work, w.held)
		}
		cancel()
		if next = 30 * time.Second; err != nil {
			next = time.Second
		}
	}
}

// Leases go from node to node while requests fail, are lost, come late and show
// what was: once that is over the holder of the lease is that of all objects. No
// term has two writers.
func TestSimulation(t *testing.T) {
	for seed := range uint64(*seeds) {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
	}
}

// simulate runs in a bubble.
func simulate(t *testing.T, seed uint64) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := cloudtest.NewCloud(seed, 3)
	var epochs cloudtest.Epochs
	lease := &leases{}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer func() { cancel(); all.Wait() }()
	names := []string{"a", "b", "c"}
	workers := map[string]*worker{}
	for _, name := range names {
		n := c.Node(name)
		n.Trouble(func(x *cloudtest.Trouble) {
			x.Latency, x.Jitter, x.Odds, x.MostLate = 20*time.Millisecond, 200*time.Millisecond, 0.1, 3*time.Second
			x.Lag, x.Stale = 100*time.Millisecond, 500*time.Millisecond
		})
		w := &worker{wake: make(chan struct{}, 1), m: newMover(t, cloud.Config{
			Provider: n, Steal: cloud.StealAtOnce, Epoch: epochs.Of(name, lease.may(name)), Release: seed%2 == 0,
		})}
		workers[name] = w
		all.Go(func() { w.run(ctx) })
		all.Go(func() { _ = w.m.Watch(ctx, func(vip.Change) { w.look() }) })
	}
	holder := ""
	for range 30 {
		time.Sleep(time.Duration(rnd.Int64N(int64(8 * time.Second))))
		switch n := c.Node(names[rnd.IntN(3)]); rnd.IntN(4) {
		case 0:
			n.Trouble(func(x *cloudtest.Trouble) { x.Cut = !x.Cut })
		case 1:
			n.Trouble(func(x *cloudtest.Trouble) { x.Down = !x.Down })
		case 2:
			n.Trouble(func(x *cloudtest.Trouble) { x.Throttle = rnd.IntN(20) })
		}
		// The former holder hears of it sooner or later.
		former := workers[holder]
		holder = names[rnd.IntN(3)]
		term := lease.grant(holder)
		if former != nil && former != workers[holder] {
			if rnd.IntN(2) == 0 {
				former.want(0)
			} else {
				all.Go(func() { time.Sleep(3 * time.Second); lease.unless(former, workers) })
			}
		}
		workers[holder].want(term)
	}
	for _, name := range names {
		c.Node(name).Trouble(func(x *cloudtest.Trouble) { *x = cloudtest.Trouble{Latency: 20 * time.Millisecond} })
	}
	time.Sleep(2 * time.Minute)
	for _, o := range c.Objects(web(1).Addresses) {
		if got := c.Holder(o); got != holder {
			t.Errorf("seed %d: %s has the lease and %q has %s", seed, holder, got, o.ID)
		}
	}
	if broken := epochs.Broken(); len(broken) > 0 {
		t.Errorf("seed %d: %v", seed, broken)
	}
	for name, w := range workers {
		if held, _ := w.m.Held(ctx, web(lease.term)); held != (name == holder) {
			t.Errorf("seed %d: %s believes that it holds: %v", seed, name, held)
		}
	}
}

// unless makes a former holder give up, unless it holds the lease again.
func (l *leases) unless(former *worker, workers map[string]*worker) {
	l.mu.Lock()
	again := workers[l.holder] == former
	l.mu.Unlock()
	if !again {
		former.want(0)
	}
}
