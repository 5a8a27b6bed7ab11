// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

const (
	interval = 100 * time.Millisecond
	latency  = 100 * time.Microsecond // of an advert at most
)

// lan is nodes with real engines on a virtual network, stepped by one queue of
// events in the order of their time.
type lan struct {
	rng    *rand.Rand
	now    time.Time
	queue  queue
	serial int
	hosts  []*host
	// exact: everything takes the same time, so that equals act at once.
	exact bool
}

// host is a node: its engines, which move together, or none while it is dead.
type host struct {
	configs   []vrrp.Config
	primaries []netip.Addr
	group     *vrrp.Group
	due       []time.Time
}

type queued struct {
	at     time.Time
	serial int
	do     func()
}

type queue []queued

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].serial < q[j].serial
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (l *lan) after(d time.Duration, do func()) {
	l.serial++
	heap.Push(&l.queue, queued{l.now.Add(d), l.serial, do})
}

// within is up to d, or d.
func (l *lan) within(d time.Duration) time.Duration {
	if l.exact {
		return d
	}
	return time.Duration(l.rng.Int64N(int64(d)))
}

func (l *lan) run(d time.Duration) {
	end := l.now.Add(d)
	for len(l.queue) > 0 && !l.queue[0].at.After(end) {
		next := heap.Pop(&l.queue).(queued)
		l.now = next.at
		next.do()
	}
	l.now = end
}

// start makes the host's engines, which know its priority and its fault from
// the beginning.
func (l *lan) start(h *host, priority uint8, fault bool) error {
	var engines []*vrrp.Engine
	for _, cfg := range h.configs {
		e, err := vrrp.New(cfg)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	h.group, h.due = vrrp.NewGroup(engines...), make([]time.Time, len(engines))
	for i := range engines {
		l.step(h, i, vrrp.SetPrimary{Address: h.primaries[i]})
	}
	l.set(h, priority, fault)
	l.step(h, 0, vrrp.Start{})
	return nil
}

// set tells the engines what the checks make of their priority.
func (l *lan) set(h *host, priority uint8, fault bool) {
	for i := range h.configs {
		l.step(h, i, vrrp.SetPriority{Priority: priority})
		if fault {
			l.step(h, i, vrrp.Fault{Reason: "check"})
		} else {
			l.step(h, i, vrrp.Clear{})
		}
	}
}

// step gives a host an event and carries out what it answers. What was meant
// for engines that are dead by now is lost.
func (l *lan) step(h *host, member int, ev vrrp.Event) {
	if h.group == nil {
		return
	}
	for _, a := range h.group.Step(l.now, member, ev) {
		switch act := a.Action.(type) {
		case vrrp.Send:
			l.send(h, a.Member, act.Priority)
		case vrrp.Own:
			l.settle(h, a.Member, vrrp.Settled{Term: act.Term, Held: true})
		case vrrp.Disown:
			l.settle(h, a.Member, vrrp.Settled{Term: act.Term})
		}
	}
	for i := range h.configs {
		due, ok := h.group.Deadline(i)
		if !ok || due.Equal(h.due[i]) {
			continue
		}
		h.due[i] = due
		group := h.group
		l.after(due.Sub(l.now), func() {
			if h.group != group {
				return
			}
			if h.due[i].Equal(due) {
				h.due[i] = time.Time{}
			}
			l.step(h, i, vrrp.Tick{})
		})
	}
}

// settle answers for the owner of the addresses, later than an advert takes:
// nothing that is sent then overtakes one.
func (l *lan) settle(h *host, member int, answer vrrp.Settled) {
	group := h.group
	l.after(latency+l.within(time.Millisecond), func() {
		if h.group == group {
			l.step(h, member, answer)
		}
	})
}

func (l *lan) send(h *host, member int, priority uint8) {
	cfg := h.configs[member]
	for _, to := range l.hosts {
		if to == h {
			continue
		}
		ad := &wire.Advert{
			Version: cfg.Version, VRID: cfg.VRID, Priority: priority, Interval: cfg.Interval, Addresses: cfg.Addresses,
		}
		l.after(l.within(latency), func() {
			l.step(to, member, vrrp.Received{From: h.primaries[member], Advert: ad})
		})
	}
}

// active are the hosts that are Active, by index.
func (l *lan) active() []int {
	var active []int
	for i, h := range l.hosts {
		if h.group != nil && h.group.Member(0).State() == vrrp.Active {
			active = append(active, i)
		}
	}
	return active
}
