// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/vicar-ha/vicar/vip"
)

func addrs(texts ...string) []netip.Addr {
	var as []netip.Addr
	for _, t := range texts {
		as = append(as, netip.MustParseAddr(t))
	}
	return as
}

func prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, t := range texts {
		ps = append(ps, netip.MustParsePrefix(t))
	}
	return ps
}

// TestResolve: of a peer with several addresses the one on the link's subnets
// is sent to, all are accepted, and only those on the link must come directly.
func TestResolve(t *testing.T) {
	peers := []Peer{
		{Addresses: addrs("198.51.100.11", "192.0.2.11"), TTLMin: TTLAuto},
		{Addresses: addrs("203.0.113.12"), TTLMin: TTLAuto},
		{Addresses: addrs("203.0.113.13"), TTLMin: 64},
		{Addresses: addrs("2001:db8::11"), TTLMin: TTLAuto},
	}
	to, mins := resolve(peers, 4, prefixes("192.0.2.10/24"))
	if want := addrs("192.0.2.11", "203.0.113.12", "203.0.113.13"); !slices.Equal(to, want) {
		t.Errorf("sends to %v, want %v", to, want)
	}
	want := map[netip.Addr]uint8{}
	for i, a := range addrs("198.51.100.11", "192.0.2.11", "203.0.113.12", "203.0.113.13") {
		want[a] = []uint8{0, 255, 0, 64}[i]
	}
	if !maps.Equal(mins, want) {
		t.Errorf("lowest TTLs %v, want %v", mins, want)
	}
}

func none(netip.Addr) bool { return false }

// TestPrimary: RFC 9568 sections 5.1.1.1 and 5.1.2.1.
func TestPrimary(t *testing.T) {
	x := &vip.Interface{Addresses: prefixes("192.0.2.1/24", "192.0.2.10/24", "2001:db8::1/64", "fe80::1/64")}
	for name, c := range map[string]struct {
		family int
		own    []netip.Addr
		claims func(netip.Addr) bool
		want   string
	}{
		"the first":                   {4, nil, none, "192.0.2.1"},
		"the first that is not a VIP": {4, nil, func(a netip.Addr) bool { return a == x.Addresses[0].Addr() }, "192.0.2.10"},
		"the node's own":              {4, addrs("198.51.100.1", "192.0.2.10"), none, "192.0.2.10"},
		"link-local, though own not":  {6, addrs("2001:db8::1"), none, "fe80::1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := primary(x, c.family, c.own, c.claims); got != netip.MustParseAddr(c.want) {
				t.Errorf("primary %v, want %s", got, c.want)
			}
		})
	}
	if got := primary(&vip.Interface{}, 4, nil, none); got.IsValid() {
		t.Errorf("primary %v of an interface without addresses", got)
	}
}

// TestPort: unicast adverts leave from the node's address on the router's
// interface, else from one that is there.
func TestPort(t *testing.T) {
	l := &loop{interfaces: []vip.Interface{
		{Name: "eth0", Addresses: prefixes("198.51.100.10/24")},
		{Name: "eth1", Addresses: prefixes("192.0.2.10/24")},
		{Name: "eth2"},
	}}
	own := addrs("198.51.100.10", "192.0.2.10")
	for home, want := range map[int]string{0: "198.51.100.10", 1: "192.0.2.10", 2: "198.51.100.10"} {
		if _, got := l.port(&l.interfaces[home], own); got != netip.MustParseAddr(want) {
			t.Errorf("with the router on eth%d: from %v, want %s", home, got, want)
		}
	}
	if x, _ := l.port(&l.interfaces[2], addrs("203.0.113.1")); x != nil {
		t.Errorf("found %s for an address that is nowhere", x.Name)
	}
}
