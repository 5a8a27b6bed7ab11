// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// home is the interface that a router's addresses go to.
func (l *loop) home(cfg *Router) (*vip.Interface, string) {
	if cfg.Interface != "" {
		for n := range l.interfaces {
			if l.interfaces[n].Name == cfg.Interface {
				return &l.interfaces[n], ""
			}
		}
		return nil, fmt.Sprintf("interface %s does not exist", cfg.Interface)
	}
	for _, a := range cfg.Local {
		if x := l.with(a); x != nil {
			return x, ""
		}
	}
	return nil, fmt.Sprintf("no interface has an address of this node (%v)", cfg.Local)
}

// up tells whether the interface is there and up.
func (l *loop) up(name string) bool {
	return slices.ContainsFunc(l.interfaces, func(x vip.Interface) bool { return x.Name == name && x.Up })
}

// with is the interface that has the address.
func (l *loop) with(a netip.Addr) *vip.Interface {
	for n := range l.interfaces {
		x := &l.interfaces[n]
		if slices.ContainsFunc(x.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return x
		}
	}
	return nil
}

// port is where unicast adverts leave from: the first of the node's addresses
// that is on home, else the first that is on any interface.
func (l *loop) port(home *vip.Interface, own []netip.Addr) (*vip.Interface, netip.Addr) {
	var port *vip.Interface
	var source netip.Addr
	for _, a := range own {
		x := l.with(a)
		if x == home {
			return x, a
		}
		if port == nil && x != nil {
			port, source = x, a
		}
	}
	return port, source
}

// primary is the address that multicast adverts leave from: one of the node's
// own where it is on the interface, else the first IPv4 address; for IPv6 a
// link-local one (RFC 9568 sections 5.1.1.1 and 5.1.2.1). Never a virtual one:
// claimed tells those.
func primary(x *vip.Interface, f int, own []netip.Addr, claimed func(netip.Addr) bool) netip.Addr {
	var first netip.Addr
	for _, p := range x.Addresses {
		a := p.Addr().WithZone("")
		if family(a) != f || f == 6 && !a.IsLinkLocalUnicast() || claimed(a) {
			continue
		}
		if slices.Contains(own, a) {
			return a
		}
		if !first.IsValid() {
			first = a
		}
	}
	return first
}

// claims tells whether a router may have to give the address up.
func (l *loop) claims(a netip.Addr) bool {
	for _, r := range l.routers {
		if r.cfg.Priority != wire.PriorityOwner && slices.ContainsFunc(
			slices.Concat(r.cfg.Addresses, r.cfg.Exclude), func(p netip.Prefix) bool { return p.Addr() == a }) {
			return true
		}
	}
	return false
}

// resolve finds where adverts to the peers go, and the lowest TTL accepted from
// each of their addresses, given the subnets of the interface.
func resolve(peers []Peer, f int, subnets []netip.Prefix) ([]netip.Addr, map[netip.Addr]uint8) {
	near := func(a netip.Addr) bool {
		return slices.ContainsFunc(subnets, func(s netip.Prefix) bool { return s.Contains(a) })
	}
	var to []netip.Addr
	mins := make(map[netip.Addr]uint8)
	for _, p := range peers {
		if family(p.Addresses[0]) != f {
			continue
		}
		best := max(0, slices.IndexFunc(p.Addresses, near))
		to = append(to, p.Addresses[best])
		for _, a := range p.Addresses {
			switch {
			case p.TTLMin != TTLAuto:
				mins[a] = uint8(p.TTLMin)
			case near(a):
				mins[a] = wire.TTL
			default:
				mins[a] = 0
			}
		}
	}
	return to, mins
}
