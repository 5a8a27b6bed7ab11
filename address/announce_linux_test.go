// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

// capture counts the frames that reach an interface.
type capture struct {
	mu   sync.Mutex
	seen map[string]int
}

func (h *host) capture(iface string) *capture {
	h.t.Helper()
	var file *os.File
	h.do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), "capture")
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: h.link(iface).Attrs().Index})
	})
	c := &capture{seen: map[string]int{}}
	var done sync.WaitGroup
	done.Go(func() {
		b := make([]byte, 2048)
		for {
			n, err := file.Read(b)
			if err != nil {
				return
			}
			c.mu.Lock()
			c.seen[string(b[:n])]++
			c.mu.Unlock()
		}
	})
	h.t.Cleanup(func() { _ = file.Close(); done.Wait() })
	return c
}

func (c *capture) count(frame string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[frame]
}

// waitFor waits until each frame was seen often enough.
func (c *capture) waitFor(t testing.TB, times int, frames []string) {
	t.Helper()
	for _, f := range frames {
		eventually(t, "the frame", func() bool { return c.count(f) >= times })
	}
}

// Every byte of every frame, and that a new address is announced by Acquire
// already.
func TestAnnouncedFrames(t *testing.T) {
	h, peer := newPair(t)
	seen := peer.capture("eth0")
	k := h.kernel(Config{Announce: AnnounceConfig{Count: 1}})
	c := web("192.0.2.100/24", "2001:db8::100/64")
	all := append(goldenFrames(t, "192.0.2.100/24"), goldenFrames(t, "2001:db8::100/64")...)
	must(t, k.Acquire(t.Context(), c))
	seen.waitFor(t, 1, all)
	must(t, k.Acquire(t.Context(), c)) // nothing new, nothing said
	must(t, k.Announce(t.Context(), c))
	seen.waitFor(t, 2, all)
	// A last frame tells that those before it have all arrived.
	must(t, k.Announce(t.Context(), web("198.51.100.1/32")))
	seen.waitFor(t, 1, []string{string(appendARP(nil, arpReply, testMAC, netip.MustParseAddr("198.51.100.1")))})
	for _, f := range all {
		if n := seen.count(f); n != 2 {
			t.Errorf("%x: seen %d times", f, n)
		}
	}
}

// The neighbour's cache, which the whole thing is about.
func TestAnnounceMovesNeighbour(t *testing.T) {
	h, peer := newPair(t)
	peer.add("eth0", "192.0.2.20/24")
	peer.add("eth0", "2001:db8::20/64")
	c := web("192.0.2.100/24", "2001:db8::100/64")
	for _, p := range c.Addresses {
		must(t, peer.nl.NeighSet(&netlink.Neigh{
			LinkIndex: peer.link("eth0").Attrs().Index, IP: p.Addr().AsSlice(),
			HardwareAddr: []byte{2, 0, 0, 0, 0, 9}, State: netlink.NUD_STALE,
		}))
	}
	k := h.kernel(Config{})
	must(t, k.Acquire(t.Context(), c))
	eventually(t, "the neighbour learned", func() bool {
		list, err := peer.nl.NeighList(peer.link("eth0").Attrs().Index, netlink.FAMILY_ALL)
		must(t, err)
		moved := 0
		for _, n := range list {
			if addr, _ := netip.AddrFromSlice(n.IP); hardware(n.HardwareAddr) == testMAC &&
				(addr.Unmap() == c.Addresses[0].Addr() || addr == c.Addresses[1].Addr()) {
				moved++
			}
		}
		return moved == 2
	})
}

