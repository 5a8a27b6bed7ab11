// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// watched is what a Watch has told so far.
type watched struct {
	t    *testing.T
	mu   sync.Mutex
	last []vip.Interface
	told int // times that Interfaces was not nil
	lost []netip.Addr
}

func startWatch(t *testing.T, k *Kernel) *watched {
	t.Helper()
	w := &watched{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Watch(ctx, w.changed) }()
	t.Cleanup(func() { cancel(); must(t, <-done) })
	eventually(t, "the first state", func() bool { _, n := w.state("lo"); return n > 0 })
	return w
}

func (w *watched) changed(c vip.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Interfaces != nil {
		w.last = c.Interfaces
		w.told++
	}
	w.lost = append(w.lost, c.Lost...)
}

// state is the interface's last state (Index 0 if there is none), and how often
// the whole was told.
func (w *watched) state(name string) (vip.Interface, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range w.last {
		if i.Name == name {
			return i, w.told
		}
	}
	return vip.Interface{}, w.told
}

// addresses are the interface's but the link-local ones, in their order.
func (w *watched) addresses(name string) []netip.Prefix {
	i, _ := w.state(name)
	return slices.DeleteFunc(slices.Clone(i.Addresses), func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
}

// losses empties the list of lost addresses.
func (w *watched) losses() []netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.lost
	w.lost = nil
	return l
}

// waitLost waits until exactly these are lost.
func (w *watched) waitLost(list ...string) {
	w.t.Helper()
	got := map[netip.Addr]bool{}
	eventually(w.t, "the loss", func() bool {
		for _, a := range w.losses() {
			got[a] = true
		}
		return len(got) >= len(list)
	})
	for _, a := range list {
		if !got[netip.MustParseAddr(a)] {
			w.t.Errorf("%s is not lost; got %v", a, got)
		}
	}
}

func TestWatchInterfaces(t *testing.T) {
	h, peer := newPair(t)
	h.add("eth0", "192.0.2.10/24")
	k := h.kernel(Config{})
	must(t, k.Acquire(t.Context(), web(mixed...)))
	w := startWatch(t, k)
	is := func(what string, up bool, addrs ...string) {
		t.Helper()
		defer func() {
			if t.Failed() {
				i, _ := w.state("eth0")
				t.Logf("%s: got %+v", what, i)
			}
		}()
		eventually(t, what, func() bool {
			i, _ := w.state("eth0")
			return i.Up == up && i.Index > 0 && slices.Equal(w.addresses("eth0"), prefixes(addrs...))
		})
	}
	is("the first state", true, "192.0.2.10/24")
	eventually(t, "the link-local address", func() bool {
		i, _ := w.state("eth0")
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
	})
	h.add("eth0", "192.0.2.11/24")
	h.add("eth0", "2001:db8::10/64")
	is("more addresses", true, "192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/64")
	h.sysctl("ipv4/conf/eth0/promote_secondaries", "1")
	h.del("eth0", "192.0.2.10/24")
	is("another primary", true, "192.0.2.11/24", "2001:db8::10/64")
	// A primary in another subnet goes before the secondaries, of which .11
	// still is one: the virtual address came before it and was promoted.
	h.add("eth0", "192.0.2.12/24")
	h.add("eth0", "203.0.113.1/24")
	is("the kernel's order", true, "203.0.113.1/24", "192.0.2.11/24", "192.0.2.12/24", "2001:db8::10/64")
	peer.down("eth0")
	is("no carrier", false, "203.0.113.1/24", "192.0.2.11/24", "192.0.2.12/24", "2001:db8::10/64")
	peer.up("eth0")
	is("a carrier", true, "203.0.113.1/24", "192.0.2.11/24", "192.0.2.12/24", "2001:db8::10/64")
	h.down("eth0")
	is("down, without IPv6", false, "203.0.113.1/24", "192.0.2.11/24", "192.0.2.12/24")
	h.up("eth0")
	is("up", true, "203.0.113.1/24", "192.0.2.11/24", "192.0.2.12/24")

	before, _ := w.state("eth0")
	must(t, h.nl.LinkDel(h.link("eth0")))
	eventually(t, "gone", func() bool { i, _ := w.state("eth0"); return i.Index == 0 })
	h.veth("eth0", peer, "eth0")
	is("back", true)
	if after, _ := w.state("eth0"); after.Index == before.Index {
		t.Error("the same index")
	}
}

// Moving our own addresses is no change of the network and no loss.
func TestWatchOwn(t *testing.T) {
	h, _ := newPair(t)
	h.add("eth0", "192.0.2.10/24")
	k := h.kernel(Config{})
	w := startWatch(t, k)
	eventually(t, "quiet", func() bool { // duplicate address detection ends
		i, _ := w.state("eth0")
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
	})
	_, before := w.state("eth0")
	c := web(mixed...)
	c.Addresses = append(c.Addresses, many(300)...)
	for range 5 {
		must(t, k.Acquire(t.Context(), c))
		must(t, k.Release(t.Context(), c))
	}
	must(t, k.Acquire(t.Context(), c))
	h.add("eth0", "192.0.2.99/24") // comes after all of these
	eventually(t, "the last change", func() bool { return len(w.addresses("eth0")) == 2 })
	if _, n := w.state("eth0"); n != before+1 {
		t.Errorf("told %d times", n-before)
	}
	if l := w.losses(); len(l) != 0 {
		t.Errorf("lost %v", l)
	}
}

func TestWatchLost(t *testing.T) {
	h, peer := newPair(t)
	k := h.kernel(Config{})
	c := web(mixed...)
	must(t, k.Acquire(t.Context(), c))
	w := startWatch(t, k)
	for range 3 {
		for _, p := range mixed {
			began := time.Now()
			h.del("eth0", p)
			w.waitLost(netip.MustParsePrefix(p).Addr().String())
			t.Log("told after", time.Since(began))
			must(t, k.Acquire(t.Context(), c))
			held(t, k, c, true)
		}
	}
	must(t, h.nl.LinkDel(h.link("eth0")))
	w.waitLost("192.0.2.100", "2001:db8::100", "198.51.100.7", "2001:db8:1::7")
	h.veth("eth0", peer, "eth0")
	must(t, k.Acquire(t.Context(), c))
	h.del("eth0", mixed[0])
	w.waitLost("192.0.2.100")
	must(t, k.Release(t.Context(), c))
}

// An address that was lost before the watch began is told at once.
func TestWatchLostBefore(t *testing.T) {
	h, _ := newPair(t)
	k := h.kernel(Config{})
	must(t, k.Acquire(t.Context(), web(mixed...)))
	h.del("eth0", mixed[1])
	w := startWatch(t, k)
	w.waitLost("2001:db8::100")
	if err := k.Watch(t.Context(), func(vip.Change) {}); !errors.Is(err, errWatched) {
		t.Errorf("a second watch: got %v", err)
	}
}

// When the socket overflows, the state is read again.
func TestWatchOverrun(t *testing.T) {
	h, _ := newPair(t)
	k := h.kernel(Config{})
	events := <-k.events
	must(t, events.raw.Control(func(fd uintptr) { setSmallBuffer(t, int(fd)) }))
	k.events <- events
	c := web(mixed...)
	c.Addresses = append(c.Addresses, many(500)...)
	w := startWatch(t, k)
	must(t, k.Acquire(t.Context(), c))
	h.add("eth0", "192.0.2.10/24")
	eventually(t, "the change", func() bool { return slices.Equal(w.addresses("eth0"), prefixes("192.0.2.10/24")) })
	h.del("eth0", mixed[1])
	w.waitLost("2001:db8::100")
}
