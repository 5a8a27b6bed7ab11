// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"net/netip"
	"testing"
)

// many are n resources that a holds.
func many(t testing.TB, n int) (*room, []string) {
	t.Helper()
	var all []Resource
	var names []string
	for i := range n {
		r := Resource{
			Name: fmt.Sprintf("router web-%03d", i), Longest: 100 * ms, Shortest: 100 * ms,
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})},
		}
		all, names = append(all, r), append(names, r.Name)
	}
	r := newRoom(t, all...)
	for _, name := range names {
		r.a().guard.Claim(name, "")
	}
	r.turns()
	for _, name := range names {
		if !r.a().guard.Lease(name).Held {
			t.Fatalf("%s isn't held", name)
		}
	}
	return r, names
}

// renew lets a renew, and returns when the answers are there.
func (r *room) renew(names []string) {
	r.now = r.now.Add(100 * ms)
	r.a().guard.Renew(names)
	r.turns()
	r.events = r.events[:0]
}

// BenchmarkRenew is the work of all three nodes to renew 250 leases; that of the
// holder alone is told as well.
func BenchmarkRenew(b *testing.B) {
	r, names := many(b, 250)
	b.ReportAllocs()
	r.own, r.sent = 0, 0
	for b.Loop() {
		r.renew(names)
	}
	b.ReportMetric(float64(r.own.Nanoseconds())/float64(b.N), "ns-holder/op")
	b.ReportMetric(float64(r.sent)/float64(b.N), "packets/op")
}

// A renewal costs the holder and its two voters no more allocations than this,
// for all that they do.
func TestRenewAllocates(t *testing.T) {
	const n, most = 250, 8
	r, names := many(t, n)
	r.renew(names)
	if got := testing.AllocsPerRun(10, func() { r.renew(names) }); got > n*most {
		t.Errorf("%.0f allocations for %d leases", got, n)
	}
}
