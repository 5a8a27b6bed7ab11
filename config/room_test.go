// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/transport/gossip"
	"github.com/vicar-ha/vicar/vip"
)

// manyIPv4 are n virtual addresses in flow form, eight to a line.
func manyIPv4(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d/32,", i>>16, i>>8&255, i&255)
		if i%8 == 7 {
			b.WriteString("\n      ")
		}
	}
	return b.String()
}

// TestRoom: what the peer link and the fence have no room for.
func TestRoom(t *testing.T) {
	const longest = 71
	if most := (gossip.MaxPayload - 2 - 2 - 8) / 16; most != longest {
		t.Fatalf("%d IPv6 addresses fit an advert", most)
	}
	ipv6 := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("2001:db8::%x/64", 256+i))
		}
		return strings.Join(all, ", ")
	}
	excluded := func(n int) [2]string {
		return [2]string{"100/24]}", "100/24]}\n  many:\n    vrid: 52\n    addresses: [192.0.2.101/24]\n    exclude: [\n      " + manyIPv4(n) + "]"}
	}
	with := func(first [2]string, more ...[2]string) [][2]string { return append([][2]string{first}, more...) }
	name := func(n int) string { return strings.Repeat("n", n) }
	byGossip := [2]string{"guard:", "transport: {kind: gossip}\nguard:"}
	tests := []struct {
		name string
		edit [][2]string
		want string // a part of the only error; none is a valid file
	}{
		{"the fence is full", with(excluded(vip.FenceRoom - 2)), ""},
		{
			"more than the fence holds", with(excluded(vip.FenceRoom - 1)),
			":11:3: routers.many: with this router there are more guarded addresses than the fence holds, in all 16385 and not 16384; remove some",
		},
		{"the same with fence: arp", with(excluded(vip.FenceRoom), [2]string{"kind: quorum", "kind: quorum, fence: arp"}), "16386 and not 16384"},
		{"no fence", with(excluded(vip.FenceRoom), [2]string{"kind: quorum", "kind: quorum, fence: off"}), ""},
		{"no guard", with(excluded(vip.FenceRoom), [2]string{"kind: quorum", "kind: none"}), ""},
		{"an advert is full", with(byGossip, [2]string{"192.0.2.100/24", ipv6(longest)}), ""},
		{"an advert is too long", with(byGossip, [2]string{"192.0.2.100/24", ipv6(longest + 1)}), "routers.web.addresses: there are 72 IPv6 addresses; by gossip an advert has room for 71"},
		{"but not by multicast", with([2]string{"192.0.2.100/24", ipv6(longest + 1)}), ""},
		{"a long node", with([2]string{"lb-3", name(64)}), ""},
		{"too long a node", with([2]string{"lb-3", name(65)}), "the name is too long for the peer link; 64 characters are the most"},
		{"too long a cluster", with([2]string{"cluster: web", "cluster: " + name(65)}), "cluster: the name is too long for the peer link; 64"},
		{"no peer link", with([2]string{"lb-3", name(65)}, [2]string{"peer_link: {keys_file: /etc/vicar/keys}\nguard: {kind: quorum}", ""}), ""},
		{"a long router", with([2]string{"web: {vrid", name(248) + ": {vrid"}), ""},
		{"too long a router", with([2]string{"web: {vrid", name(249) + ": {vrid"}), "too long for the peer link; 248"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := three
			for _, e := range tt.edit {
				if !strings.Contains(text, e[0]) {
					t.Fatalf("no %q to edit", e[0])
				}
				text = strings.Replace(text, e[0], e[1], 1)
			}
			only(t, text, tt.want)
		})
	}
}

