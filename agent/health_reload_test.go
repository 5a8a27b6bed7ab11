// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
)

// retrack reloads a node with other tracks for its router.
func (n *node) retrack(t *testing.T, tracks ...track.Track) {
	t.Helper()
	r := n.cfg.Routers[0]
	r.Tracks = tracks
	if err := n.agent.Reload(t.Context(), n.withRouters(r)); err != nil {
		t.Fatal(err)
	}
}

// TestReloadAddsCheck: a check that a reload adds counts once it has a result;
// until then it changes nothing, whatever it is to do.
func TestReloadAddsCheck(t *testing.T) {
	for _, weight := range []int{0, 60, -60} {
		for _, reverse := range []bool{false, true} {
			added := track.Track{Check: "new", Weight: weight, Reverse: reverse}
			t.Run(fmt.Sprint(added), func(t *testing.T) {
				healthy(t, func(*agent.Config) {}, func(t *testing.T, w *world) {
					time.Sleep(time.Second)
					w.want("lb-1")
					first := w.nodes[0]
					first.retrack(t, added)
					time.Sleep(5 * time.Second)
					if r := first.router(t); r.Transitions["Active"] != 1 || r.Priority != 150 || r.State != "Active" {
						t.Errorf("it is %s for the %dth time, with priority %d", r.State, r.Transitions["Active"], r.Priority)
					}
				})
			})
		}
	}
}

// TestReloadChangesCheck: what a check was before a reload that changes it, it
// stays until the new one has a result.
func TestReloadChangesCheck(t *testing.T) {
	healthy(t, tracking(0), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first := w.nodes[0]
		first.health.fail("haproxy")
		time.Sleep(time.Second)
		w.want("lb-2")
		first.health.set("haproxy", track.Undecided, "no result yet")
		time.Sleep(time.Second)
		w.want("lb-2")
		first.health.pass("haproxy")
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestForgottenCheck: what a check said when it was last tracked is forgotten
// when it is tracked again.
func TestForgottenCheck(t *testing.T) {
	healthy(t, tracking(-20), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first := w.nodes[0]
		first.health.fail("haproxy")
		time.Sleep(time.Second)
		first.retrack(t)
		time.Sleep(time.Hour)
		first.retrack(t, track.Track{Check: "haproxy"})
		first.health.set("haproxy", track.Undecided, "no result yet")
		time.Sleep(5 * time.Second)
		w.want("lb-1")
		if r := first.router(t); r.Transitions["Active"] != 1 {
			t.Errorf("became Active %d times, want 1", r.Transitions["Active"])
		}
	})
}

// TestReloadListen: a reload can end what the start began.
func TestReloadListen(t *testing.T) {
	healthy(t, func(c *agent.Config) { c.Routers[0].Listen = time.Hour }, func(t *testing.T, w *world) {
		time.Sleep(time.Minute)
		w.want()
		first := w.nodes[0]
		r := first.cfg.Routers[0]
		r.Listen = 2 * time.Minute
		if err := first.agent.Reload(t.Context(), first.withRouters(r)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		w.want()
		r.Listen = 0
		if err := first.agent.Reload(t.Context(), first.withRouters(r)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}
