// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// has tells whether the host has exactly these addresses on eth0.
func (h *host) has(ps ...netip.Prefix) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range ps {
		if !h.on["eth0"][p] {
			return false
		}
	}
	return len(h.on["eth0"]) == len(ps)
}

var (
	oldOne  = netip.MustParsePrefix("192.0.2.100/24")
	newOne  = netip.MustParsePrefix("192.0.2.101/24")
	thirdly = netip.MustParsePrefix("192.0.2.102/24")
)

// grows asks an owner that holds one address for two, of which it can't have the
// second. The first mover is the cloud's, the last the host.
func grows(t *testing.T, slow time.Duration, story func(t *testing.T, o *owner, sky, h *host, want intent, last *settled)) {
	t.Helper()
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		sky := newHost()
		sky.refused, sky.slow = map[netip.Prefix]bool{newOne: true}, slow
		want.movers = []Mover{sky, h}
		o.put(want)
		synctest.Wait()
		if !h.has(oldOne) || last.err != nil || last.lacking != nil {
			t.Fatalf("on %v, answered %+v", h.on, *last)
		}
		want.claim.Addresses = []netip.Prefix{oldOne, newOne}
		o.put(want)
		later(slow)
		story(t, o, sky, h, want, last)
	})
}

// TestOwnerLacks: who can't get what a reload has added keeps what it had, announces
// that alone, tries on ever more seldom, and gets the rest when it can.
func TestOwnerLacks(t *testing.T) {
	grows(t, 0, func(t *testing.T, o *owner, sky, h *host, want intent, last *settled) {
		if last.err != nil || !errors.Is(last.lacking, errTest) || !last.held {
			t.Fatalf("answered %+v, want that it lacks something", *last)
		}
		if !h.has(oldOne) || !slices.Equal(h.announced, []netip.Prefix{oldOne}) {
			t.Errorf("on %v, announced %v; the cloud sends nothing for the new one", h.on, h.announced)
		}
		var before, after int
		sky.change(func() { before = sky.acquired })
		later(time.Minute)
		sky.change(func() { after = sky.acquired })
		if n := after - before; n < 50 || n > 70 { // the owner looks each second
			t.Errorf("%d attempts in a minute", n)
		}
		if !h.has(oldOne) || last.err != nil {
			t.Errorf("on %v, answered %+v", h.on, *last)
		}
		sky.change(func() { sky.refused = nil })
		later(2 * time.Second)
		if !h.has(oldOne, newOne) || last.err != nil || last.lacking != nil || len(h.announced) != 2 {
			t.Errorf("on %v, answered %+v, announced %v", h.on, *last, h.announced)
		}
		want.hold = false
		o.put(want)
		synctest.Wait()
		if !h.has() || !sky.has() {
			t.Errorf("on %v and %v after giving up", h.on, sky.on)
		}
	})
}

// TestOwnerLacksInHost: so does who can't get it on the host.
func TestOwnerLacksInHost(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		h.refused = map[netip.Prefix]bool{newOne: true}
		o.put(want)
		synctest.Wait()
		want.claim.Addresses = []netip.Prefix{newOne, oldOne}
		o.put(want)
		later(5 * time.Second)
		if last.err != nil || last.lacking == nil || !h.has(oldOne) {
			t.Errorf("on %v, answered %+v", h.on, *last)
		}
		// What is taken from the configuration goes, whatever is lacking.
		want.claim.Addresses = []netip.Prefix{newOne, oldOne, thirdly}
		h.change(func() { h.refused = map[netip.Prefix]bool{newOne: true} })
		o.put(want)
		synctest.Wait()
		want.claim.Addresses = []netip.Prefix{oldOne, thirdly}
		o.put(want)
		synctest.Wait()
		if last.err != nil || last.lacking != nil || !h.has(oldOne, thirdly) {
			t.Errorf("on %v, answered %+v", h.on, *last)
		}
		want.claim.Addresses = []netip.Prefix{newOne, thirdly}
		o.put(want)
		synctest.Wait()
		if last.err != nil || last.lacking == nil || !h.has(thirdly) {
			t.Errorf("on %v, answered %+v", h.on, *last)
		}
	})
}

// TestOwnerLacksAndLoses: an address of those that it had and that somebody removes
// comes back at once, however long the attempt to get more takes; one that can't
// come back is a loss.
func TestOwnerLacksAndLoses(t *testing.T) {
	for _, wait := range []time.Duration{0, 300 * time.Millisecond, 15 * time.Second} {
		grows(t, 10*time.Second, func(t *testing.T, o *owner, sky, h *host, want intent, last *settled) {
			if last.lacking == nil {
				t.Fatalf("answered %+v", *last)
			}
			later(wait)
			began := time.Now()
			h.change(func() { delete(h.on["eth0"], oldOne) })
			o.look(1)
			synctest.Wait()
			if !h.has(oldOne) || time.Since(began) > 0 {
				t.Errorf("on %v after %v", h.on, time.Since(began))
			}
			later(15 * time.Second)
			if last.err != nil || last.lacking == nil {
				t.Errorf("answered %+v", *last)
			}
			h.change(func() { h.failAcquire, h.on = errTest, map[string]map[netip.Prefix]bool{} })
			o.look(1)
			synctest.Wait()
			if last.err == nil {
				t.Error("nothing was said of what is lost")
			}
		})
	}
}

// TestOwnerGrowsWhileBusy: another reload does not wait for what one before it asked
// for in vain.
func TestOwnerGrowsWhileBusy(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		h.refused, h.slow = map[netip.Prefix]bool{newOne: true}, time.Hour
		o.put(want)
		synctest.Wait()
		want.claim.Addresses = []netip.Prefix{oldOne, newOne}
		o.put(want)
		later(time.Minute)
		want.claim.Addresses = []netip.Prefix{oldOne, thirdly}
		o.put(want)
		synctest.Wait()
		if last.err != nil || last.lacking != nil || !h.has(oldOne, thirdly) {
			t.Errorf("on %v, answered %+v", h.on, *last)
		}
	})
}

// TestOwnerGoesOn: a guard grants a resource that has got another address in a new
// term. What was held before comes first, and is enough; without it, or long after
// it, all is wanted at once.
func TestOwnerGoesOn(t *testing.T) {
	for _, test := range []struct {
		name  string
		apart time.Duration
		put   bool // the owner gets to give up between
		fails bool
	}{
		{"at once", 0, false, false}, {"given up between", 0, true, false}, {"soon after", time.Second, true, false}, {"later", 6 * time.Second, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
				h.refused = map[netip.Prefix]bool{newOne: true}
				o.put(want)
				synctest.Wait()
				want.hold = false
				o.put(want)
				if test.put {
					later(test.apart)
				}
				want.hold, want.claim.Term, want.claim.Addresses = true, 2, []netip.Prefix{oldOne, newOne}
				o.put(want)
				synctest.Wait()
				if test.fails != (last.err != nil) || test.fails == (last.lacking != nil) {
					t.Errorf("answered %+v", *last)
				}
				if !test.fails && !h.has(oldOne) {
					t.Errorf("on %v", h.on)
				}
			})
		})
	}
}

// A first take-over is of all or nothing.
func TestOwnerTakesAll(t *testing.T) {
	owned(t, func(t *testing.T, o *owner, h *host, want intent, last *settled) {
		h.refused = map[netip.Prefix]bool{newOne: true}
		want.claim.Addresses = []netip.Prefix{oldOne, newOne}
		o.put(want)
		synctest.Wait()
		if last.err == nil {
			t.Errorf("answered %+v", *last)
		}
	})
}
