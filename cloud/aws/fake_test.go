// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

var quiet = slog.New(slog.DiscardHandler)

// fake is a region with a cluster, and a session on each of its nodes.
type fake struct {
	*awsfake.World
	nodes []*Session
}

// newFake makes a region of two nodes without sockets. change may be nil.
func newFake(t *testing.T, tables int, change func(*awsfake.Config)) *fake {
	t.Helper()
	noEnvironment(t)
	cfg := awsfake.Cluster(2, tables)
	if change != nil {
		change(&cfg)
	}
	w, err := awsfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		if err := w.Check(); err != nil {
			t.Error(err)
		}
	})
	f := &fake{World: w}
	for n := 1; n <= 2; n++ {
		f.nodes = append(f.nodes, f.session(t, n, Config{}))
	}
	return f
}

// noEnvironment keeps the SDK from finding what this machine has.
func noEnvironment(t testing.TB) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
}

// session is another one on node n, from 1.
func (f *fake) session(t *testing.T, n int, cfg Config) *Session {
	t.Helper()
	cfg.Log = quiet
	if cfg.Transport == nil {
		cfg.Transport = f.Transport(awsfake.ClusterNode(n))
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at is node n's interface by its address.
func at(n int) Interface {
	return Interface{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + n)})}
}

func (f *fake) secondary(t *testing.T, n int, ipv6 bool) *Secondary {
	t.Helper()
	p, err := NewSecondary(f.nodes[n-1], SecondaryConfig{Interface: at(n), IPv6: ipv6})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *fake) route(t *testing.T, n, tables int) *Route {
	t.Helper()
	return f.routeAlong(t, n, tables, nil)
}

// overlays are the addresses that the tests move by routes.
var overlays = []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8:ffff::7")}

// behind are destinations that move along, of both families and any length. The
// first is in each table by itself, to the Internet, and the last one alone in
// table 4.
func behind() []Destination {
	return []Destination{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Tables: []string{awsfake.ClusterRoutes(2), awsfake.ClusterRoutes(3)}},
		{To: netip.MustParsePrefix("::/0"), Tables: []string{awsfake.ClusterRoutes(2)}},
		{To: netip.MustParsePrefix("203.0.113.64/27"), Tables: []string{awsfake.ClusterRoutes(1), awsfake.ClusterRoutes(4)}},
	}
}

// routeAlong is a Route with destinations that move along with each address.
func (f *fake) routeAlong(t *testing.T, n, tables int, along []Destination) *Route {
	t.Helper()
	var ids []string
	for i := 1; i <= tables; i++ {
		ids = append(ids, awsfake.ClusterRoutes(i))
	}
	cfg := RouteConfig{Interface: at(n), Tables: ids, Along: map[netip.Addr][]Destination{}}
	for _, a := range overlays {
		cfg.Along[a] = along
	}
	p, err := NewRoute(f.nodes[n-1], cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *fake) eip(t *testing.T, n int, follows bool, private ...string) *EIP {
	t.Helper()
	cfg := EIPConfig{Interface: at(n), Allocations: map[netip.Addr]string{}}
	for i, a := range private {
		a := netip.MustParseAddr(a)
		cfg.Allocations[a] = awsfake.ClusterEIP(i + 1)
		if follows {
			cfg.Follows = append(cfg.Follows, a)
		}
	}
	p, err := NewEIP(f.nodes[n-1], cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// node is the number of an interface's node, from 0; -1 for none.
func node(eni string) int {
	for n := 1; n <= 2; n++ {
		if eni == awsfake.ClusterInterface(n) {
			return n - 1
		}
	}
	return -1
}

func interfaceOf(node int) string {
	if node < 0 {
		return ""
	}
	return awsfake.ClusterInterface(node + 1)
}

// writes counts requests of an action that changed something; "" is all.
func (f *fake) writes(node int, action string) int {
	n := 0
	for _, r := range f.Requests() {
		if r.Write && !r.DryRun && r.Service == "ec2" && (node < 0 || r.Caller == awsfake.ClusterNode(node+1)) && (action == "" || r.Action == action) {
			n++
		}
	}
	return n
}

// refused counts requests of an action that were answered with a code.
func (f *fake) refused(node int, action, code string) int {
	n := 0
	for _, r := range f.Requests() {
		if r.Action == action && r.Code == code && r.Caller == awsfake.ClusterNode(node+1) {
			n++
		}
	}
	return n
}

// goneInterface is one that is attached to nothing.
const goneInterface = "eni-0000000000000dead"

func gone(cfg *awsfake.Config) {
	cfg.Interfaces = append(cfg.Interfaces, awsfake.Interface{
		ID: goneInterface, Subnet: awsfake.ClusterSubnet, Primary: netip.MustParseAddr("192.0.2.99"),
	})
}

func prefixes(all ...string) []netip.Prefix {
	var found []netip.Prefix
	for _, p := range all {
		found = append(found, netip.MustParsePrefix(p))
	}
	return found
}

// objects are a provider's.
func objects(t *testing.T, p cloud.Provider, addresses ...netip.Prefix) []cloud.Object {
	t.Helper()
	all, err := p.Objects(addresses)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// mine counts the objects that are this node's.
func mine(t *testing.T, p cloud.Provider, all []cloud.Object) int {
	t.Helper()
	seen, err := p.Observe(context.Background(), all)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range seen {
		if o.Mine {
			n++
		}
	}
	return n
}
