// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

var errTest = errors.New("refused")

// host is a Mover and an Announcer in memory that fails as told.
type host struct {
	mu                                  sync.Mutex
	on                                  map[string]map[netip.Prefix]bool // by interface
	failAcquire, failRelease, failHeld  error
	failAnnounce                        error
	refused                             map[netip.Prefix]bool // are not acquired
	slow                                time.Duration         // to refuse
	announced                           []netip.Prefix        // the last time
	acquired, released, announcedRounds int
}

func newHost() *host { return &host{on: make(map[string]map[netip.Prefix]bool)} }

func (h *host) Acquire(ctx context.Context, c vip.Claim) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acquired++
	if slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return h.refused[p] }) {
		slow := h.slow
		h.mu.Unlock()
		select {
		case <-time.After(slow):
		case <-ctx.Done():
		}
		h.mu.Lock()
		return errTest
	}
	if h.failAcquire != nil {
		return h.failAcquire
	}
	if h.on[c.Interface] == nil {
		h.on[c.Interface] = make(map[netip.Prefix]bool)
	}
	for _, p := range c.Addresses {
		h.on[c.Interface][p] = true
	}
	return nil
}

func (h *host) Release(_ context.Context, c vip.Claim) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released++
	if h.failRelease != nil {
		return h.failRelease
	}
	for _, p := range c.Addresses {
		delete(h.on[c.Interface], p)
	}
	return nil
}

func (h *host) Held(_ context.Context, c vip.Claim) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range c.Addresses {
		if !h.on[c.Interface][p] {
			return false, h.failHeld
		}
	}
	return true, h.failHeld
}

func (h *host) Announce(_ context.Context, c vip.Claim) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.announced = c.Addresses
	h.announcedRounds++
	return h.failAnnounce
}

// change changes what the host does.
func (h *host) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// later lets time pass and everything settle.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// owned runs a story of an owner that is asked for a claim on eth0.
func owned(t *testing.T, story func(t *testing.T, o *owner, h *host, want intent, last *settled)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, last := newHost(), new(settled)
		o := newOwner(time.Second, func(s settled) { *last = s })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); o.run(ctx) }()
		want := intent{
			hold: true, movers: []Mover{h}, announcer: h,
			claim: vip.Claim{Router: "web", Term: 1, Interface: "eth0", Addresses: prefixes("192.0.2.100/24")},
		}
		story(t, o, h, want, last)
		cancel()
		<-done
	})
}

// TestOwnerChangesInterface: a claim on another interface is given up on the
// old one first, and nothing is forgotten when that fails.
func TestOwnerChangesInterface(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		o.put(want)
		synctest.Wait()
		h.change(func() { h.failRelease = errTest })
		want.claim.Interface = "br0"
		o.put(want)
		synctest.Wait()
		if len(h.on["eth0"]) != 1 || len(h.on["br0"]) != 0 || last.err == nil {
			t.Errorf("on %v, answered %v: the new claim must wait for the old", h.on, last.err)
		}
		h.change(func() { h.failRelease = nil })
		later(time.Second)
		if len(h.on["eth0"]) != 0 || len(h.on["br0"]) != 1 || last.err != nil {
			t.Errorf("on %v, answered %v: the claim has not moved", h.on, last.err)
		}
		want.hold = false
		o.put(want)
		synctest.Wait()
		if len(h.on["eth0"])+len(h.on["br0"]) != 0 || last.held || last.err != nil {
			t.Errorf("on %v, answered %+v: something was not given up", h.on, *last)
		}
	})
}

// sky is a host that is elsewhere.
type sky struct{ *host }

func (sky) Remote() {}

// TestOwnerChangesInterfaceAlone: what is held elsewhere stays so meanwhile.
func TestOwnerChangesInterfaceAlone(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		above := sky{newHost()}
		want.movers = []Mover{above, h}
		o.put(want)
		synctest.Wait()
		want.claim.Interface, want.claim.Addresses = "br0", prefixes("192.0.2.100/24", "192.0.2.101/24")
		o.put(want)
		synctest.Wait()
		if above.released > 0 || len(h.on["eth0"]) != 0 || len(h.on["br0"]) != 2 || last.err != nil {
			t.Errorf("released %d times elsewhere, on %v, answered %v", above.released, h.on, last.err)
		}
		want.claim.Interface, want.claim.Addresses = "eth0", prefixes("192.0.2.101/24")
		o.put(want)
		synctest.Wait()
		if above.released != 1 || len(h.on["eth0"]) != 1 || len(h.on["br0"]) != 0 || last.err != nil {
			t.Errorf("released %d times elsewhere, want 1; on %v, answered %v", above.released, h.on, last.err)
		}
	})
}

// TestOwnerCannotAnnounce: addresses that are held are held, though nobody
// could be told; the announcement is tried again.
func TestOwnerCannotAnnounce(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		h.change(func() { h.failAnnounce = errTest })
		o.put(want)
		synctest.Wait()
		if !last.held || last.err != nil || !errors.Is(last.untold, errTest) {
			t.Errorf("answered %+v", *last)
		}
		h.change(func() { h.failAnnounce = nil })
		var rounds int
		h.change(func() { rounds = h.announcedRounds })
		later(time.Second)
		if h.announcedRounds != rounds+1 {
			t.Errorf("%d rounds after the failed one, want 1", h.announcedRounds-rounds)
		}
	})
}

// TestOwnerDoubts: a look that fails is no loss while the addresses are there,
// nor are two that can't tell; three are.
func TestOwnerDoubts(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		o.put(want)
		synctest.Wait()
		h.change(func() { h.failAcquire = errTest })
		later(10 * time.Second)
		if last.err != nil {
			t.Errorf("stepped down for %v, though the addresses are held", last.err)
		}
		h.change(func() { h.failHeld = errTest })
		later(10 * time.Second)
		if last.err == nil {
			t.Error("goes on for ever without knowing")
		}
	})
}

// TestOwnerLoses: addresses that are gone and can't be acquired are a loss at
// once.
func TestOwnerLoses(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		o.put(want)
		synctest.Wait()
		h.change(func() { h.failAcquire, h.on = errTest, map[string]map[netip.Prefix]bool{} })
		o.look(1)
		synctest.Wait()
		if last.err == nil {
			t.Error("nothing was said")
		}
	})
}
