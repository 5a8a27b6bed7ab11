// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// router is a virtual router in the loop: one or two engines of a group.
type router struct {
	cfg       Router
	group     *group
	instances []*instance

	reason      string // of the last transition of any engine
	since       time.Time
	transitions map[vrrp.State]uint64
	mover       *instance // whose transitions of the event at hand are the router's; nil: none yet

	// What the Listener was told since the last take-over.
	saidTookOver, saidGivesUp bool
}

// instance is one engine with its link, owner and counters.
type instance struct {
	router *router
	member int // in the group
	family int
	engine *vrrp.Engine
	owner  *owner
	stop   context.CancelFunc // of the owner

	started bool
	iface   string // where the addresses go, once known
	source  netip.Addr
	moved   bool                 // iface is new
	peers   []netip.Addr         // unicast: where adverts go
	ttlMin  map[netip.Addr]uint8 // unicast: by source
	link    *link                // nil while there is none
	fault   string
	said    string // the reason that was logged last
	stray   string // where a claimed address is that this node must not have
	rival   netip.Addr
	rivalAt time.Time // when the rival was heard last
	heard   time.Time // when an advert was accepted last
	heldErr string
	held    bool
	term    uint64 // of the last Own
	stalls  uint64 // of the engine's that were counted

	due      time.Time // in deadlines
	slot     int       // in deadlines; -1: not there
	deferred time.Time // since when a time-out waits for packets to be read

	advert  wire.Advert // the one being received
	encoded [2]encoded  // the last two that were sent; see packets

	sent, received, priorityZero, restored uint64

	drops   [wire.Drops]tally
	notices [vrrp.Notices]tally
	sums    [2]uint64
	limit   limiter // of this instance's errors
}

// newRouter is a router without its engines; see newGroup.
func newRouter(cfg Router, g *group, epoch time.Time) *router {
	return &router{cfg: cfg, group: g, transitions: make(map[vrrp.State]uint64), since: epoch, reason: "starting"}
}

// engineConfig is the part of a router that the engine of a family needs, with
// the priority that is effective.
func engineConfig(cfg Router, f int, epoch time.Time, priority uint8) vrrp.Config {
	var addrs []netip.Addr
	for _, p := range cfg.advertised(f) {
		addrs = append(addrs, p.Addr())
	}
	name := cfg.Name
	if len(cfg.families()) > 1 {
		name = fmt.Sprintf("%s IPv%d", cfg.Name, f)
	}
	return vrrp.Config{
		Name: name, Version: cfg.Version, VRID: cfg.VRID, Priority: priority, Interval: cfg.Interval,
		Preempt: cfg.Preempt, PreemptDelay: cfg.PreemptDelay, Addresses: addrs,
		Epoch: epoch, Follower: f != cfg.families()[0], Guarded: cfg.Guarded,
	}
}

// intent is what the instance's owner is to do in the term of the last Own.
func (i *instance) intent(hold bool) intent {
	cfg := &i.router.cfg
	return intent{
		hold: hold, movers: cfg.Movers, announcer: cfg.Announcer,
		claim: vip.Claim{
			Router: i.claimName(), Term: i.term, Follows: i.router.group.lease.follows, Interface: i.iface, Addresses: cfg.claimed(i.family),
		},
	}
}

// claimName is the router's name, with the family for a second engine: each
// claims by itself.
func (i *instance) claimName() string {
	if i == i.router.instances[0] {
		return i.router.cfg.Name
	}
	return fmt.Sprintf("%s/ipv%d", i.router.cfg.Name, i.family)
}

// encoded is adverts of a priority, ready to be sent.
type encoded struct {
	priority uint8
	packets  []wire.Packet // nil: not encoded
}

// packets are the instance's adverts of the priority, one per destination. The
// last regular ones and those of priority 0 are kept until the router or its
// source change (forgetPackets).
func (i *instance) packets(priority uint8) ([]wire.Packet, error) {
	kept := &i.encoded[0]
	if priority == wire.PriorityStop {
		kept = &i.encoded[1]
	}
	if kept.packets != nil && kept.priority == priority {
		return kept.packets, nil
	}
	ps, err := i.encode(priority)
	if err == nil {
		*kept = encoded{priority, ps}
	}
	return ps, err
}

func (i *instance) forgetPackets() { i.encoded = [2]encoded{} }

func (i *instance) encode(priority uint8) ([]wire.Packet, error) {
	cfg := &i.router.cfg
	advert := wire.Advert{
		Version: cfg.Version, VRID: cfg.VRID, Priority: priority, Interval: cfg.Interval, Password: cfg.Password,
	}
	for _, p := range cfg.advertised(i.family) {
		advert.Addresses = append(advert.Addresses, p.Addr())
	}
	var ps []wire.Packet
	for _, dst := range i.destinations() {
		data, err := advert.AppendTo(nil, i.source, dst, cfg.Checksum)
		if err != nil {
			return nil, fmt.Errorf("encoding an advert: %w", err)
		}
		ps = append(ps, wire.Packet{Src: i.source, Dst: dst, TTL: wire.TTL, Data: data})
	}
	return ps, nil
}

// destinations are the group, or the peers.
func (i *instance) destinations() []netip.Addr {
	switch {
	case !i.router.cfg.Multicast:
		return i.peers
	case i.family == 4:
		return []netip.Addr{wire.Group4}
	default:
		return []netip.Addr{wire.Group6}
	}
}

// families lists those of the advertised addresses, IPv4 first.
func (r Router) families() []int {
	var fs []int
	for _, f := range []int{4, 6} {
		if slices.ContainsFunc(r.Addresses, func(p netip.Prefix) bool { return family(p.Addr()) == f }) {
			fs = append(fs, f)
		}
	}
	return fs
}

// local lists the node's own addresses of the family.
func (r Router) local(f int) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(r.Local), func(a netip.Addr) bool { return family(a) != f })
}

// advertised lists the addresses of the family.
func (r Router) advertised(f int) []netip.Prefix {
	var ps []netip.Prefix
	for _, p := range r.Addresses {
		if family(p.Addr()) == f {
			ps = append(ps, p)
		}
	}
	return ps
}

// claimed lists what the engine of the family holds. Excluded addresses of
// either family go with the first engine.
func (r Router) claimed(f int) []netip.Prefix {
	ps := r.advertised(f)
	if f == r.families()[0] {
		ps = append(ps, r.Exclude...)
	}
	return ps
}

func family(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 4
	}
	return 6
}
