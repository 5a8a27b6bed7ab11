// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// merged is the latest state and all losses of several changes.
func merged(changes []vip.Change) (all vip.Change) {
	for _, c := range changes {
		if c.Interfaces != nil {
			all.Interfaces = c.Interfaces
		}
		all.Lost = append(all.Lost, c.Lost...)
		all.Taken = append(all.Taken, c.Taken...)
	}
	return all
}

// watch runs the watcher; an agent that is blind stops.
func (l *loop) watch(ctx context.Context, world Network) {
	err := world.Watch(ctx, l.network.put)
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
	l.lost(c.Lost, (*owner).look)
	l.lost(c.Taken, (*owner).lookElsewhere)
	if c.Interfaces != nil {
		l.interfaces, l.known = c.Interfaces, true
		l.place(now)
	}
}

// lost makes the addresses' owners look. There may be thousands.
func (l *loop) lost(addresses []netip.Addr, look func(*owner, int)) {
	if len(addresses) == 0 {
		return
	}
	gone := make(map[netip.Addr]bool, len(addresses))
	for _, a := range addresses {
		gone[a] = true
	}
	for _, r := range l.routers {
		for _, i := range r.instances {
			n := 0
			for _, p := range r.cfg.claimed(i.family) {
				if gone[p.Addr()] {
					n++
				}
			}
			if n > 0 {
				look(i.owner, n)
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
	for _, name := range l.names() {
		if r := l.routers[name]; r != nil {
			for _, i := range r.instances {
				l.waits(i)
			}
		}
	}
}

// settlePlaces tells a router's engines what place has found.
func (l *loop) settlePlaces(r *router, now time.Time) {
	for _, i := range r.instances {
		if i.fault == "" {
			l.step(i, now, vrrp.SetPrimary{Address: i.source})
		}
		l.admit(i, now)
		if i.moved && i.engine.State() == vrrp.Active {
			i.owner.put(i.intent(true))
		}
		if i.engine.State() == vrrp.Active {
			l.farewell(i, now)
		}
		i.moved = false
	}
	for _, i := range r.instances {
		if !i.started && !r.group.leaving {
			i.started = true
			l.step(i, now, vrrp.Start{})
		}
		l.findStray(i)
	}
}

// admit lets an instance into the election, or keeps it out, as its place in
// the network and its group's checks demand.
func (l *loop) admit(i *instance, now time.Time) {
	if why := cmp.Or(i.fault, i.router.group.blocked); why != "" {
		l.step(i, now, vrrp.Fault{Reason: why})
		return
	}
	l.step(i, now, vrrp.Clear{})
}

// waits logs why a router is out of the election when no transition has said
// it: it was never in, or the reason is another one now.
func (l *loop) waits(i *instance) {
	s := i.engine.Status()
	if s.State != vrrp.Initialize || s.Reason == i.said {
		return
	}
	i.said = s.Reason
	level := slog.LevelWarn
	if i.fault == "" && !i.router.group.admitted {
		level = slog.LevelInfo // for what comes soon
	}
	l.log.Log(context.Background(), level, "router waits", slog.String("router", i.router.cfg.Name), slog.Int("family", i.family),
		slog.String("reason", s.Reason))
}

// findStray looks for a claimed address that this node has though its router
// does not hold it, on any interface: somebody else put it there. It answers
// beside the holder's. It is told, not removed: who put it there may do so
// again.
func (l *loop) findStray(i *instance) {
	stray := ""
	if i.router.cfg.Priority != wire.PriorityOwner {
		for _, p := range i.router.cfg.claimed(i.family) {
			if x := l.with(p.Addr()); x != nil && !i.held {
				stray = fmt.Sprintf("%s is on %s, and not by this agent", p.Addr(), x.Name)
				break
			}
		}
	}
	if stray != "" && stray != i.stray {
		l.log.Warn("an address that this node does not hold is on it", slog.String("router", i.router.cfg.Name),
			slog.String("reason", stray))
	}
	i.stray = stray
}

// locate is where an instance's adverts go, and what stands in the way. A
// fault with a Link means that the link is of use nevertheless.
func (l *loop) locate(i *instance) (*Link, string) {
	cfg := &i.router.cfg
	home, fault := l.home(cfg)
	if fault != "" {
		return nil, fault
	}
	port, source := home, netip.Addr{}
	if cfg.Gossip {
		source = vip.NodeAddress(l.cfg.Node, i.family)
	} else if cfg.Multicast {
		source = primary(home, i.family, cfg.local(i.family), l.claims)
	} else if port, source = l.port(home, cfg.local(i.family)); port == nil {
		return nil, fmt.Sprintf("this node's addresses %v are on no interface", cfg.local(i.family))
	}
	if !source.IsValid() {
		return nil, fmt.Sprintf("interface %s has no IPv%d address to send from", home.Name, i.family)
	}
	peers, ttlMin := resolve(cfg.Peers, i.family, port.Addresses)
	if home.Name != i.iface || source != i.source || !slices.Equal(peers, i.peers) {
		i.moved = i.moved || home.Name != i.iface
		i.iface, i.source, i.peers = home.Name, source, peers
		i.forgetPackets()
	}
	i.ttlMin = ttlMin
	for _, x := range []*vip.Interface{home, port} {
		if !x.Up {
			fault = fmt.Sprintf("interface %s is down", x.Name)
		}
	}
	if cfg.Gossip {
		return &Link{Family: i.family, Gossip: true, Source: source, Interval: cfg.Interval}, fault
	}
	return &Link{
		Interface: port.Name, Index: port.Index, Family: i.family, Multicast: cfg.Multicast,
		Source: source, Interval: cfg.Interval,
	}, fault
}
