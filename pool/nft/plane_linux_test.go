// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
)

func TestBothFamilies(t *testing.T) {
	r := newRig(t)
	for _, family := range []int{4, 6} {
		r.set(web(family, pool.WRR, 1, 2, 3))
		want := map[netip.AddrPort]int{}
		for i, n := range []int{2, 4, 6} {
			want[netip.AddrPortFrom(server(family, i+1), 8080)] = n
		}
		if diff := cmp.Diff(want, r.tally(12, "tcp", "", netip.AddrPortFrom(vips[family], 80)), compare); diff != "" {
			t.Errorf("IPv%d (-want +got):\n%s", family, diff)
		}
	}
}

// compare lets cmp look at addresses.
var compare = cmp.Options{cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })}
