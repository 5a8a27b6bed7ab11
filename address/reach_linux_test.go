// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// reachRig is a host with a peer, which has a third host behind another link.
type reachRig struct {
	*host
	peer *host
	k    *Kernel
}

func newReachRig(t *testing.T) reachRig {
	t.Helper()
	h, peer := newPair(t)
	for _, p := range []string{"192.0.2.10/24", "2001:db8::10/64"} {
		h.add("eth0", p)
	}
	for _, p := range []string{"192.0.2.20/24", "2001:db8::20/64"} {
		peer.add("eth0", p)
	}
	h.ready("eth0")
	peer.ready("eth0")
	return reachRig{h, peer, h.kernel(Config{})}
}

// asks asks and wants an answer, or none.
func (r reachRig) asks(what string, want bool, hosts ...string) {
	r.t.Helper()
	var addrs []netip.Addr
	for _, h := range hosts {
		addrs = append(addrs, netip.MustParseAddr(h))
	}
	if got, err := r.k.Reachable(r.t.Context(), "eth0", addrs); err != nil || got != want {
		r.t.Errorf("%s: %v is reachable: %v, %v", what, hosts, got, err)
	}
}

func TestReachable(t *testing.T) {
	r := newReachRig(t)
	r.asks("IPv4", true, "192.0.2.20")
	r.asks("IPv6", true, "2001:db8::20")
	r.asks("one of several", true, "192.0.2.30", "2001:db8::30", "198.51.100.1", "192.0.2.20")
	r.asks("nobody", false, "192.0.2.30", "2001:db8::30")
	r.peer.add("eth0", "192.0.2.30/24")
	r.asks("again", true, "192.0.2.30")
	r.del("eth0", "192.0.2.10/24")
	r.del("eth0", "2001:db8::10/64")
	must(t, r.k.Acquire(t.Context(), web("192.0.2.100/24")))
	for _, hosts := range [][]netip.Addr{nil, {vip4}, {own4}} {
		if ok, err := r.k.Reachable(t.Context(), "eth0", hosts); ok || !errors.Is(err, ErrNoNeighbours) {
			t.Errorf("with an address of ours only, %v: %v, %v", hosts, ok, err)
		}
	}
}

// anywhere is where an IPv4 default route leads.
var anywhere = &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}

// The gateway of a default route answers for hosts that don't.
func TestReachableGateway(t *testing.T) {
	for _, c := range []struct {
		name  string
		route netlink.Route
	}{
		{"IPv4", netlink.Route{Gw: peer4.AsSlice()}},
		{"IPv6", netlink.Route{Gw: peer6.AsSlice()}},
		{"IPv4 via IPv6", netlink.Route{Dst: anywhere, Via: &netlink.Via{AddrFamily: unix.AF_INET6, Addr: peer6.AsSlice()}}},
		{"another table", netlink.Route{Gw: peer4.AsSlice(), Table: 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReachRig(t)
			r.asks("without a route", false, "192.0.2.30")
			r.route(c.route)
			r.asks("with a route", true, "192.0.2.30")
		})
	}
	t.Run("several hops", func(t *testing.T) {
		r := newReachRig(t)
		r.veth("eth1", r.peer, "eth1")
		r.add("eth1", "198.51.100.10/24")
		eth0, eth1 := r.link("eth0").Attrs().Index, r.link("eth1").Attrs().Index
		r.route(netlink.Route{Dst: anywhere, MultiPath: []*netlink.NexthopInfo{
			{LinkIndex: eth1, Gw: netip.MustParseAddr("198.51.100.20").AsSlice()}, {LinkIndex: eth0, Gw: peer4.AsSlice()},
		}})
		r.asks("the second hop", true, "192.0.2.30")
	})
}

// route adds a default route, by eth0 unless it has hops of its own.
func (r reachRig) route(route netlink.Route) {
	r.t.Helper()
	if len(route.MultiPath) == 0 {
		route.LinkIndex = r.link("eth0").Attrs().Index
	}
	must(r.t, r.nl.RouteAdd(&route))
}

