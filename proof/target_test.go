// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
)

func TestTargets(t *testing.T) {
	tests := []struct {
		kind       checks.Kind
		name, host string
		loopback   bool
	}{
		{checks.ICMP{Host: "192.0.2.1"}, "192.0.2.1", "192.0.2.1", false},
		{checks.ICMP{Host: "GW.example.com."}, "gw.example.com", "gw.example.com", false},
		{checks.ICMP{Host: "127.3.2.1"}, "127.3.2.1", "127.3.2.1", true},
		{checks.TCP{Address: "127.0.0.1:80"}, "127.0.0.1:80", "127.0.0.1", true},
		{checks.TCP{Address: "[::1]:80"}, "[::1]:80", "::1", true},
		{checks.TCP{Address: ":80"}, "localhost:80", "localhost", true},
		{checks.TCP{Address: "0.0.0.0:80"}, "0.0.0.0:80", "0.0.0.0", true},
		{checks.UDP{Address: "[2001:DB8::1]:53"}, "[2001:db8::1]:53", "2001:db8::1", false},
		{checks.DNS{Server: "192.0.2.1:53", Name: "example.com"}, "192.0.2.1:53", "192.0.2.1", false},
		{checks.SMTP{Address: "mail.localhost:25"}, "mail.localhost:25", "mail.localhost", true},
		{checks.GRPC{Address: "192.0.2.1:50051"}, "192.0.2.1:50051", "192.0.2.1", false},
		{checks.Handshake{Address: "192.0.2.1:443"}, "192.0.2.1:443", "192.0.2.1", false},
		{checks.HTTP{URL: "http://LocalHost/healthz"}, "localhost:80", "localhost", true},
		{checks.HTTP{URL: "https://192.0.2.1/a"}, "192.0.2.1:443", "192.0.2.1", false},
		{checks.HTTP{URL: "https://[2001:db8::1]:8443/a?b"}, "[2001:db8::1]:8443", "2001:db8::1", false},
		{checks.HTTP{URL: "http://%zz"}, "http://%zz", "http://%zz", false},
		{checks.Exec{Argv: []string{"/bin/true", "-x"}}, "exec /bin/true -x", "", true},
		{checks.Process{Name: "nginx"}, "process nginx", "", true},
		{checks.File{Path: "/etc/away"}, "file /etc/away", "", true},
		{checks.Interface{Name: "eth1"}, "interface eth1", "", true},
	}
	for _, tc := range tests {
		got := targetOf(tc.kind)
		if got.name != tc.name || got.host != tc.host || got.loopback() != tc.loopback {
			t.Errorf("%+v: %q on host %q, loopback %v; want %q, %q, %v", tc.kind, got.name, got.host, got.loopback(), tc.name, tc.host, tc.loopback)
		}
	}
}

// Two ways to write an endpoint are one, and no text is a panic.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"", ":", "127.0.0.1:80", "[2001:db8::1]:80", "[::]", "a:b:c", "[", "]:1", "::ffff:192.0.2.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := endpoint(s, checks.Bind{})
		b := endpoint(a.name, checks.Bind{})
		if strings.ContainsAny(s, "[]") || strings.Count(s, ":") != 1 {
			return // not host:port, which config does not let through
		}
		if a.name != b.name || a.host != b.host {
			t.Errorf("%q is %q on %q, and that is %q on %q", s, a.name, a.host, b.name, b.host)
		}
		page(checks.HTTP{URL: s})
	})
}

