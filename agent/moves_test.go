// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
)

// slowness is how long the movers of the world of inSlow take on all nodes but the
// first, and slowMoving what is known of that.
const (
	slowness   = 600 * time.Millisecond
	slowMoving = 2 * time.Second
)

// inSlow runs f on three nodes, guarded and not, whose addresses move slowly, once
// the best holds them.
func inSlow(t *testing.T, f func(t *testing.T, b *bound)) {
	t.Helper()
	for name, guarded := range map[string]bool{"guarded": true, "unguarded": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newResting(t, 1, 3, router(100*time.Millisecond, guardedVIP.String(), "2001:db8::100/64"), guarded)
				for _, n := range b.nodes {
					n.cfg.Routers[0].Moving = slowMoving
					b.linked[n.name].start(t, guarded)
				}
				defer b.end()
				time.Sleep(maxLease + time.Second)
				for _, n := range b.nodes[1:] {
					n.kernel.setSlow(slowness)
				}
				f(t, b)
			})
		})
	}
}

func (k *kernel) setSlow(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slow = d
}

// TestMoveHeld: who moves something is told when the other node was elected, and
// answered when it has the addresses, wherever that is asked.
func TestMoveHeld(t *testing.T) {
	inSlow(t, func(t *testing.T, b *bound) {
		want := func(m agent.Move, err error) {
			t.Helper()
			if err != nil || m.To == "" || m.Took > 50*time.Millisecond || m.Held < slowness || m.Held > slowness+50*time.Millisecond {
				t.Errorf("it went to %q, elected after %v, held after %v: %v", m.To, m.Took, m.Held, err)
			}
			if m.To != "" && !b.linked[m.To].node.kernel.holds(guardedVIP) {
				t.Errorf("%s doesn't have the address", m.To)
			}
		}
		for _, at := range []string{"lb-1", "lb-2", "lb-3"} {
			want(b.linked[at].node.agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-2"}))
			if _, err := b.linked[at].node.agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-1"}); err != nil {
				t.Error(err)
			}
		}
		moves, err := b.nodes[0].agent.Drain(t.Context(), true, false)
		want(moves[0], err)
	})
}

// TestMoveNotHeld: the new holder is elected and does not get the addresses in time.
func TestMoveNotHeld(t *testing.T) {
	inSlow(t, func(t *testing.T, b *bound) {
		b.linked["lb-2"].node.kernel.setSlow(time.Minute)
		began := time.Now()
		_, err := b.nodes[0].agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-2"})
		if !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), "lb-2 was elected") {
			t.Errorf("it says %v", err)
		}
		if waited := time.Since(began); waited < slowMoving || waited > slowMoving+10*time.Second {
			t.Errorf("after %v", waited)
		}
		b.linked["lb-2"].node.kernel.setSlow(0)
	})
}

// TestMoveInVain: the new holder can't get the addresses, and it is said where they
// have gone instead.
func TestMoveInVain(t *testing.T) {
	inSlow(t, func(t *testing.T, b *bound) {
		for _, n := range b.nodes[1:] {
			n.kernel.setBroken(errBroken)
		}
		_, err := b.nodes[0].agent.Handover(t.Context(), agent.Order{Router: "web"})
		if !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), "lb-2 was elected") && !strings.Contains(err.Error(), "lb-3 was elected") || !strings.Contains(err.Error(), "lb-1 is Active again") {
			t.Errorf("it says %v", err)
		}
		time.Sleep(100 * ms)
		b.want("lb-1")
	})
}

// TestMoveUntold: without a peer link nobody tells when it has the addresses.
func TestMoveUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2, router(100*time.Millisecond, guardedVIP.String()))
		for _, n := range w.nodes {
			n.kernel.slow = 100 * ms
			n.cfg.Names = names(w)
		}
		w.start()
		defer w.stop()
		time.Sleep(2 * time.Second)
		m, err := w.nodes[0].agent.Handover(t.Context(), agent.Order{Router: "web"})
		if err != nil || m.To != "lb-2" || m.Took == 0 || m.Held != 0 {
			t.Errorf("moved %+v: %v", m, err)
		}
	})
}

// names are the nodes' by their addresses.
func names(w *world) map[netip.Addr]string {
	all := make(map[netip.Addr]string)
	for _, n := range w.nodes {
		all[n.addr] = n.name
	}
	return all
}
