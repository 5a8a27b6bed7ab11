// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// message is something that the loop is told.
type message interface {
	handle(l *loop, now time.Time)
}

// loop is the goroutine that owns everything; see the package's documentation.
type loop struct {
	cfg     Config
	log     *slog.Logger
	inbox   chan message
	network networkBox
	epoch   time.Time

	routers    map[string]*router
	links      map[linkKey]*link
	deadlines  deadlines
	interfaces []vip.Interface
	known      bool      // interfaces has been told
	retryAt    time.Time // when links that didn't open are tried again; zero: never
	lateness   lateness
	reloaded   time.Time

	stale   bool            // a router came or went: place has to look again
	done    <-chan struct{} // closed when what the loop started must end
	own     func(*instance) // starts an instance's owner
	tasks   sync.WaitGroup
	stopAt  time.Time // stopping, and when to stop waiting; zero: running
	broken  error     // ends Run
	started time.Time
}

// maxDrain is how many messages are taken before deadlines are looked at.
const maxDrain = 64

func newLoop(cfg Config, inbox chan message) *loop {
	l := &loop{
		cfg: cfg, inbox: inbox, network: networkBox{wake: make(chan struct{}, 1)},
		routers: make(map[string]*router), links: make(map[linkKey]*link),
		epoch: cfg.Now(),
	}
	l.started = l.epoch
	return l
}

// run is the loop. It returns when ctx has ended and everything has been given
// up, or StopTimeout later, or when the network can't be watched.
func (l *loop) run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.done = work.Done()
	l.own = func(i *instance) { l.startOwner(work, i) }
	queue := newLogQueue(l.cfg.Log.Handler())
	l.log = slog.New(queue)
	logged := make(chan struct{})
	go func() { defer close(logged); queue.run() }()
	defer func() {
		cancel()
		l.closeLinks()
		l.tasks.Wait()
		queue.close()
		<-logged
	}()

	for _, cfg := range l.cfg.Routers {
		if err := l.add(cfg); err != nil {
			return err
		}
	}
	l.tasks.Go(func() { l.watch(work) })
	l.spin(ctx)
	return l.broken
}

// spin is the loop proper: take what is there, meet deadlines, send, wait.
func (l *loop) spin(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	ended := ctx.Done()
	for {
		l.drain()
		now := l.cfg.Now()
		l.fire(now)
		l.flush(now)
		if l.stale && l.known && l.stopAt.IsZero() {
			l.stale = false
			l.place(now)
			continue
		}
		if l.broken != nil || l.finished(now) {
			return
		}
		timer.Reset(l.untilNext(now))
		select {
		case m := <-l.inbox:
			m.handle(l, l.cfg.Now())
		case <-l.network.wake:
			l.networkChanged(l.cfg.Now(), l.network.take())
		case <-timer.C:
		case <-ended:
			ended = nil
			l.stop(l.cfg.Now())
		}
	}
}

// drain takes the messages that are there already.
func (l *loop) drain() {
	for range maxDrain {
		select {
		case m := <-l.inbox:
			m.handle(l, l.cfg.Now())
		default:
			return
		}
	}
}

