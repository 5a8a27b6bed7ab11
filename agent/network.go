// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// networkBox keeps what the watcher told until the loop takes it: the latest
// state and all losses.
type networkBox struct {
	mu      sync.Mutex
	pending vip.Change
	wake    chan struct{}
}

func (b *networkBox) put(c vip.Change) {
	b.mu.Lock()
	if c.Interfaces != nil {
		b.pending.Interfaces = c.Interfaces
	}
	b.pending.Lost = append(b.pending.Lost, c.Lost...)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *networkBox) take() vip.Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.pending
	b.pending = vip.Change{}
	return c
}

// watch runs the watcher; an agent that is blind stops.
func (l *loop) watch(ctx context.Context) {
	err := l.cfg.Network.Watch(ctx, l.network.put)
	if ctx.Err() == nil {
		l.post(blind{fmt.Errorf("watching the network: %w", err)})
	}
}

// blind tells the loop that the watcher has ended.
type blind struct{ err error }

func (m blind) handle(l *loop, now time.Time) {
	l.broken = m.err
	l.stop(now)
}

// networkChanged takes over what the watcher told.
func (l *loop) networkChanged(now time.Time, c vip.Change) {
	for _, a := range c.Lost {
		l.lost(a)
	}
	if c.Interfaces != nil {
		l.interfaces, l.known = c.Interfaces, true
		l.place(now)
	}
}

// lost makes the owner of an address look.
func (l *loop) lost(a netip.Addr) {
	for _, r := range l.routers {
		for _, i := range r.instances {
			if slices.ContainsFunc(r.cfg.claimed(i.family), func(p netip.Prefix) bool { return p.Addr() == a }) {
				i.owner.look(1)
			}
		}
	}
}

// place finds each instance's interface, source and link in the network as it
// is now, opens and closes links accordingly, and raises or clears faults.
func (l *loop) place(now time.Time) {
	specs := make(map[linkKey]*Link)
	users := make(map[linkKey][]*instance)
	for _, name := range l.names() {
		for _, i := range l.routers[name].instances {
			spec, fault := l.locate(i)
			if i.fault = fault; spec == nil {
				i.link = nil
				continue
			}
			key := keyOf(*spec)
			if specs[key] == nil {
				specs[key] = spec
			}
			specs[key].VRIDs = append(specs[key].VRIDs, i.router.cfg.VRID)
			specs[key].Interval = min(specs[key].Interval, i.router.cfg.Interval)
			users[key] = append(users[key], i)
		}
	}
	l.connect(now, specs, users)
	for _, name := range l.names() {
		if r := l.routers[name]; r != nil {
			l.settlePlaces(r, now)
		}
	}
}

// settlePlaces tells a router's engines what place has found.
func (l *loop) settlePlaces(r *router, now time.Time) {
	for _, i := range r.instances {
		if i.fault != "" {
			l.step(i, now, vrrp.Fault{Reason: i.fault})
		} else {
			l.step(i, now, vrrp.SetPrimary{Address: i.source})
			l.step(i, now, vrrp.Clear{})
		}
		if i.moved && i.engine.State() == vrrp.Active {
			i.owner.put(i.intent(true))
		}
		i.moved = false
	}
	for _, i := range r.instances {
		if !i.started && !r.leaving {
			i.started = true
			l.step(i, now, vrrp.Start{})
		}
	}
}

// locate is where an instance's adverts go, and what stands in the way. A
// fault with a Link means that the link is of use nevertheless.
func (l *loop) locate(i *instance) (*Link, string) {
	cfg := &i.router.cfg
	home, fault := l.home(cfg)
	if fault != "" {
		return nil, fault
	}
	port := home
	source := cfg.local(i.family)
	if cfg.Multicast {
		source = primary(home, i.family, source)
	} else if port = l.with(source); port == nil {
		return nil, fmt.Sprintf("address %s is on no interface", source)
	}
	if !source.IsValid() {
		return nil, fmt.Sprintf("interface %s has no IPv%d address to send from", home.Name, i.family)
	}
	if home.Name != i.iface || source != i.source {
		i.iface, i.source, i.moved = home.Name, source, true
		i.forgetPackets()
	}
	i.ttlMin = ttlMins(cfg.Peers, port)
	for _, x := range []*vip.Interface{home, port} {
		if !x.Up {
			fault = fmt.Sprintf("interface %s is down", x.Name)
		}
	}
	return &Link{
		Interface: port.Name, Index: port.Index, Family: i.family, Multicast: cfg.Multicast,
		Source: source, Interval: cfg.Interval,
	}, fault
}

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

// primary is the address that multicast adverts leave from: the node's own
// where it is on the interface, else the first IPv4 address; for IPv6 the
// link-local one (RFC 9568 sections 5.1.1.1 and 5.1.2.1).
func primary(x *vip.Interface, f int, own netip.Addr) netip.Addr {
	var first netip.Addr
	for _, p := range x.Addresses {
		a := p.Addr()
		if family(a) != f || f == 6 && !a.IsLinkLocalUnicast() {
			continue
		}
		if a == own {
			return a
		}
		if !first.IsValid() {
			first = a
		}
	}
	return first.WithZone("")
}

// ttlMins resolves the peers' TTLAuto against the subnets of an interface.
func ttlMins(peers []Peer, port *vip.Interface) map[netip.Addr]uint8 {
	mins := make(map[netip.Addr]uint8, len(peers))
	for _, p := range peers {
		switch {
		case p.TTLMin != TTLAuto:
			mins[p.Address] = uint8(p.TTLMin)
		case slices.ContainsFunc(port.Addresses, func(s netip.Prefix) bool { return s.Contains(p.Address) }):
			mins[p.Address] = wire.TTL
		default:
			mins[p.Address] = 0
		}
	}
	return mins
}
