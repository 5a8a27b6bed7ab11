// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

var mixed = []string{"192.0.2.100/24", "2001:db8::100/64", "198.51.100.7/32", "2001:db8:1::7/128"}

func held(t *testing.T, k *Kernel, c vip.Claim, want bool) {
	t.Helper()
	got, err := k.Held(t.Context(), c)
	must(t, err)
	if got != want {
		t.Errorf("Held: got %v, want %v", got, want)
	}
}

func TestAcquireRelease(t *testing.T) {
	h, _ := newPair(t)
	h.add("eth0", "192.0.2.10/24")
	h.add("eth0", "2001:db8::10/64")
	k := h.kernel(Config{RuntimeDir: t.TempDir()})
	own := prefixes("192.0.2.10/24", "2001:db8::10/64")
	c := web(mixed...)

	held(t, k, c, false)
	for range 3 {
		must(t, k.Acquire(t.Context(), c))
		equal(t, "acquired", h.global("eth0"), slices.Concat(own, c.Addresses))
		held(t, k, c, true)
	}
	h.del("eth0", "198.51.100.7/32")
	held(t, k, c, false)
	must(t, k.Acquire(t.Context(), c))
	equal(t, "acquired again", h.global("eth0"), slices.Concat(own, c.Addresses))

	for range 2 {
		must(t, k.Release(t.Context(), c))
		equal(t, "released", h.global("eth0"), own)
		held(t, k, c, false)
	}
}

// What the package comment says of an address.
func TestAddressForm(t *testing.T) {
	h, _ := newPair(t)
	h.add("eth0", "192.0.2.10/24")
	h.add("eth0", "2001:db8::10/64")
	k := h.kernel(Config{})
	must(t, k.Acquire(t.Context(), web(mixed...)))

	for addr, tag := range h.tags() {
		own := slices.ContainsFunc(mixed, func(s string) bool { return netip.MustParsePrefix(s).Addr() == addr })
		if own != (tag == Proto) {
			t.Errorf("%v has IFA_PROTO %d", addr, tag)
		}
	}
	list, err := h.nl.AddrList(h.link("eth0"), netlink.FAMILY_ALL)
	must(t, err)
	for _, a := range list {
		var want int
		switch a.IPNet.String() {
		case "192.0.2.100/24":
			want = unix.IFA_F_PERMANENT | unix.IFA_F_SECONDARY
		case "198.51.100.7/32":
			want = unix.IFA_F_PERMANENT
		case "2001:db8::100/64", "2001:db8:1::7/128":
			want = unix.IFA_F_PERMANENT | unix.IFA_F_NODAD | unix.IFA_F_DEPRECATED
			if a.PreferedLft != 0 {
				t.Errorf("%v: preferred for %d s", a.IPNet, a.PreferedLft)
			}
		default:
			continue
		}
		if a.Flags != want || a.Scope != unix.RT_SCOPE_UNIVERSE || a.Broadcast != nil {
			t.Errorf("%v: flags %#x, want %#x; scope %d, broadcast %v", a.IPNet, a.Flags, want, a.Scope, a.Broadcast)
		}
	}
}

// An address that is there already, in whatever form, becomes ours.
func TestAcquireTakesOver(t *testing.T) {
	for _, c := range []struct{ there, claimed string }{
		{"192.0.2.100/24", "192.0.2.100/24"},
		{"192.0.2.100/32", "192.0.2.100/24"},
		{"2001:db8::100/64", "2001:db8::100/64"},
		{"2001:db8::100/128", "2001:db8::100/64"},
	} {
		t.Run(c.there+" "+c.claimed, func(t *testing.T) {
			h, _ := newPair(t)
			h.add("eth0", c.there)
			k := h.kernel(Config{})
			claim := web(c.claimed)
			must(t, k.Acquire(t.Context(), claim))
			held(t, k, claim, true)
			must(t, k.Acquire(t.Context(), claim)) // sees what was not in the way
			equal(t, "acquired", h.global("eth0"), claim.Addresses)
			if tag := h.tags()[claim.Addresses[0].Addr()]; tag != Proto {
				t.Errorf("IFA_PROTO: got %d", tag)
			}
			must(t, k.Release(t.Context(), claim))
			equal(t, "released", h.global("eth0"), nil)
		})
	}
}

// Removing a primary address must not take another's with it.
func TestReleaseKeepsOthers(t *testing.T) {
	h, _ := newPair(t)
	h.sysctl("ipv4/conf/eth0/promote_secondaries", "0")
	k := h.kernel(Config{})
	first, second := web("198.51.100.1/24"), web("198.51.100.2/24")
	second.Router = "other"
	must(t, k.Acquire(t.Context(), first))
	must(t, k.Acquire(t.Context(), second))
	h.add("eth0", "198.51.100.50/24")
	must(t, k.Release(t.Context(), first))
	equal(t, "the rest", h.global("eth0"), prefixes("198.51.100.2/24", "198.51.100.50/24"))
	must(t, k.Release(t.Context(), second))
	equal(t, "the rest", h.global("eth0"), prefixes("198.51.100.50/24"))
}

func TestReleaseByPart(t *testing.T) {
	h, _ := newPair(t)
	k := h.kernel(Config{RuntimeDir: t.TempDir()})
	c := web(mixed...)
	must(t, k.Acquire(t.Context(), c))
	must(t, k.Release(t.Context(), web(mixed[:2]...)))
	equal(t, "the rest", h.global("eth0"), prefixes(mixed[2:]...))
	held(t, k, web(mixed[2:]...), true)
}

