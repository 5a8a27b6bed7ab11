// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"maps"
	"slices"

	"github.com/google/nftables"

	"github.com/vicar-ha/vicar/pool"
)

// elements are elements of sets, by the sets' names.
type elements map[string]map[element]struct{}

// put adds an element.
func (es elements) put(set string, e element) {
	if es[set] == nil {
		es[set] = map[element]struct{}{}
	}
	es[set][e] = struct{}{}
}

// change is what makes the table what it is to be: one transaction.
type change struct {
	rebuild  bool // the table goes first, with all that is in it
	wake     bool // the table is dormant
	purge    bool // nothing but the frame would be left: the table goes
	frame    difference
	services []serviceChange
	fronts   difference // elements of the frame's sets only
}

// serviceChange is a service's part of a change, apart from its frontends.
type serviceChange struct {
	difference
	virtual pool.Virtual
	before  *program
	want    *program // nil: it goes
	fronts  int      // how many frontends are missing, superfluous or lead elsewhere
}

// difference is what makes a part what it is to be. Nothing in it is nothing to do.
type difference struct {
	newChains, rewritten []*chain // of the rewritten ones the rules
	newSets              []*set
	wrongSets            []string // they are removed before
	del, add             elements
	defs                 map[string]nftables.Set
	goneChains, goneSets []string
}

// empty tells whether there is nothing to do.
func (d *difference) empty() bool { return d.count() == 0 }

// count is how many objects are missing, superfluous or other.
func (d *difference) count() int {
	n := len(d.newChains) + len(d.newSets) + len(d.goneChains) + len(d.goneSets)
	for _, c := range d.rewritten {
		if !slices.ContainsFunc(d.newChains, func(o *chain) bool { return o.def.Name == c.def.Name }) {
			n++
		}
	}
	changed := map[string]bool{}
	for _, es := range []elements{d.del, d.add} {
		for set, some := range es {
			for e := range some {
				changed[set+"\x00"+e.key] = true
			}
		}
	}
	return n + len(changed)
}

// empty tells whether there is nothing to do.
func (c *change) empty() bool {
	return !c.rebuild && !c.wake && !c.purge && c.frame.empty() && c.fronts.empty() && !slices.ContainsFunc(c.services, func(s serviceChange) bool { return !s.empty() })
}

// between is what makes got want. Of sets that are open the elements stay.
func between(got, want *part, wrong []string) difference {
	d := difference{del: elements{}, add: elements{}, defs: map[string]nftables.Set{}, wrongSets: wrong}
	for _, name := range slices.Sorted(maps.Keys(want.chains)) {
		w, g := want.chains[name], got.chains[name]
		if g == nil {
			d.newChains = append(d.newChains, w)
		}
		if g == nil && len(w.rules) > 0 || g != nil && (len(wrong) > 0 || !sameRules(g.rules, w.rules)) {
			d.rewritten = append(d.rewritten, w)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.sets)) {
		w, g := want.sets[name], got.sets[name]
		d.defs[name] = w.def
		if g == nil {
			d.newSets = append(d.newSets, w)
			g = &set{}
		}
		if w.open {
			continue
		}
		for e := range g.elements {
			if _, ok := w.elements[e]; !ok {
				d.del.put(name, e)
			}
		}
		for e := range w.elements {
			if _, ok := g.elements[e]; !ok {
				d.add.put(name, e)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.chains)) {
		if want.chains[name] == nil {
			d.goneChains = append(d.goneChains, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.sets)) {
		if want.sets[name] == nil {
			d.goneSets = append(d.goneSets, name)
		}
	}
	return d
}

// plan is the change that the services need.
func (p *Plane) plan(services []pool.Virtual, remove bool) *change {
	k, c := p.known, &change{}
	c.rebuild = k.list.there && len(k.wrong) > 0
	for _, v := range services {
		// A chain that is one of a hook can't be made another one.
		c.rebuild = c.rebuild || slices.ContainsFunc(k.services[v.Name].wrong, func(name string) bool {
			_, set := k.list.sets[name]
			return !set
		})
	}
	if c.rebuild {
		k = nothing(k.generation, services)
	}
	if remove && !k.list.there {
		c.purge = c.rebuild
		return c
	}
	c.wake = k.list.asleep
	want := frame()
	for name, s := range k.frame.sets {
		want.sets[name].elements = s.elements // they are the services'
	}
	c.frame = between(k.frame, want, nil)
	c.fronts = difference{del: elements{}, add: elements{}, defs: c.frame.defs}
	index := k.index()
	for _, v := range services {
		had := k.services[v.Name]
		if !remove && had.is != nil && same(*had.is, v) {
			continue
		}
		s := serviceChange{virtual: v, before: had.program}
		if !remove {
			s.want = wanted(v, had.program)
			s.difference = between(&had.part, &s.want.part, had.wrong)
		} else {
			s.difference = between(&had.part, newPart(), nil)
			s.goneSets = append(s.goneSets, had.wrong...)
		}
		s.fronts = c.front(k, index, v, s.want)
		c.services = append(c.services, s)
	}
	c.keep()
	c.purge = remove && p.raw.keeps() && c.isLast(k.list)
	return c
}

// isLast tells whether nobody has anything in the table after the change.
func (c *change) isLast(l *listing) bool {
	left := map[string]bool{}
	for name := range l.chains {
		left[name] = true
	}
	for name := range l.sets {
		left[name] = true
	}
	f := frame()
	for name := range f.chains {
		delete(left, name)
	}
	for name := range f.sets {
		delete(left, name)
	}
	for i := range c.services {
		for _, name := range slices.Concat(c.services[i].goneChains, c.services[i].goneSets) {
			delete(left, name)
		}
	}
	return len(left) == 0
}

// nothing is the knowledge of a table that is not there.
func nothing(generation uint32, services []pool.Virtual) *knowledge {
	k := &knowledge{generation: generation, list: newListing(), frame: newPart(), services: map[string]*had{}}
	for _, v := range services {
		k.services[v.Name] = &had{program: &program{part: *newPart()}}
	}
	return k
}

// wanted is the service's program. A counter whose rule must be written anew goes on
// with the next slot, so that the first server is not favoured.
func wanted(v pool.Virtual, got *program) *program {
	starts := got.starts(v.Name)
	w := compile(v, starts)
	again := false
	for _, f := range families() {
		name := f.identifier("service", v.Name)
		g, c := got.chains[name], w.chains[name]
		if g == nil || c == nil || sameRules(g.rules, c.rules) {
			continue
		}
		if _, counts := starts[f.name]; counts {
			starts[f.name]++
			again = true
		}
	}
	if again {
		return compile(v, starts)
	}
	return w
}

// same tells whether two services are programmed alike.
func same(a, b pool.Virtual) bool {
	return a.Name == b.Name && a.Scheduler == b.Scheduler && a.Port == b.Port && a.Persistence == b.Persistence &&
		slices.Equal(a.Frontends, b.Frontends) && slices.Equal(a.Destinations, b.Destinations)
}
