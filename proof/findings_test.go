// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

// gateway is a host that all nodes look at.
var gateway = checks.ICMP{Host: "192.0.2.1"}

func TestFindings(t *testing.T) {
	haproxy := local("haproxy")
	tests := []struct {
		name string
		cfg  *config.Config
		want []string
	}{
		{"all well", with(cluster(150, 100), "haproxy", haproxy, "-60"), nil},
		{"a pool", with(cluster(150, 100), "web-up", checks.Pool{Service: "web"}, "-60"), nil},
		{"a pool that nobody can do without", with(cluster(150, 100), "web-up", checks.Pool{Service: "web"}, "fault"), []string{
			"note nobody: pool web is down everywhere (web-up): nobody holds the addresses, though lb-1 and lb-2 live; " +
				"web-up keeps them out; with a weight in place of fault the best of those that live goes on",
		}},
		{"negative, too small", with(cluster(150, 100), "haproxy", haproxy, "-20"), []string{
			"problem stays: haproxy fails on lb-1: 150-20=130 still beats lb-2's 100; weight must be below -50",
		}},
		{"negative, equal", with(cluster(150, 100), "haproxy", haproxy, "-50"), []string{
			"problem stays: haproxy fails on lb-1: 150-50=100 only equals lb-2's 100, and among equals the holder stays; weight must be below -50",
		}},
		{"positive, too small", with(cluster(120, 100), "haproxy", haproxy, "10"), []string{
			"problem stays: haproxy fails on lb-1: 120 still beats lb-2's 100+10=110; weight must be 21 to 153",
		}},
		{"positive, no room above", with(cluster(254, 100), "haproxy", haproxy, "10"), []string{
			"problem stays: haproxy fails on lb-1: 254 still beats lb-2's 100+10=110; " +
				"no weight can, since a priority stays within 1 to 254; use weight: fault, or bring the priorities closer together",
		}},
		{"negative, no room below", with(cluster(150, 1), "haproxy", haproxy, "-200"), []string{
			"problem stays: haproxy fails on lb-1: 150-200=1 (there is no less) only equals lb-2's 1, and among equals the holder stays; " +
				"no weight can, since a priority stays within 1 to 254; use weight: fault, or bring the priorities closer together",
		}},
		{"an owner", with(cluster(255, 100), "haproxy", haproxy, "-200"), []string{
			"problem stays: haproxy fails on lb-1: 255-200=255 (an owner's does not move) still beats lb-2's 100; weight: fault takes it out",
		}},
		{"the best of the others counts", with(cluster(150, 100, 120), "haproxy", haproxy, "-20"), []string{
			"problem stays: haproxy fails on lb-1: 150-20=130 still beats lb-3's 120; weight must be below -30",
		}},
		{"a greater one beside it", with(with(cluster(150, 100), "haproxy", haproxy, "-20"), "nginx", local("nginx"), "-60"), []string{
			"problem stays: haproxy fails on lb-1: 150-20=130 still beats lb-2's 100; weight must be below -50",
		}},
		{"two services that add up", with(with(cluster(150, 100), "haproxy", haproxy, "-20"), "nginx", local("nginx"), "-40"), []string{
			"problem stays: haproxy fails on lb-1: 150-20=130 still beats lb-2's 100; it moves only together with nginx; weight must be below -50",
			"problem stays: nginx fails on lb-1: 150-40=110 still beats lb-2's 100; it moves only together with haproxy; weight must be below -50",
		}},
		{"two uplinks that add up", with(with(cluster(150, 100), "a", gateway, "-30"), "b", checks.ICMP{Host: "203.0.113.1"}, "-30"), []string{
			"note stays: a fails on lb-1: 150-30=120 still beats lb-2's 100; it moves only together with b; if one is to be enough, weight must be below -50",
			"note stays: b fails on lb-1: 150-30=120 still beats lb-2's 100; it moves only together with a; if one is to be enough, weight must be below -50",
		}},
		{"uplinks that don't add up", with(with(cluster(150, 100), "a", gateway, "-20"), "b", checks.ICMP{Host: "203.0.113.1"}, "-30"), []string{
			"problem stays: a fails on lb-1: 150-20=130 still beats lb-2's 100; weight must be below -50",
			"problem stays: b fails on lb-1: 150-30=120 still beats lb-2's 100; weight must be below -50",
		}},
		{"maintenance, too small", with(cluster(150, 100), "away", checks.File{Path: "/etc/away"}, "20 reverse"), []string{
			"problem stays: away passes on lb-1: 150-20=130 still beats lb-2's 100; weight must be above 50",
		}},
		{"one node", with(cluster(150), "haproxy", haproxy, "-20"), []string{
			"note stays: lb-1 is the only node: nothing takes over when it dies, and no check can move the addresses; add a node",
		}},
		{"equals when all is well", cluster(100, 100), []string{
			"note tie: when all is well: lb-1 and lb-2 have the same priority 100: who is first holds the addresses, and of those that start together " +
				"the one with the greater address; give each node a priority that no other can come to have",
		}},
		{"equals after a failure", with(cluster(150, 100, 100), "haproxy", haproxy, "fault"), []string{
			"note tie: lb-1 dies: lb-2 and lb-3 have the same priority 100: who is first holds the addresses, and of those that start together " +
				"the one with the greater address; give each node a priority that no other can come to have",
		}},
		{"without preemption", unwilling(with(with(cluster(150, 100), "haproxy", haproxy, "-60"), "nginx", local("nginx"), "fault")), []string{
			"problem nopreempt: haproxy fails on lb-1: 150-60=90 holds on, whatever the weight: with preempt: false no node takes the addresses from a worse one; " +
				"use weight: fault, or preempt: true, or a delay",
			"note nopreempt: nginx fails on lb-1: the addresses go to lb-2, and stay there when all is well again (preempt: false); preempt: true, or a delay, brings them back",
		}},
		{"a gateway as fault", with(cluster(150, 100), "gateway", gateway, "fault"), []string{
			"note nobody: 192.0.2.1 fails everywhere (gateway): nobody holds the addresses, though lb-1 and lb-2 live; gateway keeps them out; " +
				"with a weight in place of fault the best of those that live goes on",
		}},
		{"a gateway as weight", with(cluster(150, 100), "gateway", gateway, "-60"), nil},
		{"a peer as fault", with(cluster(150, 100), "peer", checks.ICMP{Host: "192.0.2.12"}, "fault"), []string{
			"problem nobody: lb-2 dies (peer): nobody holds the addresses, though lb-1 lives; peer keeps it out; " +
				"with a weight in place of fault the best of those that live goes on",
		}},
		{"a service in reverse", with(cluster(150, 100), "haproxy", checks.TCP{Address: "127.0.0.1:80"}, "fault reverse"), []string{
			"problem nobody: no node on which haproxy passes can hold the addresses (fault, reverse): when it passes on all of them nobody does; " +
				"remove reverse, so that a failure takes the node out",
		}},
		{"clamped to equals", with(cluster(254, 200), "haproxy", haproxy, "60"), []string{
			"problem stays: lb-1 holds, then haproxy fails on lb-1: 254 only equals lb-2's 200+60=254 (there is no more), and among equals the holder stays; " +
				"no weight can, since a priority stays within 1 to 254; use weight: fault, or bring the priorities closer together",
			"note tie: when all is well: lb-1 and lb-2 have the same priority 254: who is first holds the addresses, and of those that start together " +
				"the one with the greater address; give each node a priority that no other can come to have",
		}},
		{"its own interface as weight", with(placed(cluster(150, 100), "eth0"), "up", checks.Interface{Name: "eth0"}, "-20"), nil},
		{"perhaps its own interface", with(placed(cluster(150, 100), "auto"), "up", checks.Interface{Name: "eth0"}, "-20"), nil},
		{"another interface", with(placed(cluster(150, 100), "eth1"), "up", checks.Interface{Name: "eth0"}, "-20"), []string{
			"problem stays: up fails on lb-1: 150-20=130 still beats lb-2's 100; weight must be below -50",
		}},
		{"its own interface's speed", with(placed(cluster(150, 100), "eth0"), "up", checks.Interface{Name: "eth0", Speed: 1000}, "-20"), []string{
			"problem stays: up fails on lb-1: 150-20=130 still beats lb-2's 100; weight must be below -50",
		}},
		{"a file in reverse", with(cluster(150, 100), "away", checks.File{Path: "/etc/away"}, "fault reverse"), nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lines(Prove(tc.cfg, Options{}).Findings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A check that one router tracks in reverse and another does not is well while
// it passes.
func TestReverseHereOnly(t *testing.T) {
	c := addRouter(with(cluster(150, 100), "haproxy", local("haproxy"), "fault"), "mail", 150, 100)
	c.Routers[1].Tracks = []track.Track{tracked("haproxy", "fault reverse")}
	want := []string{
		"problem nobody: nobody can hold the addresses while all is well: haproxy takes a node out while passing (fault, reverse); " +
			"remove reverse, so that a failure takes the node out",
	}
	r := Prove(c, Options{})
	if diff := cmp.Diff(want, lines(r.Findings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"mail"}, r.Findings[0].Routers); diff != "" {
		t.Error(diff)
	}
	if len(r.Problems()) != 1 {
		t.Errorf("%d problems, want 1", len(r.Problems()))
	}
}

func TestWitnessThatCanHold(t *testing.T) {
	c := cluster(150, 100, 50)
	c.Nodes[2].Witness = true
	want := []string{"problem witness: lb-3 is a witness and has priority 50: it would hold the addresses when the others are gone; remove its priority"}
	if diff := cmp.Diff(want, lines(Prove(c, Options{}).Findings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string(nil), lines(Prove(witnessed(c), Options{}).Findings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A finding is told once for all routers, and for all nodes.
func TestFindingsAreFolded(t *testing.T) {
	c := with(cluster(150, 100), "haproxy", local("haproxy"), "-20")
	addRouter(c, "mail", 150, 100)
	c.Routers[1].Tracks, c.Routers[1].Preempt = c.Routers[0].Tracks, true
	addRouter(c, "other", 150, 100)
	c.Routers[2].Tracks = append([]track.Track{tracked("nginx", "fault")}, c.Routers[0].Tracks...)
	c.Checks = append(c.Checks, config.Check{Check: checks.Check{Name: "nginx", Kind: local("nginx")}})
	r := Prove(c, Options{})
	if len(r.Elections) != 2 || len(r.Findings) != 1 {
		t.Fatalf("%d elections, want 2; findings %v, want 1", len(r.Elections), lines(r.Findings))
	}
	if diff := cmp.Diff([]string{"mail", "other", "web"}, r.Findings[0].Routers); diff != "" {
		t.Error(diff)
	}
}

// placed has the router on the interface.
func placed(c *config.Config, name string) *config.Config {
	c.Routers[0].Interface = make(map[string]string)
	for _, n := range c.Nodes {
		c.Routers[0].Interface[n.Name] = name
	}
	return c
}

// Who wins a tie is known only where the addresses are that adverts leave from.
func TestTieWinner(t *testing.T) {
	tests := []struct {
		name  string
		cfg   func(*config.Config)
		known bool
	}{
		{"an unknown interface", func(*config.Config) {}, false},
		{"multicast, named", func(c *config.Config) { placed(c, "eth0") }, false},
		{"multicast, auto", func(c *config.Config) { placed(c, config.InterfaceAuto) }, true},
		{"unicast", func(c *config.Config) { c.Transport.Kind = config.Unicast }, true},
		{"unicast, of two", func(c *config.Config) {
			c.Transport.Kind = config.Unicast
			c.Nodes[0].Addresses = append(c.Nodes[0].Addresses, netip.MustParseAddr("198.51.100.11"))
		}, false},
		{"multicast, IPv6", func(c *config.Config) {
			placed(c, config.InterfaceAuto)
			c.Routers[0].Addresses = []netip.Prefix{netip.MustParsePrefix("2001:db8::100/64")}
			for i := range c.Nodes {
				c.Nodes[i].Addresses = []netip.Addr{netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1))}
			}
		}, false},
	}
	for _, tc := range tests {
		c := cluster(100, 100)
		tc.cfg(c)
		found := Prove(c, Options{}).Findings
		if len(found) != 1 || strings.HasSuffix(found[0].Text, "address, lb-2") != tc.known {
			t.Errorf("%s: %v, want the winner %v", tc.name, lines(found), tc.known)
		}
	}
}

// What has failed on both nodes is no reason to go to the other.
func TestPairsOfTheSame(t *testing.T) {
	c := with(with(cluster(150, 100), "haproxy", local("haproxy"), "-60"), "nginx", local("nginx"), "-60")
	r := Prove(c, Options{Pairs: true})
	if diff := cmp.Diff([]string(nil), lines(r.Findings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A third that is well is one.
	c = with(cluster(150, 100, 50), "haproxy", local("haproxy"), "-60")
	if r := Prove(c, Options{Pairs: true}); len(r.Problems()) != 1 {
		t.Errorf("found %v, want one problem", lines(r.Findings))
	}
}

// TestChecksOfTheirOwn: routers whose checks weigh the same are told apart by them.
func TestChecksOfTheirOwn(t *testing.T) {
	c := with(addRouter(cluster(150, 100), "mail", 150, 100), "haproxy", local("haproxy"), "-20")
	c.Checks = append(c.Checks, config.Check{Check: checks.Check{Name: "smtp", Kind: local("smtp")}})
	c.Routers[1].Tracks = []track.Track{tracked("smtp", "-20")}
	got := make(map[string]string)
	for _, f := range Prove(c, Options{}).Findings {
		got[f.Check] = strings.Join(f.Routers, " ")
	}
	if diff := cmp.Diff(map[string]string{"haproxy": "web", "smtp": "mail"}, got); diff != "" {
		t.Errorf("routers by the check that doesn't move them (-want +got):\n%s", diff)
	}
}

// TestYield: who yields hands over to any that is better, and holds on when there is
// none; no weight beside it is too small then.
func TestYield(t *testing.T) {
	patient := func(c *config.Config) *config.Config {
		c.Routers[0].Preempt = false
		return c
	}
	for _, tc := range []struct {
		name string
		cfg  *config.Config
		want []string
	}{
		{"alone", with(cluster(150, 100), "disk", local("disk"), "yield"), nil},
		{"without preemption", patient(with(cluster(150, 100), "disk", local("disk"), "yield")), []string{
			"note nopreempt: disk fails on lb-1: the addresses go to lb-2, and stay there when all is well again (preempt: false); preempt: true, or a delay, brings them back",
		}},
		{"beside a weight", with(with(cluster(150, 100), "disk", local("disk"), "yield"), "haproxy", local("haproxy"), "-60"), nil},
		{"all look at one host", with(cluster(150, 100), "gateway", gateway, "yield"), nil},
		{"an owner", with(cluster(255, 100), "disk", local("disk"), "yield"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Prove(tc.cfg, Options{Pairs: true})
			if diff := cmp.Diff(tc.want, lines(r.Findings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, o := range r.Elections[0].Pairs {
				dead := len(o.Failures) == 2 && o.Failures[0].Dead != "" && o.Failures[1].Dead != ""
				if o.Holder == "" && !dead {
					t.Errorf("nobody holds: %s", row(o))
				}
			}
		})
	}
}
