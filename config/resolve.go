// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// router is a Router with what the file says of it. A field whose value is
// wrong in the file is zero in the Router.
type router struct {
	Router
	raw    *rawRouter
	key    mark
	tracks []tracked
	// marks are the places of Addresses and Exclude, movers those of Move.
	marks  map[netip.Addr]mark
	movers []mark
}

// routers checks each router for itself and returns them by name.
func (r *reader) routers(root mark, raw *rawFile, c *Config, known knownChecks) []router {
	const example = "as in routers: {web: {vrid: 51, addresses: [192.0.2.100/24]}}"
	switch {
	case !raw.Routers.present():
		r.bad(root, "routers is missing", "list the virtual routers, "+example)
	case raw.Routers.refused:
	case len(raw.Routers.entries) == 0:
		r.bad(raw.Routers.mark, "there is no router", "list the virtual routers, "+example)
	}
	general := announce(raw.Announce, defaultAnnounce)
	routers := make([]router, 0, len(raw.Routers.entries))
	for _, e := range raw.Routers.entries {
		r.checkName(e.key, e.name)
		v := router{raw: &e.value, key: e.key, marks: make(map[netip.Addr]mark)}
		v.Name = e.name
		if e.value.present() {
			r.router(&v, raw, c)
			v.Announce = announce(e.value.Announce, general)
			v.tracks = r.tracks(e.value.Track, known)
			v.Tracks = plainTracks(v.tracks)
			v.Damping = e.value.Damping.v
			v.Listen = e.value.Listen.v
		}
		routers = append(routers, v)
	}
	slices.SortFunc(routers, func(a, b router) int { return cmp.Compare(a.Name, b.Name) })
	return routers
}

func (r *reader) router(v *router, file *rawFile, c *Config) {
	raw := v.raw
	if !raw.VRID.present() {
		r.bad(v.key, "vrid is missing", "choose a number from 1 to 255 that no other router on the LAN has")
	}
	v.VRID = uint8(raw.VRID.v)
	v.Version = wire.V3
	if raw.Version.present() {
		v.Version = wire.Version(raw.Version.v)
	}
	v.Preempt, v.PreemptDelay = raw.Preempt.or(true), raw.Preempt.delay
	v.Checksum = raw.Checksum.form()
	v.Interface = r.interfaces(v, c)
	v.Priority = r.priorities(v, file, c)
	r.addresses(v)
	r.interval(v)
	r.versionOnly(v)
	r.gossipOnly(v, c)
	r.onLoss(v, file, c)
	r.movers(v)
}

// interfaces resolves the interface for each node.
func (r *reader) interfaces(v *router, c *Config) map[string]string {
	raw := &v.raw.Interface
	raw.complete(r, c, "an interface's name or auto")
	interfaces := make(map[string]string, len(c.Nodes))
	for _, n := range c.contenders() {
		interfaces[n.Name] = InterfaceAuto
		if raw.present() {
			interfaces[n.Name] = raw.of(n.Name).v
		}
	}
	return interfaces
}

// priorities resolves the priority for each node: the router's for the node,
// the router's for all, the node's, the default. It is 0 where the file is
// wrong.
func (r *reader) priorities(v *router, file *rawFile, c *Config) map[string]uint8 {
	raw := &v.raw.Priority
	priorities := make(map[string]uint8, len(c.Nodes))
	for _, e := range file.Nodes.entries {
		if e.value.Witness.v || !usable(e.value.Witness.scalar) {
			continue
		}
		p := e.value.Priority
		switch {
		case raw.all != nil:
			p = *raw.all
		case !p.present():
			p.v = defaultPriority
		}
		priorities[e.name] = uint8(p.v)
	}
	for _, e := range raw.entries {
		if r.takesPart(e.key, e.name, c) {
			priorities[e.name] = uint8(e.value.v)
		}
	}
	return priorities
}

// addresses takes the router's addresses, without those that it has twice.
func (r *reader) addresses(v *router) {
	switch {
	case !v.raw.Addresses.present():
		r.bad(v.key, "addresses is missing", "list the virtual addresses, as in addresses: [192.0.2.100/24]")
	case v.raw.Addresses.refused:
	case len(v.raw.Addresses.items) == 0:
		r.bad(v.raw.Addresses.mark, "there is no address", "list the virtual addresses, as in addresses: [192.0.2.100/24]; adverts without one are not valid (RFC 9568 section 5.2.5)")
	}
	take := func(items []*prefix) (taken []netip.Prefix) {
		for _, p := range items {
			if !p.ok {
				continue
			}
			if first, twice := v.marks[p.v.Addr()]; twice {
				r.bad(p.mark, fmt.Sprintf("%s is already on line %d", p.v.Addr(), first.line), "remove one of them")
				continue
			}
			v.marks[p.v.Addr()] = p.mark
			taken = append(taken, p.v)
		}
		return taken
	}
	v.Addresses = take(v.raw.Addresses.items)
	v.Exclude = take(v.raw.Exclude.items)
	r.addressCount(v)
}

