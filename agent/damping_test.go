// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
)

func damped(weight int) func(*agent.Config) {
	return func(c *agent.Config) {
		tracking(weight)(c)
		c.Routers[0].Damping = agent.Damping{Moves: 5, Within: time.Minute, Hold: 2 * time.Minute}
	}
}

// flap lets lb-1's check fail and pass again. It is called in a bubble.
func (w *world) flap() {
	w.nodes[0].health.fail("haproxy")
	time.Sleep(2 * time.Second)
	w.nodes[0].health.pass("haproxy")
	time.Sleep(2 * time.Second)
}

// TestDamping: a node whose check comes and goes is left out after five moves
// (here 1 + 2 + 2), for two minutes after the last; the other keeps the
// address.
func TestDamping(t *testing.T) {
	for name, weight := range map[string]int{"fault": 0, "weight": -60} {
		t.Run(name, func(t *testing.T) {
			healthy(t, damped(weight), func(t *testing.T, w *world) {
				w.allPass("haproxy")
				w.flap()
				w.want("lb-1")
				w.flap()
				w.want("lb-1") // the fifth move damps it where it is
				if s := w.nodes[0].router(t); s.DampedUntil.IsZero() || s.Moves != 5 {
					t.Errorf("damped until %v after %d moves", s.DampedUntil, s.Moves)
				}
				w.flap()
				w.want("lb-2")
				time.Sleep(110 * time.Second)
				w.want("lb-2")
				time.Sleep(10 * time.Second)
				w.want("lb-1")
				if s := w.nodes[0].router(t); !s.DampedUntil.IsZero() {
					t.Errorf("damped until %v", s.DampedUntil)
				}
			})
		})
	}
}

// TestDampedRelieves: a damped node takes over from one that fails.
func TestDampedRelieves(t *testing.T) {
	healthy(t, damped(-60), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		w.flap()
		w.flap()
		w.want("lb-1")
		if s := w.nodes[1].router(t); s.Moves == 0 {
			t.Error("lb-2 has counted nothing")
		}
		w.nodes[0].health.fail("haproxy")
		time.Sleep(time.Second)
		w.want("lb-2") // damped or not
		w.nodes[1].stop(t)
		time.Sleep(time.Second)
		w.want("lb-1") // nobody else
	})
}

// TestDampedRelievesAtAnyPriority: a damped node leaves a healthy holder alone,
// and relieves it when it fails.
func TestDampedRelievesAtAnyPriority(t *testing.T) {
	healthy(t, damped(-60), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		for range 3 {
			w.flap()
		}
		w.want("lb-2")
		w.nodes[1].health.fail("haproxy")
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestDampingTakenAway: a reload without damping ends it.
func TestDampingTakenAway(t *testing.T) {
	healthy(t, damped(0), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		w.flap()
		w.flap()
		w.flap()
		w.want("lb-2")
		first := w.nodes[0]
		cfg := first.withRouters(first.cfg.Routers[0])
		cfg.Routers[0].Damping = agent.Damping{}
		if err := first.agent.Reload(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}
