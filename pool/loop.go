// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/logqueue"
	"github.com/vicar-ha/vicar/track"
)

// logRoom is how many records wait for a slow log before more are lost.
const logRoom = 1024

// adoptLimit is how long a plane may take to tell what it has at the start.
const adoptLimit = 5 * time.Second

// place is a service's place on a plane.
type place struct {
	plane PlaneKind
	name  string
}

// loop owns how all stands. Nothing in it waits.
type loop struct {
	*Pool
	log     *slog.Logger // to records
	records *logqueue.Queue
	journal *journal
	workers map[PlaneKind]*worker
	daemon  *daemon // nil: none

	units    map[place]*unit
	services map[string]*unit   // those that are configured
	users    map[string][]*unit // by check
	latest   map[string]track.Result
	roles    map[string]bool // the routers that this node holds
	adopting map[PlaneKind]bool
	stopping bool

	due     deadlines
	timer   *time.Timer
	touched map[*unit]bool
	late    map[*unit]bool // those that wait for their heirs
	out     map[*worker][]want
	waiting map[*waiter]bool
	sync    syncing
	muted   muted
}

func newLoop(p *Pool) *loop {
	l := &loop{
		Pool: p, records: logqueue.New(p.cfg.Log.Handler(), "pools", logRoom),
		workers: make(map[PlaneKind]*worker), units: make(map[place]*unit), services: make(map[string]*unit),
		latest: make(map[string]track.Result), roles: make(map[string]bool), adopting: make(map[PlaneKind]bool),
		timer: time.NewTimer(time.Hour), touched: make(map[*unit]bool), late: make(map[*unit]bool), out: make(map[*worker][]want), waiting: make(map[*waiter]bool),
	}
	l.log = slog.New(l.records)
	return l
}

// Run works until ctx ends, and then leaves each service programmed or removes it, as its Keep
// says: for that it takes 5 s at most, and the error says what stays that should
// not. Nobody else may have these planes meanwhile. It may be called once.
func (p *Pool) Run(ctx context.Context) error {
	l := newLoop(p)
	go l.records.Run()
	defer l.records.Close()
	defer close(p.ended)
	defer l.timer.Stop()
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l.start(calls)
	for ctx.Err() == nil {
		l.turn()
		select {
		case <-ctx.Done():
		case <-l.timer.C:
		case <-l.inbox.bell:
		}
	}
	return l.stop(calls, cancel)
}

// start makes the services and the planes' goroutines, and asks the planes what they have.
func (l *loop) start(calls context.Context) {
	l.journal = openJournal(l.cfg.Journal, l.log)
	for kind := range l.cfg.Planes {
		w := newWorker(kind, l.cfg, l.journal, l.inbox.put)
		l.workers[kind] = w
		for name := range w.have {
			l.units[place{kind, name}] = &unit{name: name, plane: kind, there: true, slot: -1}
		}
	}
	for _, kind := range l.journal.kinds() {
		if l.workers[kind] == nil {
			l.log.Warn("the journal has pools of a plane that is not used any more: they stay", slog.String("plane", string(kind)))
		}
	}
	now := time.Now()
	for _, cfg := range l.cfg.Services {
		l.add(newService(cfg, now))
		l.drained(cfg.Name, now)
	}
	for _, u := range l.units {
		l.touched[u] = true
	}
	for _, w := range l.workers {
		l.adopt(w)
		go w.run(calls)
	}
	l.index()
	l.judgeAll(now)
	if l.cfg.Daemon != nil {
		l.daemon = newDaemon(l.cfg.Daemon, l.cfg.Period, l.inbox.put)
		go l.daemon.run(calls)
	}
	l.setSync(l.cfg.Sync)
}

// add puts a service in use.
func (l *loop) add(s *service) {
	at := place{s.cfg.Plane, s.cfg.Name}
	u := l.units[at]
	if u == nil {
		u = &unit{name: s.cfg.Name, plane: s.cfg.Plane, slot: -1}
		l.units[at] = u
	}
	for kind := range l.workers {
		if other := l.units[place{kind, s.cfg.Name}]; other != nil && other != u {
			other.heir = u
		}
	}
	u.service, u.heir = s, nil
	u.wanted = l.want(u)
	l.services[s.cfg.Name] = u
}

