// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A better node whose file the others don't have yet is granted nothing: nobody
// gives up for it.
func TestGuardedDrift(t *testing.T) {
	inBound(t, true, func(b *bound) {
		lb1 := b.linked["lb-1"]
		b.during(guardedVIP, func() { lb1.end(t) })
		b.want("lb-2")
		r := &lb1.node.cfg.Routers[0]
		r.Addresses = append(slices.Clip(r.Addresses), netip.MustParsePrefix("192.0.2.101/24"))
		silent := b.during(guardedVIP, func() {
			lb1.start(t, true)
			time.Sleep(20 * time.Second)
		})
		if silent > 0 {
			t.Errorf("nobody answered for %v", silent)
		}
		b.want("lb-2")
	})
}

// A better node that can talk to the holder and to too few others: the holder
// gives up for it now and then, in case that it can hold the address by then.
func TestGuardedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound(t, 1, 5, router(100*time.Millisecond, guardedVIP.String()), true)
		time.Sleep(maxLease + time.Second)
		lb1 := b.linked["lb-1"]
		b.during(guardedVIP, func() { lb1.end(t) })
		b.want("lb-2")
		apart := func(on bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, other := range []string{"lb-3", "lb-4", "lb-5"} {
				b.apart[[2]string{"lb-1", other}], b.apart[[2]string{other, "lb-1"}] = on, on
			}
		}
		apart(true)
		silent := b.during(guardedVIP, func() {
			lb1.start(t, true)
			time.Sleep(time.Minute)
		})
		if silent > 2*time.Second { // of 61 s
			t.Errorf("nobody answered for %v", silent)
		}
		apart(false)
		b.during(guardedVIP, func() { time.Sleep(2 * time.Minute) })
		b.want("lb-1")
		b.end()
	})
}
