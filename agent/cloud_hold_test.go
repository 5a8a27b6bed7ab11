// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud/cloudtest"
)

// TestCloudHold: who kept its addresses without a majority, and has a lease again,
// writes in that one's term: what another took in the cloud is taken back where it
// is, and not by way of stepping down. That the cloud could not be asked when the
// lease came moves nothing.
func TestCloudHold(t *testing.T) {
	for _, outage := range []bool{false, true} {
		t.Run(fmt.Sprintf("outage %v", outage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tellInCloud(t, true, func(w *clouded) { holdOn(t, w, outage) })
			})
		})
	}
}

// holdOn is its story in a bubble.
func holdOn(t *testing.T, w *clouded, outage bool) {
	t.Helper()
	w.hold = true
	w.startAll()
	time.Sleep(maxLease + time.Minute)
	w.wantOwner("lb-1")
	before := w.router("lb-1")
	others := w.nodes[1:]
	silent := w.silent(guardedVIP, func() {
		for _, n := range others {
			w.linked[n.name].end(t)
		}
		time.Sleep(time.Minute)
		if l := w.router("lb-1").Lease; !l.Unconfirmed {
			t.Errorf("%+v", l)
		}
		w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Cut = outage })
		for _, n := range others {
			w.start(n.name)
		}
		time.Sleep(maxLease + time.Minute)
		if now := w.router("lb-1"); !now.Lease.Held || now.Term != now.Lease.Term || now.Term <= before.Term {
			t.Errorf("the router is of term %d, after %d, and its lease %+v", now.Term, before.Term, now.Lease)
		}
		for _, o := range w.cloud.Objects(w.nodes[0].cfg.Routers[0].Addresses) {
			w.cloud.Give(o, "thief")
		}
		w.clients["lb-1"].Trouble(func(x *cloudtest.Trouble) { x.Cut = false })
		time.Sleep(w.poll + time.Second)
		w.wantOwner("lb-1")
	})
	after := w.router("lb-1")
	if m := w.clients["lb-1"].mover.Status("web"); silent > 0 || m.TakenBack != 2 || after.Transitions["Backup"] != before.Transitions["Backup"] {
		t.Errorf("nobody had it for %v, %d taken back, %v became %v", silent, m.TakenBack, before.Transitions, after.Transitions)
	}
}
