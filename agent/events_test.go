// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestEvents: what a listener is told from the start to the end.
func TestEvents(t *testing.T) {
	healthy(t, tracking(0), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first, second := w.nodes[0], w.nodes[1]
		first.wantSaid(t, "web backup Initialize->Backup 0", "web active Backup->Active 1", "web take_over Active->Active 1")
		second.wantSaid(t, "web backup Initialize->Backup 0")

		first.health.fail("haproxy")
		time.Sleep(time.Second)
		first.wantSaid(t, "web fault Active->Initialize 1", "web give_up Active->Initialize 1")
		second.wantSaid(t, "web active Backup->Active 1", "web take_over Active->Active 1")

		first.health.pass("haproxy")
		time.Sleep(time.Second)
		first.wantSaid(t, "web backup Initialize->Backup 1", "web active Backup->Active 2", "web take_over Active->Active 2")
		second.wantSaid(t, "web backup Active->Backup 1", "web give_up Active->Backup 1")

		first.stop(t)
		time.Sleep(time.Second)
		first.wantSaid(t, "web give_up Active->Active 2", "web stop Active->Initialize 2")
		second.stop(t)
		second.wantSaid(t, "web active Backup->Active 2", "web take_over Active->Active 2", "web give_up Active->Active 2", "web stop Active->Initialize 2")
	})
}

// TestStalledThenFaulted: an Active that wakes up too late and learns at the same
// moment that its link is down has stepped down twice, and both are told.
func TestStalledThenFaulted(t *testing.T) {
	healthy(t, tracking(0), func(t *testing.T, w *world) {
		late := new(atomic.Int64)
		first := w.nodes[0]
		first.stop(t)
		first.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
		first.start(t)
		w.allPass("haproxy")
		w.want("lb-1")
		first.listener.take()
		late.Store(int64(time.Minute))
		first.health.fail("haproxy")
		time.Sleep(time.Second)
		first.wantSaid(t, "web backup Active->Backup 1", "web give_up Active->Initialize 1", "web fault Backup->Initialize 1")
		if l := first.status(t).Loop; l.Stalls != 1 || l.LateMax < 50*time.Second {
			t.Errorf("%d stalls, at worst %v late; want one of a minute", l.Stalls, l.LateMax)
		}
		if got := first.router(t).Transitions; got["Initialize"] != 1 || got["Backup"] != 2 {
			t.Errorf("transitions %v", got)
		}
	})
}

// TestFarewell: before a router gives up in order, the listener is waited for,
// and adverts go on; but not for ever.
func TestFarewell(t *testing.T) {
	for name, c := range map[string]struct{ slow, stays time.Duration }{
		"answers":        {500 * ms, 500 * ms},
		"does not":       {-1, 2 * time.Second},
		"takes too long": {time.Hour, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			healthy(t, tracking(0), func(t *testing.T, w *world) {
				w.allPass("haproxy")
				first := w.nodes[0]
				first.listener.slow = c.slow
				p := w.tap()
				first.cancel()
				time.Sleep(c.stays - ms)
				w.want("lb-1")
				time.Sleep(2 * ms)
				if first.kernel.holds(vip4) {
					t.Error("still held")
				}
				counts := p.count()
				if got, want := counts[[2]uint8{51, 150}], int(c.stays/(100*ms)); got < want-1 || got > want+1 {
					t.Errorf("%d adverts while it waited, want about %d", got, want)
				}
				first.stop(t)
			})
		})
	}
}

// TestReloadFarewell: a router that a reload takes away says farewell as well.
func TestReloadFarewell(t *testing.T) {
	healthy(t, tracking(0), func(t *testing.T, w *world) {
		w.allPass("haproxy")
		first := w.nodes[0]
		first.listener.slow = 500 * ms
		first.listener.take()
		if err := first.agent.Reload(t.Context(), first.withRouters()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * ms)
		w.want("lb-1")
		// It changes its mind: the router comes back, once the old one is gone.
		if err := first.agent.Reload(t.Context(), first.withRouters(first.cfg.Routers...)); err != nil {
			t.Fatal(err)
		}
		first.health.pass("haproxy") // what nobody tracked for a while is forgotten
		time.Sleep(300 * ms)
		w.want("lb-2")
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}
