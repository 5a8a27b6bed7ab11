// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/logqueue"
	"github.com/vicar-ha/vicar/track"
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
	network *mailbox[vip.Change]
	health  *mailbox[[]track.Result]
	told    *mailbox[*group] // the Listener has been told that one gives up

	verdicts   *mailbox[vip.Verdict]                   // of the Guard
	peerEvents *mailbox[vip.PeerEvent]                 // of the other nodes
	peers      []vip.NodeState                         // the other nodes that are there
	stands     map[string]map[string]vip.ResourceState // how they stand, by resource and node
	renewals   []string                                // what this round has the Guard renew
	restate    bool                                    // the other nodes are to be told how this one stands
	moves      []move                                  // that somebody waits for
	limit      limiter                                 // of what peers make the loop say

	epoch time.Time

	groups     map[string]*group // by key
	pending    []unit            // wait until the routers of their names are gone
	routers    map[string]*router
	results    map[string]track.Result // of checks, by name
	links      map[linkKey]*link
	deadlines  deadlines
	interfaces []vip.Interface
	known      bool      // interfaces has been told
	retryAt    time.Time // when links that didn't open are tried again; zero: never
	lateness   lateness
	reloaded   time.Time
	reviewAt   time.Time // when a group has something to end; zero: never

	stale   bool            // a router came or went: place has to look again
	done    <-chan struct{} // closed when what the loop started must end
	own     func(*instance) // starts an instance's owner
	tasks   sync.WaitGroup
	gaveUp  []string  // to nobody, by the stop
	stopAt  time.Time // stopping, and when to stop waiting; zero: running
	broken  error     // ends Run
	started time.Time
	apart   time.Duration // the wall clock less the loop's, see wallClock
}

// maxDrain is how many messages are taken before deadlines are looked at.
const maxDrain = 64

func newLoop(cfg Config, inbox chan message) *loop {
	l := &loop{
		cfg: cfg, inbox: inbox,
		network: newMailbox[vip.Change](), health: newMailbox[[]track.Result](), told: newMailbox[*group](),
		verdicts: newMailbox[vip.Verdict](), peerEvents: newMailbox[vip.PeerEvent](), restate: true,
		groups: make(map[string]*group), routers: make(map[string]*router),
		links: make(map[linkKey]*link), results: make(map[string]track.Result),
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
	queue := logqueue.New(l.cfg.Log.Handler(), "routers", logRoom)
	l.log = slog.New(queue)
	go queue.Run()
	defer func() {
		cancel()
		l.closeLinks()
		l.tasks.Wait()
		queue.Close()
	}()

	for _, u := range l.cfg.units() {
		if err := l.add(u, l.started); err != nil {
			return err
		}
	}
	alarm, err := l.cfg.NewAlarm()
	if err != nil {
		return fmt.Errorf("making an alarm: %w", err)
	}
	cfg := l.cfg // the loop's own is a reload's to change
	l.tasks.Go(func() { l.watch(work, cfg.Network) })
	if l.cfg.Checker != nil {
		l.tasks.Go(func() { l.watchChecks(work, cfg.Checker) })
	}
	if l.cfg.Guard != nil {
		l.tasks.Go(func() { l.watchGuard(work, cfg.Guard) })
	}
	if l.cfg.Peers != nil {
		l.tasks.Go(func() { l.watchPeers(work, cfg.Peers) })
	}
	l.spin(ctx, alarm)
	return errors.Join(l.broken, alarm.Close())
}

// spin is the loop proper: take what is there, meet deadlines, send, wait.
func (l *loop) spin(ctx context.Context, alarm Alarm) {
	var armed time.Time // zero: the alarm has rung
	ended := ctx.Done()
	for {
		l.drain()
		now := l.cfg.Now()
		l.fire(now)
		l.round(now)
		if l.stale && l.known && l.stopAt.IsZero() {
			l.stale = false
			l.place(now)
			continue
		}
		if l.finished(now) {
			return
		}
		if next := l.next(); !next.Equal(armed) {
			armed = next
			alarm.Set(next)
		}
		select {
		case m := <-l.inbox:
			m.handle(l, l.cfg.Now())
		case <-l.network.wake:
			l.networkChanged(l.cfg.Now(), merged(l.network.take()))
		case <-l.health.wake:
			l.checksChanged(l.cfg.Now(), l.health.take())
		case <-l.verdicts.wake:
			for v, ok := l.verdicts.next(); ok; v, ok = l.verdicts.next() {
				l.verdict(l.cfg.Now(), v)
			}
		case <-l.peerEvents.wake:
			l.peersSaid(l.cfg.Now(), l.peerEvents.take())
		case <-l.told.wake:
			l.farewellsTold(l.cfg.Now(), l.told.take())
		case <-alarm.C():
			armed = time.Time{}
		case <-ended:
			ended = nil
			l.stop(l.cfg.Now())
		}
	}
}

// round ends a round: what was gathered leaves.
func (l *loop) round(now time.Time) {
	l.renew()
	l.flush(now)
	l.announceState()
	if len(l.moves) > 0 {
		l.checkMoves(now)
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

// next is when something is due. With nothing to do the loop comes round once
// an idlePeriod.
func (l *loop) next() time.Time {
	next, ok := l.deadlines.earliest()
	for _, at := range []time.Time{l.retryAt, l.stopAt, l.reviewAt} {
		if !at.IsZero() && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	if !ok {
		return l.cfg.Now().Add(idlePeriod)
	}
	return next
}

const idlePeriod = time.Minute

// fire gives a Tick to every engine whose deadline has come.
func (l *loop) fire(now time.Time) {
	if !l.retryAt.IsZero() && !now.Before(l.retryAt) {
		l.retryAt = time.Time{}
		l.place(now)
	}
	if !l.reviewAt.IsZero() && !now.Before(l.reviewAt) {
		l.review(now)
	}
	for {
		i, ok := l.deadlines.first(now.Add(refreshAhead))
		if !ok {
			return
		}
		due, ok := i.router.group.engines.Deadline(i.member)
		switch {
		case !ok:
			l.deadlines.remove(i)
		case due.After(i.due):
			l.deadlines.move(i, due)
		case i.due.After(now):
			return
		case l.postpone(i, now):
			l.deadlines.move(i, now.Add(postponeStep))
		default:
			l.tick(i, now, due)
		}
	}
}

// refreshAhead is how far ahead entries that have moved later are brought up
// to date. The Backups of a burst of adverts then cost one wake-up and not one
// each.
const refreshAhead = 2 * time.Millisecond

// tick gives an engine its Tick.
func (l *loop) tick(i *instance, now, due time.Time) {
	i.deferred = time.Time{}
	l.lateness.observe(now.Sub(due))
	l.step(i, now, vrrp.Tick{})
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
