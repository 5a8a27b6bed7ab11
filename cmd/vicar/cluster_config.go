// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/fleet"
	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/transport/gossip"
)

// own are the node's addresses that the peer link listens at.
func own(c *config.Config, node string) []netip.Addr {
	for _, n := range c.Nodes {
		if n.Name == node {
			return n.Addresses
		}
	}
	return nil
}

func linkPeers(c *config.Config, node string) []gossip.Peer {
	var peers []gossip.Peer
	for _, n := range c.Nodes {
		if n.Name == node {
			continue
		}
		p := gossip.Peer{Name: n.Name}
		for _, a := range n.Addresses {
			p.Addresses = append(p.Addresses, netip.AddrPortFrom(a, c.PeerLink.Port).String())
		}
		peers = append(peers, p)
	}
	return peers
}

func fleetNodes(c *config.Config) []fleet.Node {
	var nodes []fleet.Node
	for _, n := range c.Nodes {
		nodes = append(nodes, fleet.Node{Name: n.Name, Address: netip.AddrPortFrom(n.Addresses[0], c.PeerLink.Port), Witness: n.Witness})
	}
	return nodes
}

// guardConfig is what the configuration says for the guard.
func (u *cluster) guardConfig(c *config.Config, w clusterWorld) guard.Config {
	g := guard.Config{
		Node: u.node, Cluster: c.Cluster, Start: u.link.Start(), Voters: quorum.List{Voters: c.Voters(), MaxLease: c.Guard.MaxLease},
		Candidate: len(c.Members(u.node)) > 0, StateDir: w.stateDir, Fence: w.fence, Table: w.table, Log: w.log, Now: w.now, Limit: gossip.MaxPayload,
		Send:    func(to string, packet []byte) error { return u.link.Send(to, gossip.Lease, packet) },
		Changed: func() { u.fleet.SetReport(u.guard.Report()) },
	}
	if w.alarms != nil {
		g.NewAlarm = func() (guard.Alarm, error) {
			a, err := w.alarms()
			if err != nil {
				return nil, err
			}
			return a, nil
		}
	}
	for _, r := range c.Resources() {
		g.Resources = append(g.Resources, guard.Resource{
			Name: r.Name, Addresses: r.Addresses, Longest: r.Longest, Shortest: r.Shortest, Hold: r.OnLoss == config.OnLossHold,
		})
	}
	return g
}