// What looks at one thing fails together: on its node, from its node, and
// everywhere.
func TestSharedFailures(t *testing.T) {
	gateway := checks.ICMP{Host: "198.51.100.1"}
	service := checks.TCP{Address: "198.51.100.1:25"}
	eth1 := checks.ICMP{Host: "203.0.113.1", Bind: checks.Bind{Interface: "eth1"}}
	tests := []struct {
		name string
		cfg  *config.Config
		want []string // of lb-1 and of all, besides the single ones
	}{
		{"a local service", with(with(cluster(200, 100), "a", checks.TCP{Address: "127.0.0.1:80"}, "-10"), "b", checks.HTTP{URL: "http://127.0.0.1/"}, "-10"), []string{
			"127.0.0.1:80 fails on lb-1 (a and b): 180 100: lb-1, then lb-1",
		}},
		{"a host, by two ways", with(with(cluster(200, 100), "a", gateway, "-10"), "b", service, "-10"), []string{
			"lb-1 loses 198.51.100.1 (a and b): 180 100: lb-1, then lb-1",
			"198.51.100.1 fails everywhere (a): 190 90: lb-1, then lb-1",
			"198.51.100.1:25 fails everywhere (b): 190 90: lb-1, then lb-1",
			"198.51.100.1 is down (a and b): 180 80: lb-1, then lb-1",
		}},
		{"a node's network", with(with(cluster(200, 100), "a", gateway, "-10"), "b", checks.ICMP{Host: "203.0.113.1"}, "-10"), []string{
			"lb-1 reaches none of a, b: 180 100: lb-1, then lb-1",
			"198.51.100.1 fails everywhere (a): 190 90: lb-1, then lb-1",
			"203.0.113.1 fails everywhere (b): 190 90: lb-1, then lb-1",
		}},
		{"an interface", with(with(with(cluster(200, 100), "a", checks.Interface{Name: "eth1"}, "-10"), "b", eth1, "-10"), "c", gateway, "-10"), []string{
			"eth1 fails on lb-1 (a and b): 180 100: lb-1, then lb-1",
			"lb-1 reaches none of b, c: 180 100: lb-1, then lb-1",
			"203.0.113.1 fails everywhere (b): 190 90: lb-1, then lb-1",
			"198.51.100.1 fails everywhere (c): 190 90: lb-1, then lb-1",
		}},
		{"a node's own address is local there", with(with(cluster(200, 100), "a", checks.TCP{Address: "192.0.2.11:80"}, "-10"), "b", checks.TCP{Address: "192.0.2.11:80"}, "-10"), []string{
			"lb-1 dies (a and b): dead 80: lb-2, then lb-1",
			"192.0.2.11:80 fails on lb-1 (a and b): 180 100: lb-1, then lb-1",
			"192.0.2.11:80 fails everywhere (a and b): 180 80: lb-1, then lb-1",
		}},
		{"a file that is there passes for both", with(with(cluster(200, 100), "a", checks.File{Path: "/etc/away"}, "10 reverse"), "b", checks.File{Path: "/etc/away"}, "20 reverse"), []string{
			"file /etc/away passes on lb-1 (a and b): 170 100: lb-1, then lb-1",
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, o := range only(t, Prove(tc.cfg, Options{})).Outcomes {
				what := o.Failures[0].What
				single := len(o.Failures[0].Turned) < 2 && !strings.Contains(what, "everywhere")
				if !single && !strings.Contains(what, "lb-2") {
					got = append(got, row(o))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A check may look at another thing on each node: what one of them loses the
// other has.
func TestOwnKinds(t *testing.T) {
	c := with(cluster(150, 100), "peer", nil, "-60")
	c.Checks[0].Kinds = map[string]checks.Kind{
		"lb-1": checks.ICMP{Host: "192.0.2.12"}, "lb-2": checks.ICMP{Host: "192.0.2.11"},
	}
	c.Nodes[0].Addresses = append(c.Nodes[0].Addresses, netip.MustParseAddr("2001:db8::11"))
	want := []string{
		"lb-1 dies (peer): dead 40: lb-2, then lb-1",
		"lb-2 dies (peer): 90 dead: lb-1, then lb-1",
		"peer fails on lb-1: 90 100: lb-2, then lb-1",
		"peer fails on lb-2: 150 40: lb-1, then lb-1",
	}
	if diff := cmp.Diff(want, rows(only(t, Prove(c, Options{})).Outcomes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