// Rounds follow until the context ends, the address is released, or Close.
func TestAnnounceRepeats(t *testing.T) {
	h, peer := newPair(t)
	seen := peer.capture("eth0")
	k := h.kernel(Config{Announce: AnnounceConfig{
		Count: 3, Delay: 2 * time.Millisecond, Refresh: 5 * time.Millisecond, Rate: 100_000,
	}})
	c := web(mixed[:2]...)
	must(t, k.Acquire(t.Context(), c))
	must(t, k.Announce(t.Context(), c))
	four, six := goldenFrames(t, mixed[0]), goldenFrames(t, mixed[1])
	seen.waitFor(t, 6, append(four, six...))

	running := func() *announcer {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.announcers["web"]
	}
	must(t, k.Release(t.Context(), web(mixed[0])))
	n := seen.count(six[0])
	seen.waitFor(t, n+3, six) // the other goes on
	if got := running().claim.Addresses; len(got) != 1 || got[0] != c.Addresses[1] {
		t.Errorf("still announced: %v", got)
	}
	must(t, k.Release(t.Context(), c))
	if running() != nil {
		t.Error("still announcing")
	}

	ctx, cancel := context.WithCancel(t.Context())
	must(t, k.Announce(ctx, c))
	must(t, k.Announce(ctx, c)) // takes over from the first
	a := running()
	cancel()
	<-a.done
	must(t, k.Announce(t.Context(), c))
	a = running()
	must(t, k.Close())
	<-a.done
}

func TestAnnounceNobody(t *testing.T) {
	h, peer := newPair(t)
	seen := peer.capture("eth0")
	k := h.kernel(Config{})
	lo := vip.Claim{Router: "lo", Interface: "lo", Addresses: prefixes(mixed...)}
	must(t, k.Announce(t.Context(), lo))
	must(t, h.nl.LinkSetARPOff(h.link("eth0")))
	must(t, k.Announce(t.Context(), web(mixed...)))
	must(t, h.nl.LinkSetARPOn(h.link("eth0")))
	must(t, k.Announce(t.Context(), web("198.51.100.1/32")))
	seen.waitFor(t, 1, []string{string(appendARP(nil, arpReply, testMAC, netip.MustParseAddr("198.51.100.1")))})
	if n := seen.count(goldenFrames(t, mixed[0])[0]); n != 0 {
		t.Errorf("announced %d times without ARP", n)
	}
	h.down("eth0")
	if err := k.Announce(t.Context(), web(mixed...)); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("down: got %v", err)
	}
	if err := k.Announce(t.Context(), vip.Claim{Interface: "none"}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("no interface: got %v", err)
	}
}

func TestAnnounceConfig(t *testing.T) {
	must(t, DefaultAnnounce().check())
	for _, a := range []AnnounceConfig{{}, {Count: 1, Refresh: -1}, {Count: 1, Rate: -1}, {Count: 1, Delay: -1}} {
		if a.check() == nil {
			t.Errorf("%+v passed", a)
		}
	}
}

// A rate is an interface's, whoever sends on it.
func TestRate(t *testing.T) {
	s := &packetSocket{busy: map[int]time.Time{}}
	if d := s.reserve(1, 500, 0); d != 0 {
		t.Errorf("without a rate: %v", d)
	}
	for i := range 3 {
		d := s.reserve(1, 500, 1000)
		if most := time.Duration(i) * 500 * time.Millisecond; d > most || i > 0 && d == 0 {
			t.Errorf("turn %d: %v, want up to %v", i, d, most)
		}
	}
	if d := s.reserve(2, 500, 1000); d != 0 {
		t.Errorf("another interface: %v", d)
	}
}

func TestAnnouncer(t *testing.T) {
	h, peer := newPair(t)
	seen := peer.capture("eth0")
	k := h.kernel(Config{})
	cfg := AnnounceConfig{Count: 3}
	a := k.Announcer(cfg)
	if a != k.Announcer(AnnounceConfig{Count: 3}) || a == k.Announcer(AnnounceConfig{Count: 4}) {
		t.Error("they are not equal by their settings")
	}
	must(t, a.Announce(t.Context(), web(mixed[0])))
	seen.waitFor(t, 3, goldenFrames(t, mixed[0]))
}
