// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"maps"
	"slices"

	"github.com/google/nftables"
)

// commit writes the change.
func (c *change) commit(conn *nftables.Conn) error {
	b := &batch{conn: conn}
	if c.purge {
		conn.DelTable(table())
		return b.commit()
	}
	if c.rebuild {
		conn.DelTable(table())
	}
	conn.AddTable(table()) // of one that is there it changes the flags
	parts := []*difference{&c.frame}
	for i := range c.services {
		parts = append(parts, &c.services[i].difference)
	}
	// Chains before what leads to them, sets before rules that use them; what nothing
	// leads to any more last.
	for _, d := range parts {
		for _, ch := range d.newChains {
			def := ch.def
			conn.AddChain(&def)
		}
	}
	for _, d := range parts {
		b.write(d)
	}
	b.elements(&c.fronts)
	for _, d := range parts {
		b.remove(d)
	}
	return b.commit()
}

// write writes sets and rules.
func (b *batch) write(d *difference) {
	for _, ch := range d.rewritten {
		if !slices.Contains(d.newChains, ch) {
			def := ch.def
			b.conn.FlushChain(&def)
		}
	}
	for _, name := range d.wrongSets {
		b.conn.DelSet(&nftables.Set{Name: name, Table: table()})
	}
	for _, s := range d.newSets {
		b.addSet(s.def)
	}
	b.elements(d)
	for _, ch := range d.rewritten {
		b.addRules(ch)
	}
}

// remove removes chains and sets: rules before the sets that they use, maps before the
// chains that they lead to.
func (b *batch) remove(d *difference) {
	for _, name := range d.goneChains {
		b.conn.FlushChain(&nftables.Chain{Name: name, Table: table()})
	}
	for _, name := range d.goneSets {
		b.conn.DelSet(&nftables.Set{Name: name, Table: table()})
	}
	for _, name := range d.goneChains {
		b.conn.DelChain(&nftables.Chain{Name: name, Table: table()})
	}
}

// elements removes and adds elements.
func (b *batch) elements(d *difference) {
	for _, set := range slices.Sorted(maps.Keys(d.del)) {
		b.deleteElements(d.defs[set], d.del[set])
	}
	for _, set := range slices.Sorted(maps.Keys(d.add)) {
		b.addElements(d.defs[set], d.add[set])
	}
}

// into makes known what the change has done.
func (c *change) into(k *knowledge) {
	if c.rebuild || c.purge {
		*k = *nothing(k.generation, nil)
	}
	if c.purge {
		return
	}
	k.list.there, k.list.asleep = true, false
	if len(k.frame.chains) == 0 || !c.frame.empty() {
		f := frame()
		for name, s := range k.frame.sets {
			f.sets[name].elements = s.elements
		}
		k.frame = f
		k.list.note(f)
	}
	for set, some := range c.fronts.del {
		for e := range some {
			delete(k.frame.sets[set].elements, e)
		}
	}
	for set, some := range c.fronts.add {
		for e := range some {
			k.frame.sets[set].elements[e] = struct{}{}
		}
	}
	k.list.servers = nil
	for i := range c.services {
		s := &c.services[i]
		for _, name := range s.goneChains {
			delete(k.list.chains, name)
		}
		for _, name := range s.goneSets {
			delete(k.list.sets, name)
		}
		if s.want == nil {
			k.services[s.virtual.Name] = &had{program: &program{part: *newPart()}}
			continue
		}
		v := cloned(s.virtual)
		k.services[v.Name] = &had{program: s.want, is: &v}
		k.list.note(&s.want.part)
	}
}

// note adds what is in a part.
func (l *listing) note(p *part) {
	for name, c := range p.chains {
		l.chains[name] = c.def
	}
	for name, s := range p.sets {
		l.sets[name] = s.def
	}
}
