// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// names stands for a kernel and an announcer in tables.
type named string

func (named) Acquire(context.Context, vip.Claim) error      { return nil }
func (named) Release(context.Context, vip.Claim) error      { return nil }
func (named) Held(context.Context, vip.Claim) (bool, error) { return true, nil }
func (named) Announce(context.Context, vip.Claim) error     { return nil }

func addrs(as ...string) []netip.Addr {
	var all []netip.Addr
	for _, a := range as {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func TestAgentConfig(t *testing.T) {
	const nodes = `
cluster: web
nodes:
  lb-1: {address: [192.0.2.10, "2001:db8::10"], priority: 150}
  lb-2: {address: [192.0.2.11, "2001:db8::11"], priority: 100}
  lb-3: {address: [192.0.2.12, "2001:db8::12"], priority: 50}
`
	kernel := []agent.Mover{named("kernel")}
	tests := map[string]struct {
		file, node string
		want       agent.Router
	}{
		"multicast with the defaults": {
			file: nodes + `
routers:
  web: {vrid: 51, interface: eth0, addresses: [192.0.2.100/24]}
`,
			node: "lb-2",
			want: agent.Router{
				Name: "web", Interface: "eth0", VRID: 51, Version: wire.V3, Priority: 100, Interval: time.Second,
				Preempt: true, Multicast: true, Local: addrs("192.0.2.11", "2001:db8::11"),
				Addresses: prefixes("192.0.2.100/24"), Movers: kernel, Announcer: named("announcer"),
			},
		},
		"interface found by itself": {
			file: nodes + `
routers:
  web: {vrid: 51, interface: auto, addresses: [192.0.2.100/24], preempt: false}
`,
			node: "lb-1",
			want: agent.Router{
				Name: "web", VRID: 51, Version: wire.V3, Priority: 150, Interval: time.Second,
				Multicast: true, Local: addrs("192.0.2.10", "2001:db8::10"),
				Addresses: prefixes("192.0.2.100/24"), Movers: kernel, Announcer: named("announcer"),
			},
		},
		"unicast in both families": {
			file: nodes + `
transport: {kind: unicast}
routers:
  web:
    vrid: 51
    interface: {lb-1: ens5, lb-2: eth0, lb-3: eth0}
    advert_interval: 100ms
    addresses: [192.0.2.100/24, "2001:db8::100/64"]
    exclude: [198.51.100.7/32]
    preempt: 30s
`,
			node: "lb-1",
			want: agent.Router{
				Name: "web", Interface: "ens5", VRID: 51, Version: wire.V3, Priority: 150, Interval: 100 * time.Millisecond,
				Preempt: true, PreemptDelay: 30 * time.Second, Local: addrs("192.0.2.10", "2001:db8::10"),
				Peers: []agent.Peer{
					{Addresses: addrs("192.0.2.11"), TTLMin: agent.TTLAuto},
					{Addresses: addrs("192.0.2.12"), TTLMin: agent.TTLAuto},
					{Addresses: addrs("2001:db8::11"), TTLMin: agent.TTLAuto},
					{Addresses: addrs("2001:db8::12"), TTLMin: agent.TTLAuto},
				},
				Addresses: prefixes("192.0.2.100/24", "2001:db8::100/64"), Exclude: prefixes("198.51.100.7/32"),
				Movers: kernel, Announcer: named("announcer"),
			},
		},
		"unicast in one family, with a TTL": {
			file: nodes + `
transport: {kind: unicast, ttl_min: 250}
routers:
  web: {vrid: 51, interface: eth0, version: 2, addresses: [192.0.2.100/24], priority: {lb-3: 200}}
`,
			node: "lb-3",
			want: agent.Router{
				Name: "web", Interface: "eth0", VRID: 51, Version: wire.V2, Priority: 200, Interval: time.Second,
				Preempt: true, Local: addrs("192.0.2.12"),
				Peers: []agent.Peer{
					{Addresses: addrs("192.0.2.10"), TTLMin: 250},
					{Addresses: addrs("192.0.2.11"), TTLMin: 250},
				},
				Addresses: prefixes("192.0.2.100/24"), Movers: kernel, Announcer: named("announcer"),
			},
		},
		"address owner": {
			file: nodes + `
routers:
  web: {vrid: 51, interface: eth0, addresses: [192.0.2.10/24], priority: {lb-1: 255}}
`,
			node: "lb-1",
			want: agent.Router{
				Name: "web", Interface: "eth0", VRID: 51, Version: wire.V3, Priority: 255, Interval: time.Second,
				Preempt: true, Multicast: true, Local: addrs("192.0.2.10", "2001:db8::10"),
				Addresses: prefixes("192.0.2.10/24"),
				Movers:    []agent.Mover{owned{named("kernel"), prefixes("192.0.2.10/24")}}, Announcer: named("announcer"),
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := config.Parse("vicar.yaml", []byte(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			h := host{kernel: named("kernel"), announcer: func(config.Announce) agent.Announcer { return named("announcer") }}
			got := agentConfig(c, tc.node, "v1", h)
			if got.Node != tc.node || got.Cluster != "web" || got.Version != "v1" || got.Digest != c.Digest() || len(got.Routers) != 1 {
				t.Fatalf("agent is %+v", got)
			}
			opts := cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmp.AllowUnexported(owned{})}
			if diff := cmp.Diff(tc.want, got.Routers[0], opts); diff != "" {
				t.Errorf("router (-want +got):\n%s", diff)
			}
		})
	}
}

// Every router has the announcer of its own settings.
func TestAgentConfigAnnounce(t *testing.T) {
	c, err := config.Parse("vicar.yaml", []byte(`
cluster: web
nodes: {lb-1: {address: 192.0.2.10}}
announce: {repeat: 2}
routers:
  a: {vrid: 1, interface: eth0, addresses: [192.0.2.100/24]}
  b: {vrid: 2, interface: eth0, addresses: [192.0.2.101/24], announce: {repeat: 7}}
`))
	if err != nil {
		t.Fatal(err)
	}
	h := host{announcer: func(a config.Announce) agent.Announcer { return named(rune('0' + a.Repeat)) }}
	got := agentConfig(c, "lb-1", "", h)
	for i, want := range []named{"2", "7"} {
		if got.Routers[i].Announcer != want {
			t.Errorf("router %s has announcer %v, want %v", got.Routers[i].Name, got.Routers[i].Announcer, want)
		}
	}
}
