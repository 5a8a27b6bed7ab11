// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

// picture is the host's network as the events so far describe it. Our own
// addresses are kept by the events; for the others, whose order means
// something, an event says that the interface must be read again.
type picture struct {
	journal *journal
	links   map[int]link
	foreign map[int][]netip.Prefix // by index; a list is replaced, never changed
	own     map[ownKey]bool
	gone    map[ownKey]bool   // that left since they were last seen
	told    map[ownKey]uint64 // of those gone: the holding whose loss was told
	dirty   map[int]bool      // interfaces that must be read again
}

// ownKey is an address of ours on an interface.
type ownKey struct {
	index  int
	prefix netip.Prefix
}

func newPicture(j *journal) *picture {
	p := &picture{journal: j}
	p.reset(nil, nil)
	return p
}

// reset replaces the picture by what was read.
func (p *picture) reset(links []link, entries []entry) {
	p.links = make(map[int]link, len(links))
	p.foreign = make(map[int][]netip.Prefix, len(links))
	p.own = map[ownKey]bool{}
	p.gone = map[ownKey]bool{}
	p.told = map[ownKey]uint64{}
	p.dirty = map[int]bool{}
	for _, l := range links {
		p.links[l.index] = l
	}
	byIndex := map[int][]entry{}
	for _, e := range entries {
		byIndex[e.index] = append(byIndex[e.index], e)
	}
	for index, list := range byIndex {
		p.read(index, list)
	}
}

// read replaces what is known about one interface's addresses.
func (p *picture) read(index int, entries []entry) {
	delete(p.dirty, index)
	maps.DeleteFunc(p.own, func(k ownKey, _ bool) bool { return k.index == index })
	var foreign []netip.Prefix
	for _, e := range entries {
		switch {
		case !e.working():
		case p.ours(e):
			p.arrived(ownKey{index, e.prefix})
		default:
			foreign = append(foreign, e.prefix)
		}
	}
	p.foreign[index] = foreign
}

// ours tells whether vicar put the address there.
func (p *picture) ours(e entry) bool {
	return e.proto == Proto || p.journal.has(place{p.links[e.index].name, e.prefix.Addr()})
}

// event takes in an event.
func (p *picture) event(m message) {
	switch m.kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		l, ok := parseLink(m.data)
		switch {
		case !ok:
		case m.kind == unix.RTM_NEWLINK:
			p.links[l.index] = l
		default:
			p.vanished(l.index)
		}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if e, ok := parseAddress(m.data); ok {
			p.address(e, m.kind == unix.RTM_NEWADDR)
		}
	}
}

func (p *picture) address(e entry, there bool) {
	key := ownKey{e.index, e.prefix}
	ours := p.own[key] || p.ours(e)
	switch {
	case !ours || slices.Contains(p.foreign[e.index], e.prefix):
		p.dirty[e.index] = true
	case there && e.working():
		p.arrived(key)
	default:
		delete(p.own, key)
		p.gone[key] = true
	}
}

// vanished notes that an interface is no longer there.
func (p *picture) vanished(index int) {
	delete(p.links, index)
	for key := range p.own {
		if key.index == index {
			p.gone[key] = true
		}
	}
	p.read(index, nil)
	delete(p.foreign, index)
}

// arrived notes that an address of ours is there.
func (p *picture) arrived(key ownKey) {
	p.own[key] = true
	delete(p.gone, key)
	delete(p.told, key)
}

// suspect tells whether a held address seems to be lost. It may be one that
// was released and acquired again: the kernel tells of a new IPv6 address some
// time after it acknowledged it. So its interface is read again.
func (p *picture) suspect(s spot) bool { return p.gone[s.key()] && p.told[s.key()] != s.holding }

// missing tells, once for each time it was acquired, whether an address that
// was held when its interface was read is not there.
func (p *picture) missing(s spot) bool {
	key := s.key()
	if p.own[key] || p.told[key] == s.holding {
		return false
	}
	p.gone[key], p.told[key] = true, s.holding
	return true
}

// interfaces describes the picture in the order of the indexes.
func (p *picture) interfaces() []vip.Interface {
	list := make([]vip.Interface, 0, len(p.links))
	for _, l := range p.links {
		list = append(list, vip.Interface{
			Index: l.index, Name: l.name, Up: l.up(), Addresses: slices.Clone(p.foreign[l.index]),
		})
	}
	slices.SortFunc(list, func(a, b vip.Interface) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// sameInterfaces compares two such descriptions.
func sameInterfaces(a, b []vip.Interface) bool {
	return slices.EqualFunc(a, b, func(x, y vip.Interface) bool {
		return x.Index == y.Index && x.Name == y.Name && x.Up == y.Up && slices.Equal(x.Addresses, y.Addresses)
	})
}
