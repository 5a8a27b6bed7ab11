// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The errors of what is asked of a Pool.
var (
	// ErrEnded: Run has ended, or is about to.
	ErrEnded = errors.New("the pools are not looked after any more")
	// ErrReleased: Release came while Acquire waited.
	ErrReleased = errors.New("the router was released meanwhile")
	// ErrAcquired: Acquire came while Release waited.
	ErrAcquired = errors.New("the router was acquired meanwhile")
)

// ErrUnknown is the error of a service or server that is not configured.
type ErrUnknown struct {
	Service string
	Server  string // empty: there is no such service
}

// Error says what there is not.
func (e ErrUnknown) Error() string {
	if e.Server == "" {
		return "there is no pool " + e.Service
	}
	return fmt.Sprintf("pool %s has no server %s", e.Service, e.Server)
}

// waiter waits until wants have come out, and the daemon's role.
type waiter struct {
	router string // of Acquire and Release
	on     bool
	units  map[*unit]uint64 // the wants that it waits for
	errs   []error
	then   func(l *loop) (role uint64) // once these have come; 0: nothing follows
	role   uint64
	reply  chan error // has room
}

// Acquire says that this node holds a router from now on. It returns when the
// services with this router are programmed and the daemon tells their connections, or why they
// are not; they are tried again then. The daemon keeps nothing up: its failure
// is in SyncStatus. It tells once the services are programmed, and hears
// until then: what the holder before tells at its end is not lost. Again is as once.
func (p *Pool) Acquire(ctx context.Context, router string) error {
	return p.turnTo(ctx, router, true)
}

// Release says that this node holds a router no more. It returns when the services
// with it are programmed no more and the daemon hears, or why they still are; that is
// tried again then. Again is as once, and after the end of Run it is nil.
func (p *Pool) Release(ctx context.Context, router string) error {
	if err := p.turnTo(ctx, router, false); !errors.Is(err, ErrEnded) {
		return err
	}
	return nil
}

func (p *Pool) turnTo(ctx context.Context, router string, on bool) error {
	w := &waiter{router: router, on: on, reply: make(chan error, 1)}
	p.inbox.put(func(l *loop) { l.role(w) })
	if !p.board.bound(router) {
		return nil
	}
	return p.wait(ctx, w.reply)
}

// Drain takes a server out of service, or back with on false, and returns when that
// is programmed: the server has weight 0, gets no new clients, and its connections go on. When
// they have ended, or after the service's DrainLimit, it is removed, and is shown
// as drained until it is taken back. Its checks go on, and decide nothing
// meanwhile: a program that ends in order often stops to answer them first.
// Where the server is not programmed it is drained at once. Persistent clients
// that it had before may come back to it until it is removed: that is the plane's.
func (p *Pool) Drain(ctx context.Context, service, server string, on bool) error {
	w := &waiter{reply: make(chan error, 1)}
	p.inbox.put(func(l *loop) { l.drain(w, service, server, on) })
	return p.wait(ctx, w.reply)
}

// Drained are the servers that are drained or on the way there, by service, and those that were
// when they were removed from it: they are so still when they come back.
func (p *Pool) Drained() map[string][]string {
	return p.board.allDrained()
}

// wait waits for an answer of the loop.
func (p *Pool) wait(ctx context.Context, reply <-chan error) error {
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.ended:
	}
	select {
	case err := <-reply: // it came before
		return err
	default:
		return ErrEnded
	}
}

// role makes this node a router's holder, or not.
func (l *loop) role(w *waiter) {
	if l.stopping {
		w.reply <- ErrEnded
		return
	}
	l.roles[w.router] = w.on
	for other := range l.waiting {
		if other.router == w.router && w.router != "" && other.on != w.on {
			l.answer(other, map[bool]error{true: ErrAcquired, false: ErrReleased}[w.on])
		}
	}
	now := time.Now()
	var units []*unit
	for _, u := range l.services {
		if u.cfg.With != w.router {
			continue
		}
		u.wanted = w.on
		if !w.on {
			u.bare()
			l.drainedNow(u)
		}
		if u.err != nil {
			u.retry = now
		}
		units = append(units, u)
	}
	if l.sync.now != nil && l.sync.now.Router == w.router {
		if w.on {
			w.then = func(l *loop) uint64 { return l.setMaster(true) }
		} else {
			w.role = l.setMaster(false)
		}
	}
	l.await(w, units, now)
}

