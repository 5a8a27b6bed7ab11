// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// inside is a subnet beside the nodes', with table 2.
const inside = "subnet-0000000000000000b"

func private(cfg *awsfake.Config) {
	cfg.VPCs[0].CIDRs = append(cfg.VPCs[0].CIDRs, netip.MustParsePrefix("203.0.113.128/25"))
	cfg.Subnets = append(cfg.Subnets, awsfake.Subnet{
		ID: inside, VPC: awsfake.ClusterVPC, CIDR: netip.MustParsePrefix("203.0.113.128/25"), IPv6: netip.MustParsePrefix("2001:db8:0:1::/64"),
	})
	cfg.RouteTables[1].Subnets, cfg.RouteTables[1].Routes = []string{inside}, nil
}

// defaults are both families' default routes in tables.
func defaults(tables ...string) []Destination {
	return []Destination{{To: netip.MustParsePrefix("0.0.0.0/0"), Tables: tables}, {To: netip.MustParsePrefix("::/0"), Tables: tables}}
}

// TestRoutesAlong has what a subnet sends to the Internet go by the node that holds
// an address, and nothing else.
func TestRoutesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 2, private)
		along := defaults(awsfake.ClusterRoutes(2))
		all := objects(t, f.routeAlong(t, 1, 1, along), prefixes("198.51.100.7/32")...)
		var ids []string
		for _, o := range all {
			ids = append(ids, o.ID)
		}
		if want := []string{awsfake.ClusterRoutes(1) + " 198.51.100.7/32", awsfake.ClusterRoutes(2) + " 0.0.0.0/0", awsfake.ClusterRoutes(2) + " ::/0"}; !slices.Equal(ids, want) {
			t.Fatalf("the objects are %q, want %q", ids, want)
		}
		goes := func(from, to, want string) {
			t.Helper()
			if eni, _, _ := f.Deliver(from, netip.MustParseAddr(to)); eni != want {
				t.Errorf("from %s packets for %s go to %q, want %q", from, to, eni, want)
			}
		}
		const there, there6 = "198.51.100.200", "2001:db8:ffff::1"
		goes(inside, there, "")
		for _, n := range []int{1, 2, 1} {
			eni := awsfake.ClusterInterface(n)
			acquire(t, f.routeAlong(t, n, 1, along), uint64(f.Count("")), prefixes("198.51.100.7/32"))
			goes(inside, there, eni)
			goes(inside, there6, eni)
			goes(awsfake.ClusterNode(3), "198.51.100.7", eni)
			// What is longer goes before it: the VPC's own, and what others have made.
			goes(inside, "192.0.2.12", awsfake.ClusterInterface(2))
			goes(awsfake.ClusterNode(3), there, "")
		}
		if err := f.SetRoute(awsfake.ClusterRoutes(2), netip.MustParsePrefix("198.51.100.128/25"), awsfake.ClusterInterface(2)); err != nil {
			t.Fatal(err)
		}
		goes(inside, there, awsfake.ClusterInterface(2))
	})
}

// TestRoutesAlongOfOne: what moves with an address does not with another.
func TestRoutesAlongOfOne(t *testing.T) {
	f := newFake(t, 2, nil)
	d := Destination{To: netip.MustParsePrefix("203.0.113.0/24"), Tables: []string{awsfake.ClusterRoutes(1)}}
	cfg := RouteConfig{Interface: at(1), Tables: []string{awsfake.ClusterRoutes(1)}, Along: map[netip.Addr][]Destination{overlays[0]: {d}}}
	p, err := NewRoute(f.nodes[0], cfg)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]int{"198.51.100.7/32": 2, "198.51.100.8/32": 1, "2001:db8:ffff::7/128": 1} {
		if all := objects(t, p, prefixes(address)...); len(all) != want {
			t.Errorf("%s has the objects %v, want %d", address, all, want)
		}
	}
	for _, wrong := range []Destination{
		{To: d.To}, {Tables: d.Tables}, {To: netip.MustParsePrefix("203.0.113.7/24"), Tables: d.Tables},
	} {
		cfg.Along[overlays[0]] = []Destination{wrong}
		if _, err := NewRoute(f.nodes[0], cfg); err == nil {
			t.Errorf("%+v moves along", wrong)
		}
	}
}

// TestExamineWayOut: a default route that moves is no way to EC2 for the nodes
// themselves.
func TestExamineWayOut(t *testing.T) {
	const to, one = "198.51.100.7/32", "203.0.113.7/32"
	own := func(cfg *awsfake.Config) {
		private(cfg)
		cfg.RouteTables[0].Subnets = []string{awsfake.ClusterSubnet}
	}
	mainOfOthers := func(cfg *awsfake.Config) {
		own(cfg)
		cfg.RouteTables[0].Main, cfg.RouteTables[1].Main = false, true
		cfg.RouteTables[1].Subnets = nil
	}
	half := []Destination{{To: netip.MustParsePrefix("128.0.0.0/1"), Tables: []string{awsfake.ClusterRoutes(1)}}}
	part := []Destination{{To: netip.MustParsePrefix("203.0.113.0/24"), Tables: []string{awsfake.ClusterRoutes(1)}}}
	for _, c := range []struct {
		examined
		along []Destination
	}{
		{examined{name: "of another subnet", change: private, to: to}, defaults(awsfake.ClusterRoutes(2))},
		{examined{name: "of its own", change: own, to: to, what: "way to EC2"}, defaults(awsfake.ClusterRoutes(1))},
		{examined{name: "the main one, which is its own", change: private, to: to, what: "way to EC2"}, defaults(awsfake.ClusterRoutes(1))},
		{examined{name: "the main one, which is others'", change: mainOfOthers, to: to}, defaults(awsfake.ClusterRoutes(2))},
		{examined{name: "a half", change: own, to: to, what: "way to EC2"}, half},
		{examined{name: "a part", change: own, to: to}, part},
		{examined{name: "in the VPC", change: private, to: one}, defaults(awsfake.ClusterRoutes(2))},
		{examined{name: "a table that is not there", to: to, what: "rtb-1234"}, defaults("rtb-1234")},
	} {
		c.run(t, func(t *testing.T, f *fake) cloud.Provider { return f.routeAlong(t, 1, 1, c.along) })
	}
}
