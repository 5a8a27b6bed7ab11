// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/quorum"
)

// address gives a node a file with one more address.
func (l *linked) address(p netip.Prefix) {
	t := l.b.t
	t.Helper()
	var names []string
	for _, n := range l.b.nodes {
		names = append(names, n.name)
	}
	l.node.cfg.Routers = slices.Clone(l.node.cfg.Routers) // the agent has the others
	r := &l.node.cfg.Routers[0]
	r.Addresses = append(slices.Clone(r.Addresses), p)
	var addresses []netip.Addr
	for _, p := range r.Addresses {
		addresses = append(addresses, p.Addr())
	}
	err := l.guard.Reload(t.Context(), guard.Config{
		Voters:    quorum.List{Voters: names, MaxLease: maxLease},
		Resources: []guard.Resource{{Name: "router web", Addresses: addresses, Longest: r.Interval, Shortest: r.Interval}},
		Candidate: true,
	})
	if err == nil {
		err = l.node.agent.Reload(t.Context(), l.node.cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestGuardedAddress: an address that all get by reload, one after the other. A
// voter grants only what its own file has, so the holder gets a new lease when a
// majority has it.
func TestGuardedAddress(t *testing.T) {
	more := netip.MustParsePrefix("192.0.2.101/24")
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		inBound(t, true, func(b *bound) {
			silent := b.during(guardedVIP, func() {
				for _, i := range order {
					b.linked[b.nodes[i].name].address(more)
					time.Sleep(2 * time.Second)
				}
			})
			if silent > 100*time.Millisecond {
				t.Errorf("order %v: nobody answered for %v", order, silent)
			}
			b.want("lb-1")
			if got := b.answering(more); !slices.Equal(got, []string{"lb-1"}) {
				t.Errorf("order %v: %v have the new address", order, got)
			}
		})
	}
}