// only wants the text to have one error, with that in it, or none at all.
func only(t *testing.T, text, want string) {
	t.Helper()
	_, err := Parse("vicar.yaml", []byte(text))
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want == "":
	case err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n"):
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestGossipVRID: all interfaces are one LAN to it.
func TestGossipVRID(t *testing.T) {
	tests := []struct {
		name, kind, other string
		want              string
	}{
		{"other interfaces", "gossip", "vrid: 51, interface: eth1, addresses: [198.51.100.100/24]", ":11:17: routers.other.vrid: VRID 51 is already that of router web on line 10, and by gossip all interfaces are one LAN; give each router a VRID of its own"},
		{"one interface", "gossip", "vrid: 51, interface: eth0, addresses: [198.51.100.100/24]", "by gossip"},
		{"auto", "gossip", "vrid: 51, addresses: [198.51.100.100/24]", "by gossip"},
		{"by node", "gossip", "vrid: 51, interface: {lb-1: eth1, lb-2: eth2, lb-3: eth3}, addresses: [198.51.100.100/24]", "by gossip"},
		{"both families beside one", "gossip", "vrid: 51, interface: eth1, addresses: [198.51.100.100/24, 2001:db8::100/64]", "by gossip"},
		{"another family", "gossip", "vrid: 51, interface: eth1, addresses: [2001:db8::100/64]", ""},
		{"another VRID", "gossip", "vrid: 52, interface: eth1, addresses: [198.51.100.100/24]", ""},
		{"multicast", "multicast", "vrid: 51, interface: eth1, addresses: [198.51.100.100/24]", ""},
		{"unicast", "unicast", "vrid: 51, interface: eth1, addresses: [198.51.100.100/24]", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(three, "web: {vrid: 51,", "web: {vrid: 51, interface: eth0,", 1)
			only(t, text+"  other: {"+tt.other+"}\ntransport: {kind: "+tt.kind+"}\n", tt.want)
		})
	}
}

// TestGuardRefuses: what the guard can't keep its promise with. One thing is
// wrong in each, and is said once.
func TestGuardRefuses(t *testing.T) {
	tests := []struct {
		name, old, text string
		want            string
	}{
		{"two voters", "  lb-3: {address: 192.0.2.12, priority: 50}\n", "", "guard.kind: two voters make no useful majority"},
		{"no peer link", "peer_link: {keys_file: /etc/vicar/keys}\n", "", "guard.kind: quorum needs the peer link"},
		{"a node used twice", "priority: 50}", "priority: 50}\n  lb-1: {address: 192.0.2.13}", "nodes.lb-1: the key lb-1 is already on line 4"},
		{"a lease longer than max_lease", "vrid: 51,", "vrid: 51, advert_interval: 5s,", "needs a lease of 15s, and the guard's max_lease is 10s"},
		{"the default interval is too long", "kind: quorum", "kind: quorum, max_lease: 1s", "needs a lease of 3s, and the guard's max_lease is 1s"},
		{"a node's own address", "192.0.2.100/24", "192.0.2.10/24", "routers.web.addresses[0]: 192.0.2.10 is the own address of node lb-1; choose another address"},
		{"an owner", "192.0.2.100/24]", "192.0.2.10/24], priority: {lb-1: 255}", "lb-1 has priority 255: the addresses are its own, and no guard can keep it from having them"},
		{"a witness's address", "priority: 50}", "priority: 50}\n  a: {address: 192.0.2.100, witness: true}\n  b: {address: 192.0.2.101, witness: true}", "192.0.2.100 is the own address of node a, a witness"},
		{"a witness with a priority", "priority: 50}", "priority: 50, witness: true}", "lb-3"},
		{"nobody but witnesses", "192.0.2.10, priority: 150}\n  lb-2: {address: 192.0.2.11, priority: 100}\n  lb-3: {address: 192.0.2.12, priority: 50}", "192.0.2.10, witness: true}\n  lb-2: {address: 192.0.2.11, witness: true}\n  lb-3: {address: 192.0.2.12, witness: true}", "witness"},
		{"an address in two guarded routers", "100/24]}", "100/24]}\n  api: {vrid: 52, addresses: [192.0.2.100/24]}", "192.0.2.100 is already an address of router web on line 10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(three, tt.old) {
				t.Fatalf("no %q to edit", tt.old)
			}
			only(t, strings.Replace(three, tt.old, tt.text, 1), tt.want)
		})
	}
}
