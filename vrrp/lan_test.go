// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// lan is hosts on a virtual network, stepped by one queue of events in the order
// of their time. The same seed gives the same run.
type lan struct {
	rng    *rand.Rand
	now    time.Time
	queue  queue
	serial int
	hosts  []*host
	loss   float64         // of adverts
	fail   float64         // of Owns
	cut    map[[3]int]bool // from host, to host, member: nothing passes
	log    []string        // transitions
	wrong  error           // the first broken promise
}

// host is one Group and what its driver remembers: the addresses.
type host struct {
	id     int
	group  *Group
	addrs  []netip.Addr // by member
	want   []Settled    // by member: what was last asked of its owner
	held   []bool
	due    []time.Time // by member: for when a Tick is queued
	frozen time.Time   // until when nothing runs
}

type queued struct {
	at     time.Time
	serial int
	do     func()
}

type queue []queued

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].serial < q[j].serial
	}
	return q[i].at.Before(q[j].at)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func newLAN(seed uint64) *lan {
	return &lan{rng: rand.New(rand.NewPCG(seed, 0)), now: t0, cut: map[[3]int]bool{}}
}

func (l *lan) after(d time.Duration, do func()) {
	l.serial++
	heap.Push(&l.queue, queued{l.now.Add(d), l.serial, do})
}

// between is a duration from low up to high.
func (l *lan) between(low, high time.Duration) time.Duration {
	return low + time.Duration(l.rng.Int64N(int64(high-low)))
}

// run carries out what is due in the next d.
func (l *lan) run(d time.Duration) {
	end := l.now.Add(d)
	for len(l.queue) > 0 && !l.queue[0].at.After(end) && l.wrong == nil {
		next := heap.Pop(&l.queue).(queued)
		l.now = next.at
		next.do()
	}
	l.now = end
}

// add adds a host with a member for each configuration.
func (l *lan) add(addrs []netip.Addr, cfgs ...Config) error {
	h := &host{
		id: len(l.hosts), addrs: addrs,
		want: make([]Settled, len(cfgs)), held: make([]bool, len(cfgs)), due: make([]time.Time, len(cfgs)),
	}
	var engines []*Engine
	for _, cfg := range cfgs {
		e, err := New(cfg)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	h.group = NewGroup(engines...)
	l.hosts = append(l.hosts, h)
	for i := range cfgs {
		l.step(h, i, SetPrimary{addrs[i]})
	}
	return nil
}

// step gives a host an event, later if it is frozen, and carries out what it
// answers.
func (l *lan) step(h *host, member int, ev Event) {
	if wait := h.frozen.Sub(l.now); wait > 0 {
		if _, ok := ev.(Tick); ok {
			wait++ // the driver takes what was received first
		}
		l.after(wait, func() { l.step(h, member, ev) })
		return
	}
	for _, a := range h.group.Step(l.now, member, ev) {
		switch act := a.Action.(type) {
		case Send:
			l.send(h, a.Member, act.Priority)
		case Own:
			l.ask(h, a.Member, Settled{Term: act.Term, Held: true})
		case Disown:
			l.ask(h, a.Member, Settled{Term: act.Term})
		case Change:
			l.log = append(l.log, fmt.Sprintf("%v host %d/%d: %s", l.now.Sub(t0), h.id, a.Member, describe(act)))
		}
	}
	l.wrong = errors.Join(l.wrong, h.check())
	for i := range h.addrs {
		due, ok := h.group.Deadline(i)
		if !ok || due.Equal(h.due[i]) {
			continue
		}
		h.due[i] = due
		l.after(due.Sub(l.now)+l.between(0, time.Millisecond), func() {
			if h.due[i].Equal(due) {
				h.due[i] = time.Time{}
			}
			l.step(h, i, Tick{})
		})
	}
}

// check is a Group's promise: all Active or none.
func (h *host) check() error {
	first := h.group.Member(0).State()
	for i := range h.addrs {
		if s := h.group.Member(i).State(); (s == Active) != (first == Active) {
			return fmt.Errorf("host %d: member 0 is %v, member %d is %v", h.id, first, i, s)
		}
	}
	return nil
}

// send delivers an advert to the others, or not.
func (l *lan) send(h *host, member int, priority uint8) {
	cfg := h.group.Member(member).cfg
	for _, to := range l.hosts {
		if to == h || l.cut[[3]int{h.id, to.id, member}] || l.rng.Float64() < l.loss {
			continue
		}
		ad := &wire.Advert{
			Version: cfg.Version, VRID: cfg.VRID, Priority: priority, Interval: cfg.Interval, Addresses: cfg.Addresses,
		}
		l.after(l.between(50*time.Microsecond, 500*time.Microsecond), func() {
			l.step(to, member, Received{h.addrs[member], ad})
		})
	}
}

// ask is the owner of a member's addresses: it takes its time, may fail, and
// does only what was asked last.
func (l *lan) ask(h *host, member int, want Settled) {
	h.want[member] = want
	l.after(l.between(100*time.Microsecond, 20*time.Millisecond), func() {
		if h.want[member] != want {
			return
		}
		answer := want
		if l.rng.Float64() < l.fail {
			answer.Err = errors.New("device or resource busy")
			if !want.Held {
				l.ask(h, member, want)
			}
		} else {
			h.held[member] = want.Held
		}
		l.step(h, member, answer)
	})
}
