// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
)

// reaches tells for each address whether the kernel's host gets an answer for
// it on the interface.
func reaches(t *testing.T, k *Kernel, iface string, addrs ...netip.Addr) (answered []netip.Addr) {
	t.Helper()
	for _, a := range addrs {
		ok, err := k.Reachable(t.Context(), iface, []netip.Addr{a})
		must(t, err)
		if ok {
			answered = append(answered, a)
		}
	}
	return answered
}

// lan wants the fence to hold for a peer that asks on its interface.
func lan(t *testing.T, h *host, k *Kernel, iface string) {
	t.Helper()
	all := []netip.Addr{vip4, vip6}
	count := func(what string, want int) {
		t.Helper()
		if got := reaches(t, k, iface, all...); len(got) != want {
			t.Errorf("%s: answers for %v", what, got)
		}
	}
	count("no fence", 2)
	f := h.fence(FenceConfig{})
	must(t, f.Set(all, bootNow(t)+1<<40))
	count("open", 2)
	must(t, f.Shut(all))
	count("closed", 0)
	must(t, f.Set(all, bootNow(t)+1<<40))
	count("open again", 2)
}

// Two interfaces on one LAN: Linux answers on either for what the other has.
func TestFenceTwoOnOneLAN(t *testing.T) {
	needFence(t)
	h, peer := newPair(t)
	h.veth("eth1", peer, "eth1")
	must(t, h.nl.LinkSetHardwareAddr(h.link("eth1"), []byte{2, 0, 0, 0, 0, 2}))
	must(t, peer.nl.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}))
	for _, port := range []string{"eth0", "eth1"} {
		must(t, peer.nl.LinkSetMaster(peer.link(port), peer.link("br0")))
	}
	peer.up("br0")
	peer.add("br0", "192.0.2.20/24")
	peer.add("br0", "2001:db8::20/64")
	peer.ready("br0")
	h.add("eth0", "192.0.2.10/24")
	h.add("eth1", "192.0.2.11/24")
	h.add("eth0", "192.0.2.100/32")
	h.add("eth1", "2001:db8::100/64")
	h.ready("eth1")
	lan(t, h, peer.kernel(Config{}), "br0")
}

// An interface that goes and comes back is covered before it has an address.
func TestFenceVanishes(t *testing.T) {
	needFence(t)
	h, peer := newPair(t)
	peer.add("eth0", "192.0.2.20/24")
	f := h.fence(FenceConfig{Closed: []netip.Addr{vip4}})
	k := peer.kernel(Config{})
	for range 3 {
		must(t, h.nl.LinkDel(h.link("eth0")))
		must(t, f.Cover())
		h.veth("eth0", peer, "eth0")
		must(t, f.Cover())
		peer.add("eth0", "192.0.2.20/24")
		h.add("eth0", "192.0.2.10/24")
		h.add("eth0", "192.0.2.100/32")
		if got := reaches(t, k, "eth0", own4, vip4); len(got) != 1 || got[0] != own4 {
			t.Errorf("an interface that is back answers for %v", got)
		}
	}
}
