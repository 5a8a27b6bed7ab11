// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// loop is the goroutine that owns everything; see the package's documentation.
type loop struct {
	guard   *Guard
	cfg     Config
	log     *slog.Logger
	started time.Time
	tasks   sync.WaitGroup // the writing of the list
	roster  *roster
	voter   *quorum.Voter // nil until there is a list
	peers   []string      // the voters of both its lists, without this node

	units    []*unit // by name
	byName   map[string]*unit
	counter  uint64 // the highest of candidates that are gone
	dropped  drops
	contacts map[string]*contact // by voter
	terms    terms
	proxies  []*proxy                                               // of the tables that vote
	dial     func(write bool) (context.Context, context.CancelFunc) // of a call of one

	parser quorum.Parser
	packer quorum.Packer

	// Of a turn:
	items     []item
	own       []quorum.Message            // for the own voter, or its answers
	out       map[string][]quorum.Message // by peer
	opening   []*unit                     // whose fence is to be opened
	changed   []*unit                     // that are to be shown
	addresses []netip.Addr                // of fences that are opened together
}

func newLoop(g *Guard, log *slog.Logger) *loop {
	l := &loop{
		guard: g, cfg: g.cfg, log: log, roster: g.roster, started: g.cfg.Now(),
		byName: make(map[string]*unit), contacts: make(map[string]*contact), out: make(map[string][]quorum.Message),
		dropped: newDrops(log), terms: terms{began: g.terms},
	}
	for i := range l.cfg.Resources {
		l.unit(l.cfg.Resources[i].Name).want = &l.cfg.Resources[i]
	}
	return l
}

// run is the loop: take what is there, meet deadlines, send, wait. After the
// end of ctx comes one more turn.
func (l *loop) run(ctx context.Context, alarm Alarm) {
	defer l.tasks.Wait()
	l.dial = func(write bool) (context.Context, context.CancelFunc) { return callContext(ctx, write) }
	l.rolled(l.started)
	var armed time.Time // zero: not
	for {
		ended := ctx.Err() != nil
		l.turn()
		if ended {
			l.lastReleases()
			l.tasks.Wait()
			l.lastTerms()
			return
		}
		if next, ok := l.next(); ok && !next.Equal(armed) {
			armed = next
			alarm.Set(next)
		}
		select {
		case <-l.guard.queue.wake:
		case <-alarm.C():
			armed = time.Time{}
		case <-ctx.Done():
		}
	}
}

// turn does what there is to do.
func (l *loop) turn() {
	l.items = l.guard.queue.take(l.items)
	now := l.cfg.Now() // after the items were taken, never before
	for _, i := range l.items {
		i.handle(l, now)
		l.settle(now)
	}
	l.fire(now)
	l.flush(now)
	l.keepTerms(now)
}

// fire meets the deadlines that have come.
func (l *loop) fire(now time.Time) {
	for _, u := range l.units {
		if at, ok := u.deadline(); ok && !now.Before(at) {
			l.due(now, u)
			l.settle(now)
		}
	}
	l.rollTick(now)
}

// next is when fire has something to do.
func (l *loop) next() (time.Time, bool) {
	next, some := l.roster.deadline()
	if at := l.terms.again; !at.IsZero() && !l.terms.writing && (!some || at.Before(next)) {
		next, some = at, true
	}
	for _, u := range l.units {
		if at, ok := u.deadline(); ok && (!some || at.Before(next)) {
			next, some = at, true
		}
	}
	for _, p := range l.proxies {
		if at, ok := p.Deadline(); ok && (!some || at.Before(next)) {
			next, some = at, true
		}
	}
	return next, some
}

// step tells u's candidate what happened, and does what must be done.
func (l *loop) step(now time.Time, u *unit, ev quorum.Event) {
	if u.candidate == nil {
		return
	}
	if l.voter != nil {
		u.candidate.Above(l.voter.Term(u.name))
	}
	for _, p := range l.proxies {
		u.candidate.Above(p.Term(u.name))
	}
	for _, a := range u.candidate.Step(now, ev) {
		switch a := a.(type) {
		case quorum.Send:
			if questions(a.Message.Kind) && a.To != l.cfg.Node {
				l.contact(a.To).ask(now, u.lease)
			}
			l.post(now, a.To, &a.Message)
		case quorum.Granted:
			l.granted(u, a)
		case quorum.Refused:
			l.refused(now, u, a)
		case quorum.Lost:
			l.lost(now, u, a)
		}
	}
	if next := u.next; next != nil { // not while the actions are being looked at
		u.next = nil
		l.step(now, u, next)
	}
}

// post queues a message for a node, or a table; this turn ends with its leaving.
func (l *loop) post(now time.Time, to string, m *quorum.Message) {
	if to == l.cfg.Node {
		l.own = append(l.own, *m)
		return
	}
	if _, table := quorum.IsTable(to); table {
		l.askTable(now, to, m)
		return
	}
	l.out[to] = append(l.out[to], *m)
}

// settle handles what the node says to itself, until it has no more to say.
func (l *loop) settle(now time.Time) {
	heard := false
	for i := 0; i < len(l.own); i++ { // grows meanwhile
		m := l.own[i] // the array may move
		heard = heard || l.ours(&m)
		l.message(now, l.cfg.Node, &m)
	}
	l.own = l.own[:0]
	if heard {
		l.contact(l.cfg.Node).answer(now)
	}
}

// flush ends a turn: tables, fences, verdicts, packets.
func (l *loop) flush(now time.Time) {
	for l.consult(now); len(l.opening) > 0; l.consult(now) {
		l.open(now)
		l.settle(now) // what came of fences that failed
	}
	l.send()
	if len(l.changed) > 0 {
		l.guard.shown.update(l.changed, l.peers)
		l.changed = l.changed[:0]
	}
}

// send sends each peer what is for it.
func (l *loop) send() {
	for to, messages := range l.out {
		if len(messages) == 0 {
			continue
		}
		packets, err := l.packer.Pack(l.cfg.Node, l.cfg.Start, messages, l.cfg.Limit)
		for _, p := range packets {
			err = errors.Join(err, l.cfg.Send(to, p))
		}
		if err != nil {
			l.dropped.add(l.cfg.Now(), to, dropUnsent, err)
		}
		if !slices.Contains(l.peers, to) {
			delete(l.out, to)
			continue
		}
		l.out[to] = messages[:0]
	}
}

// unit is that of the name, made if there is none.
func (l *loop) unit(name string) *unit {
	if u := l.byName[name]; u != nil {
		return u
	}
	u := &unit{name: name}
	l.byName[name] = u
	i, _ := slices.BinarySearchFunc(l.units, name, func(u *unit, name string) int {
		switch {
		case u.name < name:
			return -1
		case u.name > name:
			return 1
		}
		return 0
	})
	l.units = slices.Insert(l.units, i, u)
	return u
}

// show marks u as changed.
func (l *loop) show(u *unit) {
	if !u.dirty {
		u.dirty = true
		l.changed = append(l.changed, u)
	}
}
