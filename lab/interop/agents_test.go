// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// vrid is the virtual router's.
const vrid = 51

// world is what both agents agree on: how they talk, and who they are.
type world struct {
	name     string
	version  int
	ipv6     bool
	unicast  bool
	password string
	interval time.Duration
	// message tells that version 3 IPv4 checksums have no pseudo-header
	// (RFC 9568 section 5.2.8), which only vicar sends.
	message bool
}

// worlds are the ways to talk that vicar and keepalived share.
var worlds = []world{
	{name: "v3 IPv4 multicast", version: 3, interval: 100 * time.Millisecond},
	{name: "v3 IPv4 unicast", version: 3, unicast: true, interval: 100 * time.Millisecond},
	{name: "v3 IPv6 multicast", version: 3, ipv6: true, interval: 100 * time.Millisecond},
	{name: "v3 IPv6 unicast", version: 3, ipv6: true, unicast: true, interval: 100 * time.Millisecond},
	{name: "v2 multicast", version: 2, interval: time.Second},
	{name: "v2 unicast", version: 2, unicast: true, interval: time.Second},
	{name: "v2 multicast password", version: 2, password: "secret", interval: time.Second},
}

// vip is the address that moves.
func (w world) vip() netip.Prefix {
	if w.ipv6 {
		return netip.MustParsePrefix("2001:db8::100/64")
	}
	return netip.MustParsePrefix("192.0.2.100/24")
}

// nodes are the hosts' own addresses; b's are the greater ones.
func (w world) nodes() map[string]netip.Addr {
	if w.ipv6 {
		return map[string]netip.Addr{"a": netip.MustParseAddr("2001:db8::1"), "b": netip.MustParseAddr("2001:db8::2")}
	}
	return map[string]netip.Addr{"a": netip.MustParseAddr("192.0.2.1"), "b": netip.MustParseAddr("192.0.2.2")}
}

// agent is a running vicar or keepalived.
type agent interface {
	active() bool
	backup() bool
	reload(priority int) error
	process() *lab.Process
}

// start starts an agent of a kind on a host.
type start func(t *testing.T, w world, h *lab.Host, priority int) agent

// keepalivedAgent implements agent.
type keepalivedAgent struct {
	*keepalived.Agent
	instance keepalived.Instance
}

func startKeepalived(t *testing.T, w world, h *lab.Host, priority int) agent {
	t.Helper()
	i := keepalived.Instance{
		VRID: vrid, Version: w.version, Priority: priority, Interval: w.interval,
		Addresses: []netip.Prefix{w.vip()}, Password: w.password,
	}
	if w.unicast {
		for name, a := range w.nodes() {
			if name == h.Name {
				i.Source = a
			} else {
				i.Peers = append(i.Peers, a)
			}
		}
	}
	a, err := keepalived.Start(h, t.TempDir(), keepalived.Config{Instances: []keepalived.Instance{i}})
	labtest.OK(t, err)
	logged(t, h, a.Process)
	return &keepalivedAgent{Agent: a, instance: i}
}

func (a *keepalivedAgent) active() bool { return a.State(a.instance) == "MASTER" }
func (a *keepalivedAgent) backup() bool { return a.State(a.instance) == "BACKUP" }

func (a *keepalivedAgent) reload(priority int) error {
	a.instance.Priority = priority
	return a.Reload(keepalived.Config{Instances: []keepalived.Instance{a.instance}})
}

func (a *keepalivedAgent) process() *lab.Process { return a.Process }

// vicarAgent implements agent.
type vicarAgent struct {
	*vicar.Agent
	//nolint:containedctx // the test's, for the interface's methods
	ctx    context.Context
	node   string
	config vicar.Config
}

// router is the router's name in vicar's configuration.
const router = "web"

func startVicar(t *testing.T, w world, h *lab.Host, priority int) agent {
	t.Helper()
	r := vicar.Router{
		VRID: vrid, Version: w.version, Interval: vicar.Duration(w.interval),
		Addresses: []netip.Prefix{w.vip()}, Priority: map[string]int{h.Name: priority},
	}
	if w.version == 3 && !w.ipv6 && !w.message {
		r.Checksum = "keepalived"
	}
	if w.password != "" {
		r.Auth = &vicar.Auth{Password: w.password}
	}
	c := vicar.Config{Cluster: "interop", Nodes: make(map[string]vicar.Node), Routers: map[string]vicar.Router{router: r}}
	for name, a := range w.nodes() {
		c.Nodes[name] = vicar.Node{Address: []netip.Addr{a}, Priority: 100}
	}
	if w.unicast {
		c.Transport = &vicar.Transport{Kind: "unicast"}
		if w.ipv6 {
			// keepalived 2.2.7 leaves the hop limit of unicast IPv6 at the kernel's 64.
			c.Transport.TTLMin = "none"
		}
	}
	// t.TempDir's names are too long for a socket.
	dir, err := os.MkdirTemp("", "vicar")
	labtest.OK(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a, err := vicar.Start(h, binary, dir, c)
	labtest.OK(t, err)
	logged(t, h, a.Process)
	return &vicarAgent{Agent: a, ctx: t.Context(), node: h.Name, config: c}
}

func (a *vicarAgent) active() bool { return a.State(a.ctx, router) == "Active" }
func (a *vicarAgent) backup() bool { return a.State(a.ctx, router) == "Backup" }

func (a *vicarAgent) reload(priority int) error {
	r := a.config.Routers[router]
	r.Priority = map[string]int{a.node: priority}
	a.config.Routers = map[string]vicar.Router{router: r}
	return a.Reload(a.config)
}

func (a *vicarAgent) process() *lab.Process { return a.Process }

// logged shows what a process wrote if the test fails.
func logged(t *testing.T, h *lab.Host, p *lab.Process) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s on %s:\n%s", p.Name, h.Name, p.Output)
		}
	})
}
