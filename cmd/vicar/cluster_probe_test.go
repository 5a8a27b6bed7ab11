// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/transport/gossip"
)

// TestResourceOfRemoved: a router that a reload has removed gives up in the cloud under
// the lease that it had.
func TestResourceOfRemoved(t *testing.T) {
	u := &cluster{known: make(map[netip.Addr]string)}
	u.learn(cloudConfig(t, "  web:", "  db: {vrid: 52, interface: eth0, addresses: [203.0.113.8/32], move: [aws-route, kernel]}\n  web:"))
	u.learn(cloudConfig(t))
	for claim, want := range map[string]string{"web": "router web", "db": "router db", "db/ipv6": "router db", "mail": ""} {
		if got := u.resourceOf(claim); got != want {
			t.Errorf("the claim %s is of %q, want %q", claim, got, want)
		}
	}
}

// TestProbers: a packet is asked of nodes that share the routers, the one that was
// heard last first. A witness may be where the addresses can't be reached from, and
// who is not in the file does not know them.
func TestProbers(t *testing.T) {
	c := cloudConfig(t, "  arbiter:", "  lb-3: {address: 192.0.2.12, priority: 50}\n  arbiter:")
	now := time.Now()
	var members []gossip.Member
	for i, name := range []string{"lb-1", "lb-2", "newcomer", "lb-3", "arbiter"} {
		members = append(members, gossip.Member{Name: name, Heard: now.Add(time.Duration(i) * time.Second)})
	}
	for node, want := range map[string][]string{"lb-1": {"lb-3", "lb-2"}, "lb-3": {"lb-2", "lb-1"}} {
		if got := probers(c, node, members); !slices.Equal(got, want) {
			t.Errorf("%s asks %v, want %v", node, got, want)
		}
	}
	if got := probers(c, "lb-1", members[4:]); len(got) != 0 {
		t.Errorf("alone with a witness it asks %v", got)
	}
}