// An interface that drops what comes or goes, at either end, is not one on
// which anybody is reachable.
func TestReachableDropped(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skipf("needs nft: %v", err)
	}
	for _, hook := range []string{"ingress", "egress"} {
		for _, mine := range []bool{true, false} {
			r := newReachRig(t)
			at := r.host
			if !mine {
				at = r.peer
			}
			at.nft(`add table netdev filter
add chain netdev filter silence { type filter hook ` + hook + ` device "eth0" priority 0; policy drop; }`)
			r.asks(hook, false, "192.0.2.20", "2001:db8::20")
			at.nft("delete table netdev filter")
			r.asks(hook+" no more", true, "192.0.2.20")
			r.asks(hook+" no more", true, "2001:db8::20")
		}
	}
}

// nft loads rules on the host.
func (h *host) nft(rules string) {
	h.t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	h.do(cmd.Start) // in the host's namespace
	if err := cmd.Wait(); err != nil {
		h.t.Fatalf("nft: %v: %s", err, out.String())
	}
}

func TestReachableErrors(t *testing.T) {
	r := newReachRig(t)
	if _, err := r.k.Reachable(t.Context(), "eth9", []netip.Addr{peer4}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("an interface that is missing: %v", err)
	}
	if _, err := r.k.Reachable(t.Context(), "lo", []netip.Addr{peer4}); !errors.Is(err, ErrNoNeighbours) {
		t.Errorf("loopback: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.k.Reachable(ctx, "eth0", []netip.Addr{peer4}); !errors.Is(err, context.Canceled) {
		t.Errorf("no time: %v", err)
	}
	r.down("eth0")
	if ok, err := r.k.Reachable(t.Context(), "eth0", []netip.Addr{peer4}); ok {
		t.Errorf("an interface that is down: %v, %v", ok, err)
	}
}

// Many ask at the same time, some of them the same.
func TestReachableTogether(t *testing.T) {
	r := newReachRig(t)
	var asking sync.WaitGroup
	got := make([]bool, 40)
	errs := make([]error, len(got))
	for i := range got {
		host := []string{"192.0.2.20", "192.0.2.30"}[i%2]
		asking.Go(func() {
			got[i], errs[i] = r.k.Reachable(t.Context(), "eth0", []netip.Addr{netip.MustParseAddr(host)})
		})
	}
	asking.Wait()
	for i := range got {
		if want := i%2 == 0; got[i] != want || errs[i] != nil {
			t.Errorf("%d: %v, %v", i, got[i], errs[i])
		}
	}
}

func TestQuestion(t *testing.T) {
	arp := askFrame(testMAC, own4, peer4)
	if want := etherFrame(etherARP, arpPayload(arpRequest, own4, peer4)); len(arp) != etherHeader+arpSize || !slices.Equal(arp[12:22], want[12:22]) {
		t.Errorf("ARP request % x", arp)
	}
	nd := askFrame(testMAC, own6, peer6)
	if got := netip.AddrFrom16([16]byte(nd[38:54])); got.String() != "ff02::1:ff00:20" || hardware(nd[:6]) != (hardware{0x33, 0x33, 0xff, 0, 0, 0x20}) {
		t.Errorf("NS to %v, % x", got, nd[:6])
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(appendARP(nil, arpReply, testMAC, vip4))
	f.Add(appendNA(nil, testMAC, vip6))
	f.Add(askFrame(testMAC, own4, peer4))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := parseAnswer(b, testMAC); ok && (!a.IsValid() || hardware(b[:6]) != testMAC) {
			t.Errorf("% x is an answer of %v", b, a)
		}
	})
}

func FuzzParseGateways(f *testing.F) {
	f.Add([]byte{unix.AF_INET, 0, 0, 0, 254, 4, 0, unix.RTN_UNICAST, 0, 0, 0, 0, 8, 0, unix.RTA_OIF, 0, 2, 0, 0, 0, 8, 0, unix.RTA_GATEWAY, 0, 192, 0, 2, 1})
	f.Add([]byte{unix.AF_INET, 0, 0, 0, 254, 4, 0, unix.RTN_UNICAST, 0, 0, 0, 0, 20, 0, unix.RTA_MULTIPATH, 0, 16, 0, 0, 0, 2, 0, 0, 0, 8, 0, unix.RTA_GATEWAY, 0, 192, 0, 2, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, a := range parseGateways(b, 2) {
			if !a.IsValid() {
				t.Errorf("% x has no gateway", b)
			}
		}
	})
}
