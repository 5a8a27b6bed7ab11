// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// inside is the address of the router that moves with web.
var inside = netip.MustParsePrefix("192.0.2.101/24")

// TestSyncGroup: what one member tracks moves both, there and back.
func TestSyncGroup(t *testing.T) {
	labtest.Need(t, "nginx")
	w := newWorld(t)
	w.conf.Checks["nginx"] = web()
	w.router(func(r *vicar.Router) { r.Track = []vicar.Track{{Check: "nginx"}} })
	w.conf.Routers["inside"] = vicar.Router{
		VRID: 52, Interval: vicar.Duration(100 * time.Millisecond), Addresses: []netip.Prefix{inside},
	}
	w.conf.SyncGroups = map[string]any{"firewall": []string{"web", "inside"}}
	for _, h := range []*lab.Host{w.first, w.other} {
		w.serve(h)
	}
	w.start()
	w.wantHolder("lb-1", inside.Addr())

	labtest.OK(t, w.servers["lb-1"].Kill())
	w.wantHolder("lb-2", inside.Addr())
	s, _ := w.status("lb-1")
	for _, r := range s.Routers {
		if r.State != "Initialize" || r.SyncGroup != "firewall" || len(r.Tracks) != 1 || !r.Tracks[0].Blocks {
			t.Errorf("%s is %s in group %q with %+v", r.Name, r.State, r.SyncGroup, r.Tracks)
		}
	}

	w.serve(w.first)
	w.wantHolder("lb-1", inside.Addr())
}

// TestDamping: a node that has lost the address and would have it back at once
// leaves it where it is until its damping ends.
func TestDamping(t *testing.T) {
	w := newWorld(t)
	maintenance := filepath.Join(w.dir, "maintenance")
	w.conf.Checks["ready"] = vicar.Check{"file": map[string]any{"path": maintenance, "absent": true}}
	w.router(func(r *vicar.Router) {
		r.Track = []vicar.Track{{Check: "ready"}}
		r.Damping = vicar.Block{"moves": 2, "within": "1m", "hold": "2s"}
	})
	// One by one: for lb-1 this is the first move, and lb-2 has had none.
	w.run(w.first)
	w.wantHolder("lb-1")
	w.conf.Checks["ready"] = vicar.Check{"file": w.dir} // the hosts share their files
	w.run(w.other)
	labtest.Eventually(t, patience, "lb-2 competes", func() bool { return w.agents["lb-2"].State(t.Context(), "web") == "Backup" })

	labtest.OK(t, os.WriteFile(maintenance, nil, 0o600)) // the second
	w.wantHolder("lb-2")
	_, r := w.status("lb-1")
	damped := r.DampedUntil
	if damped.IsZero() || r.Moves != 2 {
		t.Fatalf("lb-1 is damped until %v after %d moves", damped, r.Moves)
	}
	labtest.OK(t, os.Remove(maintenance))
	labtest.Eventually(t, patience, "lb-1 is the better one and leaves lb-2 the address", func() bool {
		s, r := w.status("lb-1")
		return r.State == "Backup" && r.Priority == 150 && r.Holder == "lb-2" && s.Now.Before(r.DampedUntil)
	})

	w.wantHolder("lb-1")
	w.wantEntered("lb-1", 2)
	w.wantEntered("lb-2", 1)
	if _, r := w.status("lb-1"); r.Since.Before(damped) {
		t.Errorf("lb-1 took the address back %v before its damping ended", damped.Sub(r.Since))
	}
}