// want tells whether this node is to program a service.
func (l *loop) want(u *unit) bool {
	return u.service != nil && !l.stopping && (u.cfg.With == "" || l.roles[u.cfg.With])
}

// drained takes over what was drained before the start. What is programmed still
// may have connections: see service.adopt.
func (l *loop) drained(name string, now time.Time) {
	u := l.services[name]
	for _, server := range l.cfg.Drained[name] {
		if x := u.server(server); x != nil {
			u.setDrain(x, true, true, now)
		} else {
			u.leave(server)
		}
	}
}

// adopt asks a plane what it has of the services that this node programs. Until it has
// told, nothing is programmed there.
func (l *loop) adopt(w *worker) {
	var services []Virtual
	for _, u := range l.services {
		if u.plane == w.kind && u.wanted {
			v, _ := u.virtual(time.Now())
			services = append(services, v)
		}
	}
	if len(services) == 0 {
		return
	}
	l.adopting[w.kind] = true
	stop := time.AfterFunc(adoptLimit, w.interrupt)
	w.ask(asked{services, func(found []Reading, err error) {
		stop.Stop()
		l.inbox.put(func(l *loop) { l.adopted(w, found, err) })
	}})
}

// adopted takes what a plane has.
func (l *loop) adopted(w *worker, found []Reading, err error) {
	l.adopting[w.kind] = false
	if err != nil {
		l.log.Warn("what is programmed from before can't be read", slog.String("plane", string(w.kind)), slog.Any("err", err))
	}
	by := make(map[string][]Reading)
	for _, r := range found {
		by[r.Service] = append(by[r.Service], r)
	}
	now := time.Now()
	for _, u := range l.services {
		if u.plane == w.kind && u.wanted && len(by[u.name]) > 0 {
			u.adopt(by[u.name], now)
			l.news(u)
		}
	}
	for _, u := range l.units {
		l.touched[u] = true
	}
}

// index finds the services of each check.
func (l *loop) index() {
	l.users = make(map[string][]*unit)
	for _, u := range l.services {
		for _, x := range u.servers {
			for _, c := range x.Checks {
				if list := l.users[c]; len(list) == 0 || list[len(list)-1] != u {
					l.users[c] = append(list, u)
				}
			}
		}
	}
}

// turn does what others want, and what is due.
func (l *loop) turn() {
	for _, f := range l.inbox.take() {
		f(l)
	}
	now := time.Now()
	for len(l.due.units) > 0 && !l.due.units[0].due.After(now) {
		u := l.due.units[0]
		l.due.remove(u)
		l.touched[u] = true
	}
	for u := range l.touched {
		l.settle(u, now)
	}
	clear(l.touched)
	l.touched, l.late = l.late, l.touched // to be looked at when anything has happened
	for w, wants := range l.out {
		w.put(wants)
		delete(l.out, w)
	}
	if len(l.due.units) > 0 {
		l.timer.Reset(max(0, l.due.units[0].due.Sub(now)))
	} else {
		l.timer.Stop()
	}
}

// settle sends what a service is to be, if that has changed or is to be tried
// again.
func (l *loop) settle(u *unit, now time.Time) {
	w := l.workers[u.plane]
	if l.adopting[u.plane] || l.kept(u) {
		return
	}
	if u.waits() {
		l.late[u] = true
		return
	}
	x, send := u.settle(now)
	if send {
		l.out[w] = append(l.out[w], x)
	}
	l.poll(u, w, now)
	l.rebase(u)
	if u.service == nil && !u.there {
		l.forget(u)
		return
	}
	l.due.set(u)
}

// forget drops a unit of which nothing is programmed and nothing wanted.
func (l *loop) forget(u *unit) {
	l.due.remove(u)
	if at := (place{u.plane, u.name}); l.units[at] == u {
		delete(l.units, at)
	}
}
