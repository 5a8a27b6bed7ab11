// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// A file with longer leases than the voters grant yet: the claim waits for the
// change of max_lease, and is asked for then.
func TestLongerLease(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a := w.nodes["a"]
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		a.wants(vip.Granted, "")
		a.giveUp("router web")
		long := web()
		long.Longest = 500 * ms
		for _, n := range w.nodes {
			n.cfg.Resources, n.cfg.Voters.MaxLease = []Resource{long}, 3*time.Second
			if err := n.guard.Reload(t.Context(), n.cfg); err != nil {
				t.Fatal(err)
			}
		}
		a.guard.Claim("router web", "")
		w.pass(100 * ms)
		a.wants(vip.Refused, "too_long")
		w.pass(20 * time.Second)
		a.wants(vip.Granted, "")
	})
}
