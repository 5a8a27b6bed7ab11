// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/hook"
	"github.com/vicar-ha/vicar/vip"
)

// host is the world that an agent's routers live in.
type host struct {
	open    func(agent.Link) (agent.Transport, error)
	network agent.Network
	kernel  agent.Mover  // puts addresses on interfaces
	prober  agent.Prober // may be nil
	clouds  *clouds      // nil: all moves by the kernel
	pools   *pools       // nil: it balances nothing
	// announcer is the same for the same settings.
	announcer func(config.Announce) agent.Announcer
}

// agentConfig is what the configuration says for one of its nodes.
func agentConfig(c *config.Config, node, version string, h host) agent.Config {
	a := agent.Config{
		Node: node, Cluster: c.Cluster, Version: version, Digest: c.Digest(),
		Open: h.open, Network: h.network, Prober: h.prober, Names: make(map[netip.Addr]string),
	}
	for _, n := range c.Nodes {
		for _, addr := range n.Addresses {
			a.Names[addr] = n.Name
		}
	}
	for _, n := range c.Nodes {
		if n.Name != node {
			a.Hosts = append(a.Hosts, n.Addresses...)
		}
		for _, family := range []int{4, 6} {
			a.Names[vip.NodeAddress(n.Name, family)] = n.Name
		}
	}
	for _, m := range c.Members(node) {
		a.Routers = append(a.Routers, agentRouter(m, c, h))
	}
	if len(a.Routers) > 0 { // a witness has none
		for _, g := range c.SyncGroups {
			a.Groups = append(a.Groups, agent.Group(g))
		}
	}
	return a
}

// hooks are those of the configuration.
func hooks(c *config.Config) []hook.Hook {
	var hs []hook.Hook
	for _, h := range c.Hooks {
		hs = append(hs, hook.Hook(h))
	}
	return hs
}

func agentRouter(m config.Member, c *config.Config, h host) agent.Router {
	r := agent.Router{
		Name:         m.Router.Name,
		Interface:    m.Interface,
		VRID:         m.Router.VRID,
		Version:      m.Router.Version,
		Priority:     m.Priority,
		Interval:     m.Router.Interval,
		Preempt:      m.Router.Preempt,
		PreemptDelay: m.Router.PreemptDelay,
		Checksum:     m.Router.Checksum,
		Password:     m.Router.Password,
		Multicast:    c.Transport.Kind == config.Multicast,
		Gossip:       c.Transport.Kind == config.Gossip,
		Guarded:      c.Guard.Kind == config.GuardQuorum,
		Local:        m.Own,
		Addresses:    m.Router.Addresses,
		Exclude:      m.Router.Exclude,
		Tracks:       slices.Concat(m.Router.Tracks, cloudTracks(c, m.Router)),
		Damping:      agent.Damping(m.Router.Damping),
		Listen:       m.Router.Listen,
		Announcer:    h.announcer(m.Router.Announce),
		Moving:       movingTime(m.Router),
	}
	if m.Router.Cloud() {
		r.Readiness = readinessCheck(m.Router.Name)
	}
	if m.Interface == config.InterfaceAuto {
		r.Interface = "" // the one with an address of Local
	}
	kernel := h.kernel
	if m.Priority == ownerPriority {
		kernel = owned{h.kernel, m.Router.Addresses}
	}
	if r.Movers = []agent.Mover{kernel}; h.clouds != nil {
		r.Movers = h.clouds.movers(m.Router, kernel)
	}
	if h.pools != nil {
		r.Movers = slices.Concat([]agent.Mover{h.pools.mover}, r.Movers)
	}
	if !r.Multicast {
		var local []netip.Addr
		if local, r.Peers = unicast(m.Elections, c.Transport.TTLMin); !r.Gossip {
			r.Local = local
		}
	}
	return r
}

// ownerPriority is an address owner's (RFC 9568 section 6.1).
const ownerPriority = 255

// unicast is where adverts may leave from and go to, in each family that is
// advertised.
func unicast(elections []config.Election, ttl config.TTLMin) (local []netip.Addr, peers []agent.Peer) {
	least := int(ttl)
	if ttl == config.TTLAuto {
		least = agent.TTLAuto
	}
	for _, e := range elections {
		local = append(local, e.Own...)
		for _, p := range e.Peers {
			peers = append(peers, agent.Peer{Addresses: p.Addresses, TTLMin: least})
		}
	}
	return local, peers
}
