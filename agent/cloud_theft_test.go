// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"testing"
	"time"
)

// TestCloudTheft: what another takes in the cloud is taken back there, and counts
// there; only what is removed from the host counts as restored.
func TestCloudTheft(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		inCloud(t, guarded, func(w *clouded) {
			w.startAll()
			time.Sleep(time.Minute)
			w.wantOwner("lb-1")
			for _, o := range w.cloud.Objects(w.nodes[0].cfg.Routers[0].Addresses) {
				w.cloud.Give(o, "thief")
			}
			time.Sleep(w.poll + time.Second)
			w.wantOwner("lb-1")
			mover := w.clients["lb-1"].mover
			if r, m := w.router("lb-1"), mover.Status("web"); r.Restored != 0 || m.TakenBack != 2 || m.TakenFrom != "thief" {
				t.Errorf("guarded %v: %d restored, %d taken back from %q", guarded, r.Restored, m.TakenBack, m.TakenFrom)
			}
			w.nodes[0].kernel.steal(guardedVIP)
			time.Sleep(time.Second)
			w.wantOwner("lb-1")
			if r, m := w.router("lb-1"), mover.Status("web"); r.Restored != 1 || m.TakenBack != 2 {
				t.Errorf("guarded %v: %d restored, %d taken back", guarded, r.Restored, m.TakenBack)
			}
		})
	}
}
