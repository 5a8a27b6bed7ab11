// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// What is the sort of an Event.
type What string

// The sorts of events. From and To are targets in the first three, states of an
// instance, and on or off of a check; ID is the subnet, the route table, the
// allocation, the instance, or the interface that the check is of.
const (
	AddressMoved    What = "address"
	RouteChanged    What = "route"
	ElasticIPMoved  What = "elastic-ip"
	InstanceChanged What = "instance"
	CheckChanged    What = "source-dest-check"
)

// Event is a change of the data plane, at the moment when packets follow it.
type Event struct {
	At       time.Time
	What     What
	ID       string
	Prefix   netip.Prefix // what it is about
	From, To string       // empty: nobody
}

// Subscribe calls f for each change of the data plane, one after the other, until
// the function that it returns is called. f may ask the world, and must not wait
// for what the world does. Where packets follow at once, it is called before the
// write is answered.
func (w *World) Subscribe(f func(Event)) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	id := int(w.serial)
	w.subscribers[id] = f
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subscribers, id)
	}
}

// plan notes the events of a version for the moment when packets follow it.
func (w *World) plan(from *state, v version) {
	events := differences(from, v.state)
	for n := range events {
		events[n].At = v.packets
	}
	if len(events) == 0 {
		return
	}
	w.pending = append(w.pending, events...)
	if d := time.Until(v.packets); d > 0 {
		w.afterLocked(d, w.publish)
	}
}

// publish tells the subscribers of what is due. One goroutine does at a time, so
// that the order holds.
func (w *World) publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.publishing {
		return
	}
	w.publishing = true
	for len(w.pending) > 0 && !w.pending[0].At.After(time.Now()) {
		e := w.pending[0]
		w.pending = w.pending[1:]
		for _, id := range slices.Sorted(maps.Keys(w.subscribers)) {
			f := w.subscribers[id]
			if f == nil {
				continue
			}
			w.mu.Unlock()
			f(e)
			w.mu.Lock()
		}
	}
	w.publishing = false
}

// differences are the events from one state to the next, in a fixed order.
func differences(a, b *state) []Event {
	var events []Event
	compare := func(what What, before, after map[string]string, of func(key string) (string, netip.Prefix)) {
		keys := maps.Clone(before)
		maps.Copy(keys, after)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			if before[k] != after[k] {
				id, p := of(k)
				events = append(events, Event{What: what, ID: id, Prefix: p, From: before[k], To: after[k]})
			}
		}
	}
	compare(InstanceChanged, a.power(), b.power(), func(k string) (string, netip.Prefix) { return k, netip.Prefix{} })
	both := func(k string) (string, netip.Prefix) {
		id, p, _ := strings.Cut(k, " ")
		return id, netip.MustParsePrefix(p)
	}
	compare(AddressMoved, a.holders(), b.holders(), both)
	compare(ElasticIPMoved, a.associated(), b.associated(), func(k string) (string, netip.Prefix) {
		return k, netip.PrefixFrom(b.addresses[k].Public, b.addresses[k].Public.BitLen())
	})
	compare(RouteChanged, a.routes(), b.routes(), both)
	compare(CheckChanged, a.checks(), b.checks(), func(k string) (string, netip.Prefix) { return k, netip.Prefix{} })
	return events
}

func (s *state) power() map[string]string {
	m := map[string]string{}
	for id, i := range s.instances {
		m[id] = i.State
	}
	return m
}

func (s *state) holders() map[string]string {
	m := map[string]string{}
	for id, i := range s.interfaces {
		for _, a := range i.all() {
			m[i.Subnet+" "+netip.PrefixFrom(a, a.BitLen()).String()] = id
		}
	}
	return m
}

func (s *state) associated() map[string]string {
	m := map[string]string{}
	for id, a := range s.addresses {
		if a.association != "" {
			m[id] = a.Interface
		}
	}
	return m
}

func (s *state) routes() map[string]string {
	m := map[string]string{}
	for id, t := range s.tables {
		for _, route := range t.Routes {
			m[id+" "+route.Destination.String()] = route.Target
		}
	}
	return m
}

func (s *state) checks() map[string]string {
	m := map[string]string{}
	for id, i := range s.interfaces {
		m[id] = "on"
		if i.NoCheck {
			m[id] = "off"
		}
	}
	return m
}