// untilNext is how long nothing is due.
func (l *loop) untilNext(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	if at, ok := l.deadlines.earliest(); ok && at.Before(next) {
		next = at
	}
	for _, at := range []time.Time{l.retryAt, l.stopAt} {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return max(0, next.Sub(now))
}

// fire gives a Tick to every engine whose deadline has come.
func (l *loop) fire(now time.Time) {
	if !l.retryAt.IsZero() && !now.Before(l.retryAt) {
		l.retryAt = time.Time{}
		l.place(now)
	}
	for {
		i, ok := l.deadlines.pop(now)
		if !ok {
			return
		}
		due, ok := i.router.group.Deadline(i.member)
		switch {
		case !ok:
		case due.After(now):
			l.deadlines.set(i, due)
		case l.postpone(i, now):
			l.deadlines.set(i, now.Add(postponeStep))
		default:
			i.deferred = time.Time{}
			l.lateness.observe(now.Sub(due))
			before := i.engine.State()
			l.step(i, now, vrrp.Tick{})
			if before == vrrp.Active && i.engine.State() != vrrp.Active {
				l.lateness.stalls++
			}
		}
	}
}

// A Backup whose time-out is due while packets wait to be read is looked at
// again after postponeStep, for at most postponeMax or half an interval.
const (
	postponeStep = 500 * time.Microsecond
	postponeMax  = 100 * time.Millisecond
)

// postpone tells whether a Backup's time-out must wait until packets that have
// already arrived are read: the advert that it misses may be among them. The
// wait has an end, since somebody may flood the link.
func (l *loop) postpone(i *instance, now time.Time) bool {
	if i.link == nil || i.engine.State() != vrrp.Backup || !i.link.pending() {
		return false
	}
	if i.deferred.IsZero() {
		i.deferred = now
	}
	return now.Sub(i.deferred) < min(postponeMax, i.router.cfg.Interval/2)
}

// step tells an engine's group what happened and does what it answers.
func (l *loop) step(i *instance, now time.Time, ev vrrp.Event) {
	for _, a := range i.router.group.Step(now, i.member, ev) {
		l.perform(i.router.instances[a.Member], now, a.Action)
	}
	for _, o := range i.router.instances {
		if due, ok := o.router.group.Deadline(o.member); ok {
			l.deadlines.set(o, due)
		} else {
			l.deadlines.remove(o)
		}
	}
}

// perform carries out one action. It queues and never waits.
func (l *loop) perform(i *instance, now time.Time, a vrrp.Action) {
	switch a := a.(type) {
	case vrrp.Send:
		l.send(i, now, a.Priority)
	case vrrp.Own:
		i.term = a.Term
		i.owner.put(i.intent(true))
	case vrrp.Disown:
		i.owner.put(i.intent(false))
	case vrrp.Announce:
		i.owner.announceAgain()
	case vrrp.Change:
		l.changed(i, now, a)
	case vrrp.Notice:
		l.notice(i, now, a)
	}
}

// send queues the instance's adverts of the priority on its link.
func (l *loop) send(i *instance, now time.Time, priority uint8) {
	if i.link == nil {
		return
	}
	packets, err := i.packets(priority)
	if err != nil {
		i.limit.log(now, func(more uint64) {
			l.log.Error("cannot encode advert", slog.String("router", i.router.cfg.Name), slog.Any("err", err), slog.Uint64("more", more))
		})
		return
	}
	i.link.out = append(i.link.out, packets...)
	i.sent += uint64(len(packets))
}

// flush sends what the round has queued, a batch per link.
func (l *loop) flush(now time.Time) {
	for _, k := range l.links {
		err := k.flush()
		if err == nil {
			continue
		}
		k.lastErr = err.Error()
		k.limit.log(now, func(more uint64) {
			l.log.Warn("cannot send", slog.String("iface", k.spec.Interface), slog.Int("family", k.spec.Family), slog.Any("err", err), slog.Uint64("more", more))
		})
	}
}

// stop makes every router give up.
func (l *loop) stop(now time.Time) {
	l.stopAt = now.Add(l.cfg.StopTimeout)
	for _, r := range l.routers {
		r.next = nil
		l.leave(r, now)
	}
}

// finished tells whether a stop is complete or has taken too long.
func (l *loop) finished(now time.Time) bool {
	if l.stopAt.IsZero() {
		return false
	}
	if len(l.routers) == 0 {
		return true
	}
	if now.Before(l.stopAt) {
		return false
	}
	for _, r := range l.routers {
		l.log.Error("stopped before the addresses were given up", slog.String("router", r.cfg.Name))
	}
	return true
}

// post puts a message of another goroutine into the inbox; false when the loop
// has ended.
func (l *loop) post(m message) bool {
	select {
	case l.inbox <- m:
		return true
	case <-l.done:
		return false
	}
}

// add builds a router and starts its owners; place does the rest.
func (l *loop) add(cfg Router) error {
	if _, ok := l.routers[cfg.Name]; ok {
		return fmt.Errorf("router %s exists", cfg.Name)
	}
	r, err := newRouter(cfg, l.epoch, l.own)
	if err != nil {
		return err
	}
	l.routers[cfg.Name] = r
	l.stale = true
	return nil
}

func (l *loop) startOwner(ctx context.Context, i *instance) {
	ctx, cancel := context.WithCancel(ctx)
	i.stop = cancel
	i.owner = newOwner(l.cfg.Recheck, func(s settled) { l.post(answered{i, s}) })
	l.tasks.Go(func() { i.owner.run(ctx) })
}

// leave stops a router; it is forgotten once its addresses are given up.
func (l *loop) leave(r *router, now time.Time) {
	r.leaving = true
	l.step(r.instances[0], now, vrrp.Stop{})
	l.forget(r)
}

// forget drops a leaving router whose engines are idle, and starts what takes
// its place.
func (l *loop) forget(r *router) {
	if !r.leaving || r.busy() {
		return
	}
	for _, i := range r.instances {
		i.stop()
		l.deadlines.remove(i)
	}
	delete(l.routers, r.cfg.Name)
	if r.next != nil {
		if err := l.add(*r.next); err != nil {
			l.log.Error("cannot start the router again", slog.String("router", r.cfg.Name), slog.Any("err", err))
		}
	}
	l.stale = true
}

// names are the routers' in order, so that what the loop does to all of them
// can be foretold.
func (l *loop) names() []string {
	names := make([]string, 0, len(l.routers))
	for n := range l.routers {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
