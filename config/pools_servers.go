// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/pool"
)

// servers takes the servers of the configuration and of its file.
func (r *reader) servers(p *poolBuild) {
	raw := p.raw
	switch {
	case raw.ServersFile.present():
	case !raw.Servers.present():
		r.bad(p.key, "servers is missing", "list the real servers, as in servers: [198.51.100.11:8080], or name a servers_file")
	case !raw.Servers.refused && len(raw.Servers.items) == 0:
		r.bad(raw.Servers.mark, "there is no server", "list the real servers, as in servers: [198.51.100.11:8080], or name a servers_file")
	}
	if low, high := raw.Lower, raw.Upper; usable(low.scalar) && usable(high.scalar) {
		r.thresholds(low, high)
	}
	p.listed = make(map[string]bool, len(raw.Servers.items))
	for _, s := range raw.Servers.items {
		if r.server(p, s) {
			p.listed[p.Servers[len(p.Servers)-1].Name] = true
		}
	}
	if raw.ServersFile.ok {
		p.file, p.ServersFile = raw.ServersFile.v, r.beside(raw.ServersFile.v)
		r.serversFrom(p)
	}
	slices.SortFunc(p.Servers, byName)
}

// server takes one, which stands in this file or another.
func (r *reader) server(p *poolBuild, raw *rawServer) bool {
	if !raw.Address.ok {
		return false
	}
	s, ok := r.destination(p, raw.Address, &raw.Forward)
	if !ok {
		return false
	}
	if first, twice := p.marks[s.Address]; twice {
		r.bad(raw.Address.mark, s.Name+" is already "+r.seen(first), "remove one of them")
		return false
	}
	p.marks[s.Address] = spot{r.file, raw.Address.mark}
	general := &p.raw.serverKeys
	s.Weight = either2(raw.Weight.scalar, general.Weight.scalar, 1)
	s.Inhibit = either2(raw.Inhibit.scalar, general.Inhibit.scalar, false)
	s.SlowStart = either2(raw.SlowStart.scalar, general.SlowStart.scalar, 0)
	if raw.Upper.present() || raw.Lower.present() {
		high, low := raw.Upper, raw.Lower
		if !high.present() {
			high = general.Upper
		}
		if !low.present() && general.Lower.v <= high.v {
			low = general.Lower
		}
		r.thresholds(low, high)
		s.Upper, s.Lower = uint32(high.v), uint32(low.v)
	} else {
		s.Upper, s.Lower = uint32(general.Upper.v), uint32(general.Lower.v)
	}
	p.Servers, p.raws[s.Name] = append(p.Servers, s), raw
	p.sum += s.Weight
	return true
}

// either2 is the first value that is there.
func either2[T any](own, general scalar[T], other T) T {
	if own.ok {
		return own.v
	}
	return general.or(other)
}

// thresholds checks the two limits of connections.
func (r *reader) thresholds(lower, upper threshold) {
	switch {
	case !lower.ok:
	case !upper.present():
		r.bad(lower.mark, "lower needs upper", "add upper: with the most connections that a server may have")
	case upper.ok && lower.v > upper.v:
		r.bad(lower.mark, fmt.Sprintf("lower is %d and upper %d", lower.v, upper.v), "lower is at most upper")
	}
}

// destination checks whether packets can be forwarded to an address.
func (r *reader) destination(p *poolBuild, address serverAddress, forward *rawForward) (pool.Server, bool) {
	a, at := address.v, address.mark
	way, tunnel := p.raw.Forward.way()
	if forward.present() {
		way, tunnel = forward.way()
	}
	port, single := p.port()
	if a.Port() == 0 {
		a = netip.AddrPortFrom(a.Addr(), port)
	}
	s := pool.Server{Destination: pool.Destination{Address: a, Weight: 1, Forward: way, Tunnel: tunnel}, Name: serverName(a)}
	switch family := familyOf(a.Addr()); {
	case len(p.Frontends) == 0:
	case family != p.family() && way != pool.Encap:
		r.bad(at, fmt.Sprintf("%s is an IPv%d address, and the service is IPv%d", a.Addr(), family, p.family()),
			fmt.Sprintf("only a tunnel leads from one family to the other; write an IPv%d address, or forward: tunnel", p.family()))
		return s, false
	case way != pool.NAT && a.Port() != port:
		hint := "remove the port, or write forward: nat"
		if single {
			hint = fmt.Sprintf("write %s, or forward: nat", netip.AddrPortFrom(a.Addr(), port))
		}
		r.bad(at, fmt.Sprintf("%s has another port than the service, and only nat rewrites ports", s.Name), hint)
		return s, false
	}
	return s, true
}

// port is the one that all clients connect to, or 0 and false.
func (p *poolBuild) port() (uint16, bool) {
	if len(p.Frontends) == 0 {
		return 0, false
	}
	first := p.Frontends[0].FirstPort
	for _, f := range p.Frontends {
		if f.Mark != 0 || f.FirstPort != first || f.LastPort != first || first == 0 {
			return 0, false
		}
	}
	return first, true
}

// loops finds servers that are the pool itself: what they are sent comes back to it.
func (r *reader) loops(p *poolBuild, c *Config) {
	own := make(map[netip.Addr]string)
	for _, v := range c.Routers {
		for _, q := range slices.Concat(v.Addresses, v.Exclude) {
			own[q.Addr()] = v.Name
		}
	}
	check := func(r *reader, s pool.Server, at mark) {
		const hint = "write the servers' own addresses: what is sent here comes back to the pool"
		for _, f := range p.Frontends {
			if f.Mark != 0 || s.Address.Port() != 0 && f.FirstPort != 0 && (s.Address.Port() < f.FirstPort || s.Address.Port() > f.LastPort) {
				continue
			}
			a := s.Address.Addr()
			if a.Compare(f.First) >= 0 && a.Compare(f.Last) <= 0 {
				r.bad(at, s.Name+" is where the pool itself listens", hint)
				return
			}
			if router, is := own[a]; is {
				r.bad(at, fmt.Sprintf("%s is an address of router %s, and the pool listens on the same port", s.Name, router), hint)
				return
			}
		}
	}
	for _, s := range p.Servers {
		in := r
		if spot := p.marks[s.Address]; p.beyond != nil && spot.file == p.beyond.file {
			in = p.beyond
		}
		check(in, s, p.marks[s.Address].at)
	}
	if p.Sorry != nil {
		check(r, *p.Sorry, p.raw.Sorry.Address.mark)
	}
}

// sorry takes the server that serves without a quorum.
func (r *reader) sorry(p *poolBuild) {
	raw := &p.raw.Sorry
	if !raw.Address.ok {
		return
	}
	s, ok := r.destination(p, raw.Address, &raw.Forward)
	if !ok {
		return
	}
	if first, twice := p.marks[s.Address]; twice {
		r.bad(raw.Address.mark, s.Name+" is a server, too, "+r.seen(first), "choose another: the sorry server serves when the servers don't")
		return
	}
	p.Sorry = &s
}