// A reload moves an address to another router, or changes its prefix length:
// the late Release of the old claim must not take it from the new one.
func TestReleaseSpares(t *testing.T) {
	h, _ := newPair(t)
	k := h.kernel(Config{RuntimeDir: t.TempDir()})
	other := web(mixed[0])
	other.Router = "other"
	must(t, k.Acquire(t.Context(), web(mixed[:2]...)))
	must(t, k.Acquire(t.Context(), other))
	must(t, k.Release(t.Context(), web(mixed[:2]...)))
	equal(t, "moved", h.global("eth0"), other.Addresses)

	longer := web("192.0.2.100/32", "2001:db8::100/128")
	longer.Router = "other"
	must(t, k.Acquire(t.Context(), longer))
	must(t, k.Release(t.Context(), other))
	equal(t, "another length", h.global("eth0"), longer.Addresses)
	must(t, k.Release(t.Context(), longer))
	equal(t, "released", h.global("eth0"), nil)
}

// Without the interface nothing is held, and it may come back under the same
// or another name.
func TestInterfaceGone(t *testing.T) {
	h, peer := newPair(t)
	k := h.kernel(Config{})
	c := web(mixed...)
	must(t, k.Acquire(t.Context(), c))
	must(t, h.nl.LinkDel(h.link("eth0")))
	held(t, k, c, false)
	if err := k.Acquire(t.Context(), c); !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "eth0") {
		t.Errorf("Acquire: got %v", err)
	}
	must(t, k.Release(t.Context(), c))

	h.veth("eth0", peer, "eth0")
	must(t, k.Acquire(t.Context(), c))
	held(t, k, c, true)
	must(t, h.nl.LinkSetDown(h.link("eth0")))
	must(t, h.nl.LinkSetName(h.link("eth0"), "lan0"))
	h.up("lan0")
	must(t, k.Release(t.Context(), c))
	equal(t, "released under another name", h.global("lan0"), nil)
}

func TestManyAddresses(t *testing.T) {
	h, _ := newPair(t)
	h.add("eth0", "192.0.2.10/24")
	k := h.kernel(Config{RuntimeDir: t.TempDir()})
	c := web("192.0.2.100/24", "2001:db8::100/64")
	c.Addresses = append(c.Addresses, many(2000)...)
	began := time.Now()
	must(t, k.Acquire(t.Context(), c))
	t.Log("2,000 addresses added in", time.Since(began))
	held(t, k, c, true)
	if n := len(h.global("eth0")); n != 2003 {
		t.Errorf("got %d addresses", n)
	}
	must(t, k.Acquire(t.Context(), c))
	must(t, k.Release(t.Context(), c))
	equal(t, "released", h.global("eth0"), prefixes("192.0.2.10/24"))
}

// many makes n addresses, each 20th of them IPv6. They are from the benchmarking
// network (RFC 2544), the only reserved one that is large enough.
func many(n int) []netip.Prefix {
	var ps []netip.Prefix
	for i := range n {
		addr := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
		if i%20 == 0 {
			addr = netip.MustParseAddr(fmt.Sprintf("2001:db8:2::%x", i+1))
		}
		ps = append(ps, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return ps
}

// Errors of single addresses say which one, and what it takes.
func TestAcquireErrors(t *testing.T) {
	h, _ := newPair(t)
	k := h.kernel(Config{})
	err := k.Acquire(t.Context(), web("192.0.2.100/24", "224.0.0.1/32", "ff02::99/128"))
	if !isAny(err, unix.EINVAL, unix.EADDRNOTAVAIL) || !strings.HasPrefix(err.Error(), "adding ") {
		t.Errorf("got %v", err)
	}
	h.sysctl("ipv6/conf/eth0/disable_ipv6", "1")
	err = k.Acquire(t.Context(), web("2001:db8::100/64"))
	if !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "IPv6 is disabled") {
		t.Errorf("got %v", err)
	}
	if err := k.Acquire(t.Context(), vip.Claim{Interface: "eth0", Addresses: make([]netip.Prefix, 1)}); err == nil {
		t.Error("an invalid prefix passed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Acquire(ctx, web(mixed...)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The kernel checks the rights of the thread that sends.
func TestNotPermitted(t *testing.T) {
	h, _ := newPair(t)
	k := h.kernel(Config{})
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		var none [2]unix.CapUserData
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := unix.Capset(&hdr, &none[0]); err != nil {
			done <- err
			return
		}
		done <- k.Acquire(context.Background(), web(mixed...))
	}()
	err := <-done
	if !errors.Is(err, unix.EPERM) || !strings.HasPrefix(err.Error(), "adding 192.0.2.100/24 to eth0: operation not permitted") {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

// How long the first and all of 2,000 addresses take; and a look at them when
// nothing is missing.
func BenchmarkAcquire2000(b *testing.B) {
	h, _ := newPair(b)
	k := h.kernel(Config{RuntimeDir: b.TempDir()})
	c := web("192.0.2.100/24")
	for i := range 2000 {
		addr := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}) // see many
		c.Addresses = append(c.Addresses, netip.PrefixFrom(addr, 32))
	}
	var look time.Duration
	for b.Loop() {
		must(b, k.Acquire(b.Context(), c))
		b.StopTimer()
		began := time.Now()
		must(b, k.Acquire(b.Context(), c))
		look += time.Since(began)
		must(b, k.Release(b.Context(), c))
		b.StartTimer()
	}
	b.ReportMetric(float64(look.Nanoseconds())/float64(b.N), "ns/again")
}
