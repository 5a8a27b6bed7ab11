// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/logqueue"
	"github.com/vicar-ha/vicar/vip"
)

// logRoom is how many records wait for a slow log before more are lost.
const logRoom = 1024

// ErrNotTold is Run's error when it could not tell everything in time.
var ErrNotTold = errors.New("stopped before the hooks were told everything")

// errStopping ends the runs that are in the way of the stop.
var errStopping = errors.New("the agent is stopping")

// Notifier tells hooks. Tell, GiveUp, Status and Prepare may be called by any
// goroutine, before, while and after Run; they take a lock that nobody holds
// while he waits.
type Notifier struct {
	cfg     Config
	build   func(Hook) (runner, error)
	bell    chan struct{} // something can be started, or has ended
	log     *slog.Logger  // to records
	records *logqueue.Queue

	runs  sync.WaitGroup // hooks
	calls sync.WaitGroup // pledges' done

	mu      sync.Mutex
	sinks   []*sink // in the configuration's order
	lanes   map[subject]*lane
	ready   []*lane // with something that waits and nothing that runs
	running int
	seq     uint64
	closed  bool // nothing is taken any more
}

// New checks the hooks and builds a Notifier that runs nothing until Run.
func New(cfg Config) (*Notifier, error) { return newNotifier(cfg, build) }

func newNotifier(cfg Config, build func(Hook) (runner, error)) (*Notifier, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Notifier{
		cfg: cfg, build: build, bell: make(chan struct{}, 1), lanes: make(map[subject]*lane),
		records: logqueue.New(cfg.Log.Handler(), "hooks", logRoom),
	}
	n.log = slog.New(n.records)
	if cfg.Tolerant {
		build = tolerant(build, func(h Hook, err error) {
			cfg.Log.Error("a hook can't be run", slog.String("hook", h.name()), slog.Any("err", err))
		})
	}
	if n.sinks, err = buildSinks(cfg.Hooks, build); err != nil {
		return nil, err
	}
	return n, nil
}

// Tell queues the event for the hooks that listen to it. After Run it does
// nothing.
func (n *Notifier) Tell(e vip.Event) { n.enqueue(e, nil) }

// enqueue queues the event and returns for how many hooks.
func (n *Notifier) enqueue(e vip.Event, p *pledge) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return 0
	}
	e.Addresses = slices.Clone(e.Addresses)
	n.seq++
	var count int
	var limit time.Duration
	for _, s := range n.sinks {
		if s.listens(&e) {
			n.push(delivery{event: &e, seq: n.seq, sink: s, pledge: p})
			limit += s.Timeout
			count++
		}
	}
	if count > 0 {
		if p != nil {
			p.left = count
			n.promise(p, limit)
		}
		n.ring()
	}
	return count
}

// push puts a delivery into its subject's lane; n.mu is held.
func (n *Notifier) push(d delivery) {
	about := subjectOf(d.event)
	l := n.lanes[about]
	if l == nil {
		l = &lane{subject: about}
		n.lanes[about] = l
	}
	if !l.busy && len(l.queue) == 0 {
		n.ready = append(n.ready, l)
	}
	for _, gone := range l.push(d) {
		gone.sink.tally.Skipped++
		n.over(gone)
	}
}

// ring makes Run look.
func (n *Notifier) ring() {
	select {
	case n.bell <- struct{}{}:
	default:
	}
}

// Run tells the hooks until ctx ends. Then it goes on with what waits, the
// routers' stop among it, for Config.Drain at most: at half that time it ends
// the runs that had begun before, if anything waits. What runs at the end is
// ended too, and nothing is left running, but for a log that takes nothing: it is
// left 1 s later with what it has not got. The error is ErrNotTold if something
// was not told. Run may be called once.
func (n *Notifier) Run(ctx context.Context) error {
	go n.records.Run()
	defer n.records.Close() // last: all runs have ended
	base, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(errStopping)
	early, makeWay := context.WithCancelCause(base)
	defer makeWay(errStopping)
	current, ended := early, ctx.Done()
	var half, end <-chan time.Time
	var err error
	for n.step(current, ended == nil) {
		select {
		case <-n.bell:
		case <-ended:
			ended, current = nil, base
			half, end = time.After(n.cfg.Drain/2), time.After(n.cfg.Drain)
		case <-half:
			if n.waiting() > 0 {
				makeWay(errStopping)
			}
		case <-end:
			end = nil
			err = n.abandon()
			stop(errStopping)
		}
	}
	n.runs.Wait()
	n.calls.Wait()
	return err
}

// step starts what can be started. It returns false if that is all there will
// be: nothing waits or runs, and Run has to end.
func (n *Notifier) step(ctx context.Context, ending bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.ready) > 0 && n.running < n.cfg.Parallel {
		l := n.ready[0]
		n.ready = slices.Delete(n.ready, 0, 1)
		d := l.pop()
		l.busy = true
		d.sink.tally.running++
		n.running++
		n.runs.Go(func() { n.deliver(ctx, l, d) })
	}
	n.closed = n.closed || ending && n.running == 0
	return !n.closed || n.running > 0
}

func (n *Notifier) waiting() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.lanes {
		count += len(l.queue)
	}
	return count
}

// abandon drops what waits, and says so. From now on nothing is taken.
func (n *Notifier) abandon() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	lost := n.running
	for _, l := range n.lanes {
		lost += len(l.queue)
		for _, d := range l.queue {
			n.over(d)
		}
		l.queue = nil
	}
	n.ready = nil
	return fmt.Errorf("%w: %d not delivered within %v", ErrNotTold, lost, n.cfg.Drain)
}
