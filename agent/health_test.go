// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
)

// TestWeights: the seed cases of weight. A weight moves the address if, and
// only if, it is greater than the difference of the priorities (150 and 100).
func TestWeights(t *testing.T) {
	for _, c := range []struct {
		name   string
		weight int
		moves  bool
	}{
		{"negative", -60, true},
		{"positive", 60, true},
		{"negative, equal after", -50, false}, // a Backup lets an equal Active be
		{"positive, equal after", 50, false},
		{"negative, too small", -20, false},
		{"positive, too small", 20, false},
		{"fault", 0, true},
		{"clamped below", -253, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			healthy(t, tracking(c.weight), func(t *testing.T, w *world) {
				w.allPass("haproxy")
				w.want("lb-1")
				w.nodes[0].health.fail("haproxy")
				time.Sleep(time.Second)
				holder := "lb-1"
				if c.moves {
					holder = "lb-2"
				}
				w.want(holder)
				w.nodes[1].health.fail("haproxy") // both fail: nothing, or back
				time.Sleep(time.Second)
				switch c.weight {
				case 0:
					w.want()
				case -track.MaxWeight: // both have 1, and who has it keeps it
					w.want("lb-2")
				default:
					w.want("lb-1")
				}
				w.nodes[1].health.pass("haproxy")
				w.nodes[0].health.pass("haproxy")
				time.Sleep(time.Second)
				w.want("lb-1")
			})
		})
	}
}

func TestReverse(t *testing.T) {
	reverse := func(weight int) func(*agent.Config) {
		return func(c *agent.Config) {
			c.Routers[0].Tracks = []track.Track{{Check: "backup", Weight: weight, Reverse: true}}
		}
	}
	t.Run("fault", func(t *testing.T) {
		healthy(t, reverse(0), func(t *testing.T, w *world) {
			w.nodes[0].health.fail("backup")
			w.nodes[1].health.fail("backup")
			time.Sleep(time.Second)
			w.want("lb-1")
			w.nodes[0].health.pass("backup")
			time.Sleep(time.Second)
			w.want("lb-2")
			w.nodes[0].wantReason(t, "check backup passes")
		})
	})
	t.Run("positive", func(t *testing.T) {
		healthy(t, reverse(60), func(t *testing.T, w *world) {
			w.nodes[0].health.pass("backup") // 150-60
			w.nodes[1].health.fail("backup") // 100
			time.Sleep(time.Second)
			w.want("lb-2")
			if got := w.nodes[0].router(t).Priority; got != 90 {
				t.Errorf("priority %d, want 90", got)
			}
		})
	})
}

