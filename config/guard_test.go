// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

// three is a guarded cluster.
const three = `
cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 150}
  lb-2: {address: 192.0.2.11, priority: 100}
  lb-3: {address: 192.0.2.12, priority: 50}
peer_link: {keys_file: /etc/vicar/keys}
guard: {kind: quorum}
routers:
  web: {vrid: 51, addresses: [192.0.2.100/24]}
`

func loadGuard(t *testing.T) *Config {
	t.Helper()
	c, err := Load("testdata/guard.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	return c
}

func TestGuard(t *testing.T) {
	c := loadGuard(t)
	wantLink := &PeerLink{Port: 7947, KeysFile: "/etc/vicar/keys"}
	if diff := cmp.Diff(wantLink, c.PeerLink); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := Guard{Kind: GuardQuorum, OnLoss: OnLossHold, MaxLease: 2 * time.Second, Fence: FenceRequired}
	if diff := cmp.Diff(want, c.Guard); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"arbiter", "lb-1", "lb-2"}, c.Voters()); diff != "" {
		t.Errorf("voters (-want +got)\n%s", diff)
	}
	if c.Majority() != 2 {
		t.Errorf("%d voters are a majority, want 2", c.Majority())
	}
}

// TestGuardDefaults: what the sections leave out.
func TestGuardDefaults(t *testing.T) {
	c := mustParse(t, three)
	if want := (Guard{Kind: GuardQuorum, OnLoss: OnLossRelease, MaxLease: 10 * time.Second, Fence: FenceAuto}); c.Guard != want {
		t.Errorf("got %+v, want %+v", c.Guard, want)
	}
	if c.PeerLink.Port != 7946 || c.Routers[0].OnLoss != OnLossRelease {
		t.Errorf("port %d, on_loss %q", c.PeerLink.Port, c.Routers[0].OnLoss)
	}
}

// TestGuardNone: a guard that is turned off means what none means, whatever
// else is said of it.
func TestGuardNone(t *testing.T) {
	without := mustParse(t, small)
	off := mustParse(t, strings.Replace(small, "[192.0.2.100/24]", "[192.0.2.100/24], on_loss: hold", 1)+"guard: {kind: none, max_lease: 1s, on_loss: hold, fence: arp}\n")
	if off.Guard != (Guard{}) || off.Voters() != nil || off.Majority() != 0 || off.Routers[0].OnLoss != "" {
		t.Errorf("a guard: %+v", off)
	}
	if off.Digest() != without.Digest() {
		t.Error("it changes the digest")
	}
	if without.PeerLink != nil || len(without.Resources()) != 1 {
		t.Errorf("without a guard: %+v", without)
	}
}

func TestResources(t *testing.T) {
	want := []Resource{
		{
			Name: "router web", Routers: []string{"web"},
			Addresses: addrs("192.0.2.100", "198.51.100.7", "2001:db8::100"),
			Shortest:  100 * time.Millisecond, Longest: 100 * time.Millisecond, OnLoss: OnLossRelease,
		},
		{
			Name: "sync group edge", Routers: []string{"outside", "inside"},
			Addresses: addrs("198.51.100.1", "203.0.113.1"),
			Shortest:  40 * time.Millisecond, Longest: 40 * time.Millisecond, OnLoss: OnLossHold,
		},
	}
	if diff := cmp.Diff(want, loadGuard(t).Resources(), comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLease(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		10 * time.Millisecond:  100 * time.Millisecond,
		40 * time.Millisecond:  120 * time.Millisecond,
		100 * time.Millisecond: 300 * time.Millisecond,
		time.Second:            3 * time.Second,
	} {
		if got := (Resource{Shortest: time.Millisecond, Longest: interval}).Lease(); got != want {
			t.Errorf("an interval of %v has a lease of %v, want %v", interval, got, want)
		}
	}
}

// TestGossipMembers: the nodes go by their names, so both families work whatever
// addresses they have, and a witness is no peer.
func TestGossipMembers(t *testing.T) {
	members := loadGuard(t).Members("lb-2")
	web := members[len(members)-1]
	if diff := cmp.Diff(addrs("192.0.2.11", "198.51.100.11"), web.Own, comparers); diff != "" {
		t.Errorf("own addresses (-want +got)\n%s", diff)
	}
	one := func(node string, family int) []netip.Addr { return []netip.Addr{vip.NodeAddress(node, family)} }
	want := []Election{
		{Family: 4, Addresses: addrs("192.0.2.100"), Own: one("lb-2", 4), Peers: []Peer{{"lb-1", one("lb-1", 4)}}},
		{Family: 6, Addresses: addrs("2001:db8::100"), Own: one("lb-2", 6), Peers: []Peer{{"lb-1", one("lb-1", 6)}}},
	}
	if diff := cmp.Diff(want, web.Elections, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestGossipNames: two names that make one address by chance.
func TestGossipNames(t *testing.T) {
	const a, b = "lb-19764", "lb-158110"
	if vip.NodeAddress(a, 4) != vip.NodeAddress(b, 4) {
		t.Fatal("the names don't make one address")
	}
	text := strings.NewReplacer("lb-1", a, "lb-2", b).Replace(three) + "transport: {kind: gossip}\n"
	_, err := Parse("vicar.yaml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "gossip can't tell") || !strings.Contains(err.Error(), "rename one of them") {
		t.Errorf("got %v", err)
	}
	mustParse(t, strings.ReplaceAll(text, "gossip", "unicast"))
}

// TestVoters: how many there are, and what they may lose.
func TestVoters(t *testing.T) {
	for n := 1; n <= 6; n++ {
		text := "cluster: web\npeer_link: {keys_file: /etc/vicar/keys}\nguard: {kind: quorum}\n" +
			"routers: {web: {vrid: 51, addresses: [192.0.2.100/24]}}\nnodes:\n"
		for i := range n {
			text += fmt.Sprintf("  n%d: {address: 192.0.2.%d, priority: %d}\n", i, 10+i, 100-i)
		}
		c, err := Parse("vicar.yaml", []byte(text))
		if (err == nil) != (n >= 3) {
			t.Errorf("%d voters: %v", n, err)
		}
		if err == nil && (len(c.Warnings) == 1) != (n%2 == 0) {
			t.Errorf("%d voters: warnings %v", n, c.Warnings)
		}
	}
}

// TestGuardDigest: nodes whose guards differ must see it.
func TestGuardDigest(t *testing.T) {
	digests(t, three, true, [][2]string{
		{"kind: quorum", "kind: quorum, on_loss: release, max_lease: 10000ms, fence: auto"},
		{"keys_file: /etc/vicar/keys", "keys_file: /etc/vicar/keys, port: 7946"},
		{"100/24]", "100/24], on_loss: release"},
	})
	digests(t, three, false, [][2]string{
		{"kind: quorum", "kind: none"},
		{"kind: quorum", "kind: quorum, on_loss: hold"},
		{"kind: quorum", "kind: quorum, max_lease: 11s"},
		{"kind: quorum", "kind: quorum, fence: off"},
		{"keys_file: /etc/vicar/keys", "keys_file: /etc/vicar/keys, port: 7947"},
		{"keys_file: /etc/vicar/keys", "keys_file: /etc/vicar/other"},
		{"100/24]", "100/24], on_loss: hold"},
		{"priority: 50}", "priority: 50}\n  arbiter: {address: 192.0.2.13, witness: true}"},
	})
}
