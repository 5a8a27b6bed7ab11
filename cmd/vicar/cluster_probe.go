// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/transport/gossip"
	"github.com/vicar-ha/vicar/vip"
)

// peers are the nodes on the peer link that can be asked for a packet.
func (u *cluster) peers() []string {
	u.mu.Lock()
	c := u.cfg
	u.mu.Unlock()
	return probers(c, u.node, u.link.Members())
}

// probers are those of the members that share the node's routers, and so reach their
// addresses as clients do, the one that was heard last first: one that has died stays
// for some seconds. A witness may be anywhere.
func probers(c *config.Config, node string, members []gossip.Member) []string {
	var names []string
	slices.SortStableFunc(members, func(a, b gossip.Member) int { return b.Heard.Compare(a.Heard) })
	for _, m := range members {
		if m.Name != node && len(c.Members(m.Name)) > 0 {
			names = append(names, m.Name)
		}
	}
	return names
}

func (u *cluster) sendProbe(to string, payload []byte) error {
	return u.link.Send(to, gossip.Probe, payload)
}

// ours tells whether the address is one of the configuration's.
func (u *cluster) ours(a netip.Addr) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range u.cfg.Routers {
		for _, p := range slices.Concat(r.Addresses, r.Exclude) {
			if p.Addr() == a {
				return true
			}
		}
	}
	return false
}

// byPeers is a cloud.Prober of a service whose cluster is made later.
type byPeers struct{ s *service }

var errAlone = errors.New("there is no peer_link to ask another node by")

// Probe satisfies cloud.Prober.
func (p byPeers) Probe(ctx context.Context, c vip.Claim) (peer string, arrived bool, err error) {
	if p.s.cluster == nil {
		return "", false, errAlone
	}
	return p.s.cluster.probes.Probe(ctx, c)
}