// addressCount checks that the adverts have room for the addresses: the count
// is one byte (RFC 9568 section 5.2.5), and a packet should fit a link.
func (r *reader) addressCount(v *router) {
	const most, mostIPv6 = 255, (1500 - 40 - 8) / 16
	for _, family := range v.Families() {
		count := 0
		for _, p := range v.Addresses {
			if familyOf(p.Addr()) == family {
				count++
			}
		}
		switch {
		case count > most:
			r.bad(v.raw.Addresses.mark, fmt.Sprintf("there are %d IPv%d addresses", count, family), "an advert has room for 255; put the others into exclude")
		case family == 6 && count > mostIPv6:
			r.warn(v.raw.Addresses.mark, fmt.Sprintf("%d IPv6 addresses don't fit a packet of 1500 bytes", count), fmt.Sprintf("put all but %d into exclude", mostIPv6))
		}
	}
}

// interval checks advert_interval against the version's unit and width: 12
// bits of centiseconds (RFC 9568 section 5.2.7) or 8 bits of seconds
// (RFC 3768 section 5.3.7).
func (r *reader) interval(v *router) {
	raw := &v.raw.Interval
	v.Interval = time.Second
	if !raw.present() {
		return
	}
	v.Interval = raw.v
	if !raw.ok || v.Version == 0 {
		return
	}
	unit, most := 10*time.Millisecond, 40950*time.Millisecond
	if v.Version == wire.V2 {
		unit, most = time.Second, 255*time.Second
	}
	rule := fmt.Sprintf("version %d has %s to %s in steps of %s", v.Version, unit, most.String(), unit)
	if v.Version == wire.V2 {
		rule = "version 2 has whole seconds, 1s to 255s"
	}
	switch {
	case raw.v < unit || raw.v > most:
		r.bad(raw.mark, shortDuration(raw.v)+" is out of range", rule)
	case raw.v%unit != 0:
		near := min(raw.v.Round(unit), most)
		r.bad(raw.mark, shortDuration(raw.v)+" can't be said in an advert", rule+": write "+shortDuration(near))
	case raw.v < 30*time.Millisecond:
		r.warn(raw.mark, shortDuration(raw.v)+" is short", "a host that is busy for three intervals loses its addresses; 100ms is safer")
	}
}

// versionOnly refuses what the router's version doesn't have.
func (r *reader) versionOnly(v *router) {
	auth, sum := v.raw.Auth, v.raw.Checksum
	if auth.Password.ok {
		v.Password = new([8]byte)
		copy(v.Password[:], auth.Password.v)
	}
	switch v.Version {
	case wire.V3:
		if auth.present() {
			r.bad(auth.mark, "auth is for version 2", "remove it; version 3 has no authentication (RFC 9568 section 9)")
		}
		if sum.present() && len(v.Addresses) > 0 && !slices.Contains(v.Families(), 4) {
			r.bad(sum.mark, "checksum is for IPv4", "remove it; with IPv6 there is one form alone")
		}
	case wire.V2:
		if sum.present() {
			r.bad(sum.mark, "checksum is for version 3", "remove it; version 2 has one form alone")
		}
		for _, p := range v.Addresses {
			if p.Addr().Is6() {
				r.bad(v.marks[p.Addr()], p.String()+" is an IPv6 address", "version 2 has IPv4 alone; write version: 3, or move it to exclude")
			}
		}
	}
}

// gossipOnly refuses what is for other makers' routers: by gossip none is heard.
func (r *reader) gossipOnly(v *router, c *Config) {
	if c.Transport.Kind != Gossip {
		return
	}
	if sum := v.raw.Checksum; v.Version == wire.V3 && sum.present() {
		r.bad(sum.mark, "checksum is for other makers' routers, which don't hear gossip", "remove it")
	}
	if v.Version == wire.V2 {
		r.bad(v.raw.Version.mark, "version 2 is for other makers' routers, which don't hear gossip", "remove version, and auth if it is there; gossip is encrypted")
	}
}

// words puts names into a sentence.
func words(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
