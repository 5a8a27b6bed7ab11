// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"net/netip"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// A private subnet, of which the client is, and a host of the Internet, with its
// address next to the nodes.
const privateSubnet = "subnet-0000000000000000b"

var (
	internet     = netip.MustParsePrefix("203.0.113.60/32")
	internetHere = netip.MustParsePrefix("192.0.2.60/24")
	everything4  = netip.MustParsePrefix("0.0.0.0/0")
	privateTable = awsfake.ClusterRoutes(2)
)

// pair has the default route of the private subnet move along with the overlay
// address.
func pair() shape {
	s := routes
	s.tables, s.outside, s.from = 1, internet.Addr(), privateSubnet
	s.change = func(c *awsfake.Config) {
		c.VPCs[0].CIDRs = append(c.VPCs[0].CIDRs, netip.MustParsePrefix("203.0.113.0/27"))
		c.Subnets = append(c.Subnets, awsfake.Subnet{ID: privateSubnet, VPC: awsfake.ClusterVPC, CIDR: netip.MustParsePrefix("203.0.113.0/27")})
		c.RouteTables = append(c.RouteTables, awsfake.RouteTable{
			ID: privateTable, VPC: awsfake.ClusterVPC, Subnets: []string{privateSubnet}, Tags: map[string]string{awsfake.ClusterTag: "web"},
		})
	}
	return s
}

// translate makes the nodes NAT instances: what they forward to the Internet comes
// from their own address. The host there knows no way back to the client.
func (w *world) translate() {
	w.t.Helper()
	labtest.Host(w.t, w.lab, "internet", internetHere.String(), internet.String())
	for _, n := range []int{first, second} {
		h := w.hosts[n]
		labtest.OK(w.t, h.Forward())
		labtest.OK(w.t, h.Route(internet, internetHere.Addr(), netip.Addr{}))
		out, err := h.Run(w.t.Context(), "nft", "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; "+
			"add rule ip nat out ip daddr "+internet.Addr().String()+" masquerade")
		if err != nil {
			w.t.Skipf("this kernel translates no addresses: %v\n%s", err, out)
		}
	}
}

// goesBy tells whether a node holds all, and the private subnet's default route
// leads to it.
func (w *world) goesBy(n int) bool {
	to, _ := w.Target(privateTable, everything4)
	return w.has(n) && to == awsfake.ClusterInterface(n)
}

// TestNATPair has a client in a private subnet reach the Internet by one of two NAT
// instances, and by the other one when that is gone.
func TestNATPair(t *testing.T) {
	t.Parallel()
	labtest.Need(t, "nft")
	w := newWorld(t, pair())
	w.conf.AWS.Routes = map[netip.Addr][]vicar.Block{overlay.Addr(): {{"to": everything4, "tables": []string{privateTable}}}}
	w.translate()
	w.start()
	w.eventually("the Internet is reached by lb-1", func() bool { return w.goesBy(first) })
	if out, err := w.agents[second].Doctor(t.Context()); err != nil {
		t.Errorf("doctor finds something wrong where nothing is: %v\n%s", err, out)
	}
	before := len(w.writes())
	labtest.OK(t, w.lab.Cut(w.hosts[first]))
	w.eventually("the Internet is reached by lb-2", func() bool { return w.goesBy(second) })
	w.answered()
	if wrote := w.writes()[before:]; len(wrote) != 2 {
		t.Errorf("%d writes for the address and what is behind it: %+v", len(wrote), wrote)
	}
	labtest.OK(t, w.lab.Heal(w.hosts[first]))
	w.settles(first)
	// Somebody puts the route back that has been there before.
	for n, to := range []string{"nat-0123456789abcdef0", ""} {
		labtest.OK(t, w.SetRoute(privateTable, everything4, to))
		w.eventually("lb-1 takes the default route back", func() bool { return w.stands(first).TakenBack == uint64(n+1) && w.goesBy(first) })
		w.answered()
	}
	if m := w.stands(first); len(m.Objects) != 2 || m.Moved != 2 {
		t.Errorf("shown as %+v", m)
	}
}
