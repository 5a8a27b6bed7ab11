// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// web is a check of the nginx on the same host.
func web() vicar.Check {
	return vicar.Check{"http": "http://127.0.0.1/", "interval": "100ms", "timeout": "100ms", "rise": 2, "fall": 2}
}

// TestServiceFails: nginx is killed on the holder, the address moves; it runs
// again, and the address returns after preempt's delay.
func TestServiceFails(t *testing.T) {
	labtest.Need(t, "nginx", "curl")
	for name, weight := range map[string]vicar.Weight{"fault": 0, "negative": -60, "positive": 60} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.conf.Checks["nginx"] = web()
			w.router(func(r *vicar.Router) {
				r.Track = []vicar.Track{{Check: "nginx", Weight: weight}}
				r.Preempt = "1s"
			})
			for _, h := range []*lab.Host{w.first, w.other} {
				w.serve(h)
			}
			w.start()
			labtest.Eventually(t, patience, "the client is answered by lb-1", func() bool { return w.page() == "lb-1" })

			labtest.OK(t, w.servers["lb-1"].Kill())
			w.wantHolder("lb-2")
			if got := w.page(); got != "lb-2" {
				t.Errorf("the client got %q, want lb-2", got)
			}
			s, r := w.status("lb-1")
			if c := s.Checks[0]; c.State != "failing" || !strings.Contains(c.Cause, "connection refused") {
				t.Errorf("the check is %s: %q", c.State, c.Cause)
			}
			if got, want := r.Priority, max(150+min(int(weight), 0), 1); got != want {
				t.Errorf("priority %d, want %d", got, want)
			}

			w.serve(w.first)
			labtest.Eventually(t, patience, "lb-1 waits for the delay", func() bool {
				_, r := w.status("lb-1")
				return !r.PreemptAt.IsZero()
			})
			w.wantHolder("lb-1")
			if got := w.page(); got != "lb-1" {
				t.Errorf("the client got %q, want lb-1", got)
			}
		})
	}
}

// TestBackupFails: what fails on the backup moves nothing, and when the holder
// dies a backup that is out of order does not take over by a fault.
func TestBackupFails(t *testing.T) {
	labtest.Need(t, "nginx")
	w := newWorld(t)
	w.conf.Checks["nginx"] = web()
	w.router(func(r *vicar.Router) { r.Track = []vicar.Track{{Check: "nginx"}} })
	w.serve(w.first)
	w.start()
	labtest.Eventually(t, patience, "lb-2 is out of the election", func() bool {
		_, r := w.status("lb-2")
		return r.State == "Initialize" && strings.Contains(r.Reason, "check nginx fails")
	})
	w.wantHolder("lb-1")
	labtest.OK(t, w.agents["lb-1"].Stop(patience))
	w.wantLooks("lb-2", long)
	w.wantEntered("lb-2", 0)
	if has, err := w.other.Has(moving.Addr()); has || err != nil {
		t.Errorf("lb-2 has the address: %t (%v)", has, err)
	}
	w.serve(w.other)
	w.wantHolder("lb-2")
	w.wantEntered("lb-2", 1)
}

// TestRebootedUnhealthy: a node that starts with its service down does not take
// the address back before it is up, even if its check's weight is too small to
// keep it from being the better one.
func TestRebootedUnhealthy(t *testing.T) {
	labtest.Need(t, "nginx")
	for name, weight := range map[string]vicar.Weight{"enough": -60, "too small": -20} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.conf.Checks["nginx"] = web()
			w.router(func(r *vicar.Router) { r.Track = []vicar.Track{{Check: "nginx", Weight: weight}} })
			w.serve(w.first)
			w.serve(w.other)
			w.start()
			labtest.OK(t, w.agents["lb-1"].Stop(patience))
			w.wantHolder("lb-2")
			labtest.OK(t, w.servers["lb-1"].Kill())
			w.run(w.first)
			labtest.Eventually(t, patience, "lb-1 competes with what it has", func() bool {
				s, err := w.agents["lb-1"].Status(t.Context())
				return err == nil && s.Routers[0].State == "Backup" && s.Routers[0].Priority == 150+int(weight)
			})
			w.wantLooks("lb-1", long)
			w.wantEntered("lb-1", 0)
			w.wantHolder("lb-2")
			if _, r := w.status("lb-1"); !slices.Equal(r.Unproven, []string{"nginx"}) || r.Holder != "lb-2" || r.HolderPriority != 100 {
				t.Errorf("unproven: %q, the holder is %s (%d)", r.Unproven, r.Holder, r.HolderPriority)
			}

			w.serve(w.first)
			w.wantHolder("lb-1")
			if _, r := w.status("lb-1"); len(r.Unproven) > 0 {
				t.Errorf("unproven: %q", r.Unproven)
			}
		})
	}
}

// TestReloadAddsCheck: a reload that adds a check disturbs nothing, and the
// check counts from its first result on.
func TestReloadAddsCheck(t *testing.T) {
	labtest.Need(t, "nginx")
	w := newWorld(t)
	w.serve(w.first)
	w.serve(w.other)
	w.start()
	w.conf.Checks["nginx"] = web()
	w.router(func(r *vicar.Router) { r.Track = []vicar.Track{{Check: "nginx"}} })
	for _, a := range w.agents {
		labtest.OK(t, a.Reload(w.conf))
	}
	labtest.Eventually(t, patience, "the check passes", func() bool {
		s, _ := w.status("lb-1")
		return len(s.Checks) == 1 && s.Checks[0].State == "passing"
	})
	w.wantEntered("lb-1", 1)
	labtest.OK(t, w.servers["lb-1"].Kill())
	w.wantHolder("lb-2")
}

// TestReloadRefused: a reload whose hook can't be run changes nothing.
func TestReloadRefused(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.conf.Hooks = []vicar.Block{{"exec": []string{"/nonexistent/hook"}}}
	w.router(func(r *vicar.Router) { r.Interval = vicar.Duration(time.Second) })
	labtest.OK(t, w.agents["lb-1"].Reload(w.conf))
	labtest.Eventually(t, patience, "the reload is refused", func() bool {
		return w.agents["lb-1"].Output.Count("reload refused, nothing has changed") > 0
	})
	if _, r := w.status("lb-1"); r.Interval != 100*time.Millisecond {
		t.Errorf("the interval is %v", r.Interval)
	}
}
