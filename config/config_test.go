// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

var comparers = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{}),
	cmpopts.IgnoreUnexported(Error{}, Config{}, Pool{}),
}

func TestLoad(t *testing.T) {
	c, err := Load("testdata/vicar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Cluster: "web",
		Nodes: []Node{
			{Name: "lb-1", Addresses: addrs("192.0.2.10", "2001:db8::10")},
			{Name: "lb-2", Addresses: addrs("192.0.2.11", "2001:db8::11")},
			{Name: "lb-3", Addresses: addrs("192.0.2.12", "2001:db8::12")},
		},
		Transport: Transport{Kind: Unicast, TTLMin: TTLAuto},
		Routers: []Router{
			{
				Name: "legacy", VRID: 52, Version: wire.V2, Interval: 2 * time.Second,
				Interface: map[string]string{"lb-1": "eth1", "lb-2": "eth1", "lb-3": "eth1"},
				Priority:  map[string]uint8{"lb-1": 150, "lb-2": 200, "lb-3": 50},
				Addresses: prefixes("203.0.113.100/24"),
				Password:  &[8]byte{'s', 'e', 'c', 'r', 'e', 't'},
				Announce:  defaultAnnounce,
				Move:      []Mover{{Kind: MoveKernel}},
			},
			{
				Name: "web", VRID: 51, Version: wire.V3, Interval: 100 * time.Millisecond,
				Interface: map[string]string{"lb-1": "ens5", "lb-2": "eth0", "lb-3": "auto"},
				Priority:  map[string]uint8{"lb-1": 150, "lb-2": 100, "lb-3": 120},
				Addresses: prefixes("192.0.2.100/24", "2001:db8::100/64"),
				Exclude:   prefixes("198.51.100.7/32"),
				Preempt:   true, PreemptDelay: 30 * time.Second,
				Checksum: wire.ChecksumPseudo,
				Announce: Announce{Repeat: 5, Delay: time.Second, Refresh: 30 * time.Second},
				Move:     []Mover{{Kind: MoveKernel}},
			},
		},
		Control: Control{Socket: "/run/vicar/vicar.sock", HTTP: netip.MustParseAddrPort("127.0.0.1:9112")},
	}
	if diff := cmp.Diff(want, c, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func addrs(texts ...string) []netip.Addr {
	parsed := make([]netip.Addr, len(texts))
	for i, s := range texts {
		parsed[i] = netip.MustParseAddr(s)
	}
	return parsed
}

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		parsed[i] = netip.MustParsePrefix(s)
	}
	return parsed
}
