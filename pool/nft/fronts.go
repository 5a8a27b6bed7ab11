// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"net/netip"

	"github.com/vicar-ha/vicar/pool"
)

// index is the elements of the sets of frontends, in other orders.
type index struct {
	byChain map[string][]located
	byKey   map[string]map[[2]string]element // by set, then by key and its end
}

// located is an element and its set.
type located struct {
	set string
	element
}

// index makes the index of what is known.
func (k *knowledge) index() *index {
	x := &index{byChain: map[string][]located{}, byKey: map[string]map[[2]string]element{}}
	for _, name := range frontendSets() {
		x.byKey[name] = map[[2]string]element{}
		s := k.frame.sets[name]
		if s == nil {
			continue
		}
		for e := range s.elements {
			x.byKey[name][[2]string{e.key, e.end}] = e
			if e.chain != "" {
				x.byChain[e.chain] = append(x.byChain[e.chain], located{name, e})
			}
		}
	}
	return x
}

// emptyOf is the set where a frontend of a set is while its service has no server.
func emptyOf(set string) string {
	switch set {
	case marks:
		return emptied
	case services4:
		return emptyServices4
	default:
		return emptyServices6
	}
}

// front adds to the change what a service's frontends need, and counts them. What others have
// put at them goes.
func (c *change) front(k *knowledge, x *index, v pool.Virtual, want *program) int {
	wanted := elements{}
	if want != nil {
		wanted = want.frontends
	}
	keysOf := elements{} // of its frontends in the kernel and wanted, by the empty set
	changed := map[[2]string]bool{}
	remove := func(set string, e element) {
		c.fronts.del.put(set, e)
		changed[[2]string{e.key, e.end}] = true
	}
	for _, f := range families() {
		for _, e := range x.byChain[f.identifier("service", v.Name)] {
			keysOf.put(emptyOf(e.set), element{key: e.key, end: e.end})
			if _, ok := wanted[e.set][e.element]; !ok {
				remove(e.set, e.element)
			}
		}
	}
	for _, set := range []string{services4, services6, marks} {
		for e := range wanted[set] {
			keysOf.put(emptyOf(set), element{key: e.key, end: e.end})
			if k.frame.has(set, e) {
				continue
			}
			c.fronts.add.put(set, e)
			changed[[2]string{e.key, e.end}] = true
			for _, other := range x.colliding(k, set, e) {
				remove(set, other)
			}
		}
	}
	for set, some := range keysOf {
		for e := range some {
			is := k.frame.has(set, e)
			_, shall := wanted[set][e]
			switch {
			case is && !shall:
				remove(set, e)
			case !is && shall:
				c.fronts.add.put(set, e)
				changed[[2]string{e.key, e.end}] = true
			}
		}
	}
	return len(changed)
}

// keep keeps what one service does not have any more and another one has now: where
// neither has servers it is refused before and after.
func (c *change) keep() {
	for _, s := range c.services {
		if s.want == nil {
			continue
		}
		for set, some := range s.want.frontends {
			for e := range some {
				delete(c.fronts.del[set], e)
			}
		}
	}
}

// has tells whether a set has the element.
func (p *part) has(set string, e element) bool {
	s := p.sets[set]
	if s == nil {
		return false
	}
	_, ok := s.elements[e]
	return ok
}

// colliding are the elements of a set that an element can't be in it with.
func (x *index) colliding(k *knowledge, set string, e element) []element {
	var out []element
	if other, ok := x.byKey[set][[2]string{e.key, e.end}]; ok {
		return append(out, other)
	}
	if e.end == "" || k.frame.sets[set] == nil {
		return nil
	}
	for other := range k.frame.sets[set].elements {
		if overlap(e, other) {
			out = append(out, other)
		}
	}
	return out
}

// overlap tells whether two ranges of frontends have one in common: in each of address,
// protocol and port.
func overlap(a, b element) bool {
	if len(a.key) < 12 || len(a.key) != len(b.key) || len(a.end) != len(a.key) || len(b.end) != len(b.key) {
		return false
	}
	at := 0
	for _, size := range []int{len(a.key) - 8, 4, 4} {
		if a.key[at:at+size] > b.end[at:at+size] || b.key[at:at+size] > a.end[at:at+size] {
			return false
		}
		at += size
	}
	return true
}

// frontend is an element of the sets of frontends, for people.
func (e element) frontend() string {
	f, ok := e.place()
	if !ok {
		return "an element that is no frontend"
	}
	return f.String()
}

// place is an element of the sets of frontends as a frontend; of a mark with its
// protocol.
func (e element) place() (pool.Frontend, bool) {
	b, last := []byte(e.key), []byte(e.end)
	if len(b) == 12 && e.end == "" {
		return pool.Frontend{Mark: number(e.key[:4]), Family: map[byte]int{2: 4, 10: 6}[b[4]], Protocol: pool.Protocol(b[8])}, true
	}
	if len(b) < 12 || len(last) != len(b) {
		return pool.Frontend{}, false
	}
	size := len(b) - 8
	f := pool.Frontend{Protocol: pool.Protocol(b[size])}
	f.First, _ = netip.AddrFromSlice(b[:size])
	f.Last, _ = netip.AddrFromSlice(last[:size])
	f.FirstPort, f.LastPort = uint16(b[size+4])<<8|uint16(b[size+5]), uint16(last[size+4])<<8|uint16(last[size+5])
	if f.FirstPort == 0 && f.LastPort == 65535 {
		f.LastPort = 0
	}
	return f, f.First.IsValid() && f.Last.IsValid()
}