// drain begins or ends a server's drain.
func (l *loop) drain(w *waiter, service, server string, on bool) {
	u := l.services[service]
	switch {
	case l.stopping:
		w.reply <- ErrEnded
		return
	case u == nil:
		w.reply <- ErrUnknown{Service: service}
		return
	case u.server(server) == nil:
		w.reply <- l.drainAway(u, server, on)
		return
	}
	now := time.Now()
	x := u.server(server)
	there := u.wanted && u.sent != nil && slices.ContainsFunc(u.sent.Destinations, func(d Destination) bool { return d.Address == x.Address })
	if u.setDrain(x, on, !there, now) {
		l.news(u)
		l.drainedNow(u)
	}
	if !u.wanted {
		w.reply <- nil
		return
	}
	l.await(w, []*unit{u}, now)
}

// drainAway is for a server that the service does not have: one that was drained when it went can
// be forgotten.
func (l *loop) drainAway(u *unit, server string, on bool) error {
	if !slices.Contains(u.away, server) {
		return ErrUnknown{u.name, server}
	}
	if !on {
		u.back(server)
		l.drainedNow(u)
	}
	return nil
}

// await makes a waiter wait for what units are to be from now on.
func (l *loop) await(w *waiter, units []*unit, now time.Time) {
	w.units = make(map[*unit]uint64)
	for _, u := range units {
		need := u.seq + 1 // where the plane has not told yet what it has
		if !l.adopting[u.plane] {
			l.settle(u, now)
			need = u.seq
		}
		if u.set < need {
			w.units[u] = need
		} else if u.err != nil {
			w.errs = append(w.errs, fmt.Errorf("service %s: %w", u.name, u.err))
		}
	}
	l.waiting[w] = true
	l.proceed(w)
}

// came tells those who wait for a unit what came of it.
func (l *loop) came(u *unit) {
	for w := range l.waiting {
		need, waits := w.units[u]
		if !waits || u.set < need {
			continue
		}
		delete(w.units, u)
		if u.err != nil {
			w.errs = append(w.errs, fmt.Errorf("service %s: %w", u.name, u.err))
		}
		l.proceed(w)
	}
}

// rebase makes those who wait for a unit wait for what was sent last, if what they wait for
// is not to be sent any more.
func (l *loop) rebase(u *unit) {
	for w := range l.waiting {
		if need, waits := w.units[u]; waits && need > u.seq {
			w.units[u] = u.seq
			l.came(u)
		}
	}
}

// proceed goes on with a waiter that may have nothing left to wait for.
func (l *loop) proceed(w *waiter) {
	if len(w.units) > 0 {
		return
	}
	if w.then != nil {
		w.role = w.then(l)
		w.then = nil
	}
	if w.role > l.sync.came {
		return
	}
	l.answer(w, errors.Join(w.errs...))
}

// answer ends a wait.
func (l *loop) answer(w *waiter, err error) {
	delete(l.waiting, w)
	w.reply <- err
}

// drainedNow shows what is drained of a service.
func (l *loop) drainedNow(u *unit) { l.board.setDrained(u.name, u.drainedNames()) }

// setDrained, allDrained, bound and setBound are the board's other sides.

func (b *board) setDrained(service string, names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained[service] = names; len(names) == 0 {
		delete(b.drained, service)
	}
}

func (b *board) allDrained() map[string][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string][]string, len(b.drained))
	for service, names := range maps.All(b.drained) {
		all[service] = slices.Clone(names)
	}
	return all
}

func (b *board) bound(router string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.routers[router]
}

func (b *board) setBound(services []Service, sync *Sync) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.routers)
	for _, s := range services {
		b.routers[s.With] = true
	}
	if sync != nil {
		b.routers[sync.Router] = true
	}
	delete(b.routers, "")
}