// TestUndecided: a node doesn't compete before its checks have had a result, not
// even if nobody else does.
func TestUndecided(t *testing.T) {
	healthy(t, tracking(-60), func(t *testing.T, w *world) {
		w.nodes[1].health.pass("haproxy")
		time.Sleep(5 * time.Second)
		w.want("lb-2")
		w.nodes[0].wantReason(t, "waits for the first result of haproxy")
		w.nodes[0].health.fail("haproxy") // a result, and 90
		time.Sleep(5 * time.Second)
		w.want("lb-2")
		if got := w.nodes[0].router(t).State; got != "Backup" {
			t.Errorf("lb-1 is in %s, want Backup", got)
		}
		w.nodes[0].health.pass("haproxy")
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestRebooted: a node that comes back unhealthy does not steal the address.
func TestRebooted(t *testing.T) {
	healthy(t, tracking(0), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first := w.nodes[0]
		first.stop(t)
		time.Sleep(time.Second)
		w.want("lb-2")
		first.health = newHealth()
		first.cfg.Checker = first.health
		first.start(t)
		time.Sleep(10 * time.Second)
		w.want("lb-2")
		first.health.fail("haproxy")
		time.Sleep(10 * time.Second)
		w.want("lb-2")
		first.wantReason(t, "check haproxy fails: connection refused")
		first.health.pass("haproxy")
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestReverseProvesNothing: what a check in reverse says does not keep a node
// from taking over.
func TestReverseProvesNothing(t *testing.T) {
	reverse := func(c *agent.Config) {
		c.Routers[0].Tracks = []track.Track{{Check: "spare", Weight: -20, Reverse: true}}
	}
	healthy(t, reverse, func(t *testing.T, w *world) {
		w.nodes[1].health.pass("spare")
		time.Sleep(time.Second)
		w.want("lb-2")
		w.nodes[0].health.pass("spare")
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestUnproven: a node that starts with its service down does not take over even
// if the weight leaves it the better one, until all has been well once. It does
// if nobody else is heard.
func TestUnproven(t *testing.T) {
	healthy(t, tracking(-20), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first := w.nodes[0]
		first.stop(t)
		time.Sleep(time.Second)
		w.want("lb-2")
		first.health = newHealth()
		first.health.fail("haproxy") // 130
		first.cfg.Checker = first.health
		first.start(t)
		time.Sleep(time.Minute)
		w.want("lb-2")
		if got := first.router(t).Unproven; len(got) != 1 || got[0] != "haproxy" {
			t.Errorf("unproven %v, want haproxy", got)
		}
		first.health.pass("haproxy")
		time.Sleep(time.Second)
		w.want("lb-1")
		first.health.fail("haproxy") // 130 is enough for what it has
		time.Sleep(time.Second)
		w.want("lb-1")
	})
	healthy(t, tracking(-20), func(t *testing.T, w *world) {
		for _, n := range w.nodes {
			n.health.fail("haproxy")
		}
		time.Sleep(time.Second)
		w.want("lb-1") // nobody else
	})
}

func TestListen(t *testing.T) {
	listening := func(c *agent.Config) { c.Routers[0].Listen = 10 * time.Second }
	healthy(t, listening, func(t *testing.T, w *world) {
		time.Sleep(9 * time.Second)
		w.want()
		w.nodes[0].wantReason(t, "listens for 10s after the start")
		time.Sleep(2 * time.Second)
		w.want("lb-1")
	})
}

// TestPreemptDelayAfterRecovery: the address goes away at once and returns after
// the delay.
func TestPreemptDelayAfterRecovery(t *testing.T) {
	delayed := func(c *agent.Config) {
		tracking(0)(c)
		c.Routers[0].PreemptDelay = 30 * time.Second
	}
	healthy(t, delayed, func(t *testing.T, w *world) {
		w.allPass("haproxy")
		w.want("lb-1")
		w.nodes[0].health.fail("haproxy")
		time.Sleep(500 * ms)
		w.want("lb-2")
		w.nodes[0].health.pass("haproxy")
		time.Sleep(29 * time.Second)
		w.want("lb-2")
		if at := w.nodes[0].router(t).PreemptAt; at.IsZero() {
			t.Error("status doesn't tell that the delay runs")
		}
		time.Sleep(2 * time.Second)
		w.want("lb-1")
	})
}

// TestReloadKeepsWeights: a reload that changes the base priority goes on from
// the present sum, and no advert says anything else.
func TestReloadKeepsWeights(t *testing.T) {
	healthy(t, tracking(-20), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first := w.nodes[0]
		first.health.fail("haproxy") // 130
		time.Sleep(time.Second)
		p := w.tap()
		cfg := first.withRouters(first.cfg.Routers[0])
		cfg.Routers[0].Priority = 160
		if err := first.agent.Reload(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for seen, n := range p.count() {
			if seen[1] != 130 && seen[1] != 140 {
				t.Errorf("%d adverts of priority %d", n, seen[1])
			}
		}
		s := first.router(t)
		if s.Base != 160 || s.Priority != 140 || len(s.Tracks) != 1 || s.Tracks[0].Part != -20 || s.Tracks[0].State != "failing" {
			t.Errorf("status %+v", s)
		}
	})
}

// TestOwnerDoesNotMove: an owner's 255 does not move, but a fault takes it out.
func TestOwnerDoesNotMove(t *testing.T) {
	owner := func(c *agent.Config) {
		if c.Node == "lb-1" {
			c.Routers[0].Priority = 255
		}
		c.Routers[0].Tracks = []track.Track{{Check: "haproxy", Weight: -60}, {Check: "uplink"}}
	}
	healthy(t, owner, func(t *testing.T, w *world) {
		w.allPass("haproxy", "uplink")
		w.nodes[0].health.fail("haproxy")
		time.Sleep(time.Second)
		w.want("lb-1")
		if got := w.nodes[0].router(t).Priority; got != 255 {
			t.Errorf("priority %d, want 255", got)
		}
		w.nodes[0].health.fail("uplink")
		time.Sleep(time.Second)
		w.want("lb-2")
	})
}

// TestCheckerEnds: an agent that learns nothing of its services any more stops.
func TestCheckerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1, router(100*ms, vip4.String()))
		n := w.nodes[0]
		n.cfg.Checker = blindChecker{}
		n.start(t)
		if err := <-n.ended; err == nil {
			t.Error("Run ended without an error")
		}
		w.want()
	})
}
