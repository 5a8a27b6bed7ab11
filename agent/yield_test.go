// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
)

const signal = "signal"

// yielding makes all routers yield while the check signal fails.
func yielding(c *agent.Config) {
	for i := range c.Routers {
		c.Routers[i].Tracks = []track.Track{{Check: signal, Yield: true}}
	}
}

// inYielding runs f on three nodes with a peer link that yield while signal fails,
// guarded and not, once the best holds the address.
func inYielding(t *testing.T, change func(*agent.Config), f func(t *testing.T, b *bound)) {
	t.Helper()
	for name, guarded := range map[string]bool{"guarded": true, "unguarded": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newResting(t, 1, 3, router(100*time.Millisecond, guardedVIP.String(), "2001:db8::100/64"), guarded)
				for _, n := range b.nodes {
					n.health = newHealth()
					n.health.pass(signal)
					n.cfg.Checker = n.health
					yielding(&n.cfg)
					change(&n.cfg)
					b.linked[n.name].start(t, guarded)
				}
				defer b.end()
				time.Sleep(maxLease + time.Second)
				f(t, b)
			})
		})
	}
}

func unchanged(*agent.Config) {}

// signals makes the check of a node fail or pass.
func (b *bound) signals(name string, on bool) {
	b.t.Helper()
	if on {
		b.linked[name].node.health.set(signal, track.Failing, "it ends at noon")
	} else {
		b.linked[name].node.health.pass(signal)
	}
}

// wantKeeps checks why a node that yields holds on, by a part of it; empty: it
// does not.
func (b *bound) wantKeeps(name, part string) {
	b.t.Helper()
	if got := b.router(name).Keeps; !strings.Contains(got, part) || part == "" && got != "" {
		b.t.Errorf("%s holds on since %q, want one with %q", name, got, part)
	}
}

// TestYield: the address goes to the best of the others within moments, whatever the
// preemption, and comes back as preemption has it.
func TestYield(t *testing.T) {
	for _, preempt := range []bool{true, false} {
		inYielding(t, func(c *agent.Config) { c.Routers[0].Preempt = preempt }, func(t *testing.T, b *bound) {
			if !preempt { // who was first has it
				if _, err := b.nodes[0].agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-1"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * ms)
			}
			b.want("lb-1")
			if silent := b.during(guardedVIP, func() { b.signals("lb-1", true) }); silent > 5*time.Millisecond {
				t.Errorf("preempt %v: nobody answered for %v", preempt, silent)
			}
			b.want("lb-2")
			r := b.router("lb-1")
			if r.Priority != track.MinPriority || r.State != "Backup" || !strings.Contains(r.Reason, "lb-2") || !strings.Contains(r.Yields, "it ends at noon") {
				t.Errorf("lb-1 has priority %d in state %s, reason %q, yields %q", r.Priority, r.State, r.Reason, r.Yields)
			}
			b.wantKeeps("lb-1", "")
			b.signals("lb-1", false)
			time.Sleep(time.Second)
			if preempt {
				b.want("lb-1")
			} else {
				b.want("lb-2")
			}
			if r := b.router("lb-1"); r.Priority != 200 || r.Yields != "" {
				t.Errorf("withdrawn, and lb-1 has priority %d, yields %q", r.Priority, r.Yields)
			}
		})
	}
}

// TestYieldPinned: that somebody handed it over to this node by name keeps nothing
// on a machine that is about to end.
func TestYieldPinned(t *testing.T) {
	inYielding(t, unchanged, func(t *testing.T, b *bound) {
		if _, err := b.nodes[0].agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-3"}); err != nil {
			t.Fatal(err)
		}
		b.want("lb-3")
		b.signals("lb-3", true)
		time.Sleep(time.Second)
		b.want("lb-1")
	})
}

// TestYieldAlone: who yields holds on while nobody else can, says why, and hands
// over as soon as somebody can.
func TestYieldAlone(t *testing.T) {
	inYielding(t, unchanged, func(t *testing.T, b *bound) {
		for _, name := range []string{"lb-2", "lb-3"} {
			if _, err := b.linked[name].node.agent.Drain(t.Context(), true, false); err != nil {
				t.Fatal(err)
			}
		}
		if silent := b.during(guardedVIP, func() { b.signals("lb-1", true) }); silent > 0 {
			t.Errorf("nobody answered for %v", silent)
		}
		b.want("lb-1")
		b.wantKeeps("lb-1", "lb-2: it is drained")
		if r := b.router("lb-1"); r.Transitions["Active"] != 1 || r.Priority != track.MinPriority {
			t.Errorf("lb-1 became Active %d times, priority %d", r.Transitions["Active"], r.Priority)
		}
		silent := b.during(guardedVIP, func() {
			if _, err := b.linked["lb-2"].node.agent.Drain(t.Context(), false, false); err != nil {
				t.Error(err)
			}
		})
		if silent > 5*time.Millisecond {
			t.Errorf("nobody answered for %v when lb-2 became ready", silent)
		}
		b.want("lb-2")
		b.wantKeeps("lb-1", "")
	})
}

// TestYieldTogether: of several that yield the present holder stays, and nothing
// goes to and fro.
func TestYieldTogether(t *testing.T) {
	inYielding(t, unchanged, func(t *testing.T, b *bound) {
		b.signals("lb-2", true)
		b.signals("lb-3", true)
		time.Sleep(time.Second)
		b.want("lb-1")
		b.signals("lb-1", true)
		if silent := b.during(guardedVIP, func() { time.Sleep(time.Minute) }); silent > 0 {
			t.Errorf("nobody answered for %v", silent)
		}
		b.want("lb-1")
		b.wantKeeps("lb-1", "lb-2: it yields")
		moved := func(at int, to string) error {
			_, err := b.nodes[at].agent.Handover(t.Context(), agent.Order{Router: "web", To: to})
			return err
		}
		if err := moved(0, "lb-2"); !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), "yields") {
			t.Errorf("by name to a node that yields: %v", err)
		}
		b.signals("lb-3", false)
		time.Sleep(time.Second)
		b.want("lb-3")
		for _, c := range []struct {
			at int
			to string
		}{{2, ""}, {0, ""}, {0, "lb-1"}, {2, "lb-1"}} {
			if err := moved(c.at, c.to); !errors.Is(err, agent.ErrNotMoved) {
				t.Errorf("asked at lb-%d for %q, when all others yield: %v", c.at+1, c.to, err)
			}
			b.want("lb-3")
		}
	})
}

// TestYieldSuccessorDies: who yielded takes over again rather than nobody, and hands
// over again when another is back.
func TestYieldSuccessorDies(t *testing.T) {
	inYielding(t, unchanged, func(t *testing.T, b *bound) {
		b.linked["lb-3"].end(t) // of three voters two are left
		b.signals("lb-1", true)
		time.Sleep(time.Second)
		b.want("lb-2")
		b.linked["lb-3"].start(t, b.linked["lb-3"].node.cfg.Routers[0].Guarded)
		time.Sleep(maxLease + time.Second)
		if _, err := b.linked["lb-3"].node.agent.Drain(t.Context(), true, false); err != nil {
			t.Fatal(err)
		}
		b.lan.Isolate("lb-2")
		b.cutLink("lb-2", true)
		time.Sleep(2 * time.Second)
		if r := b.router("lb-1"); r.State != "Active" || r.Keeps == "" {
			t.Errorf("the successor is gone, and lb-1 is in state %s, holds on since %q", r.State, r.Keeps)
		}
		b.lan.Heal()
		b.cutLink("lb-2", false)
		time.Sleep(15 * time.Second) // what is handed over in vain comes first
		b.want("lb-2")
	})
}

// TestYieldInVain: a successor that can't hold the address is not tried again and
// again.
func TestYieldInVain(t *testing.T) {
	inYielding(t, unchanged, func(t *testing.T, b *bound) {
		b.linked["lb-3"].node.kernel.setBroken(errBroken)
		b.linked["lb-2"].node.kernel.setBroken(errBroken)
		b.signals("lb-1", true)
		time.Sleep(time.Minute)
		if r := b.router("lb-1"); r.State != "Active" || r.Transitions["Active"] > 14 {
			t.Errorf("in a minute lb-1 became Active %d times, and is in state %s", r.Transitions["Active"], r.State)
		}
	})
}

// TestYieldBlind: without a peer link a holder gives up once, and is the last to
// take over again.
func TestYieldBlind(t *testing.T) {
	for _, preempt := range []bool{true, false} {
		healthy(t, func(c *agent.Config) {
			yielding(c)
			c.Routers[0].Preempt = preempt
		}, func(t *testing.T, w *world) {
			lb1, lb2 := w.nodes[0], w.nodes[1]
			w.allPass(signal)
			w.want("lb-1")
			lb1.health.fail(signal)
			time.Sleep(100 * ms) // a skew, and not an Active_Down_Interval
			w.want("lb-2")
			lb2.stop(t)
			time.Sleep(time.Second)
			w.want("lb-1")
			began := lb1.router(t).Transitions["Active"]
			lb1.health.fail(signal)
			time.Sleep(time.Minute)
			w.want("lb-1")
			if got := lb1.router(t).Transitions["Active"]; got != began {
				t.Errorf("lb-1 gave up again, %d times", got-began)
			}
			if keeps := lb1.router(t).Keeps; !strings.Contains(keeps, "peer_link") {
				t.Errorf("lb-1 holds on since %q", keeps)
			}
			lb1.health.pass(signal)
			lb2.start(t)
			time.Sleep(time.Second)
			w.want("lb-1")
		})
	}
}

// TestYieldBlindAlone: nobody takes it, so it comes back.
func TestYieldBlindAlone(t *testing.T) {
	healthy(t, yielding, func(t *testing.T, w *world) {
		w.allPass(signal)
		w.nodes[1].stop(t)
		w.nodes[0].health.fail(signal)
		time.Sleep(time.Second)
		w.want("lb-1")
		if r := w.nodes[0].router(t); r.Transitions["Active"] != 2 || r.Priority != track.MinPriority {
			t.Errorf("lb-1 became Active %d times, priority %d; want twice, 1", r.Transitions["Active"], r.Priority)
		}
	})
}

// TestYieldFromTheStart: a node that starts while it yields takes from nobody, and
// holds if there is nobody.
func TestYieldFromTheStart(t *testing.T) {
	healthy(t, yielding, func(t *testing.T, w *world) {
		time.Sleep(time.Second)
		w.nodes[0].wantReason(t, "waits for the first result")
		if r := w.nodes[0].router(t); r.Yields != "" {
			t.Errorf("it yields, though nothing is known yet: %s", r.Yields)
		}
		w.nodes[0].health.fail(signal)
		time.Sleep(time.Second)
		w.want("lb-1")
		w.nodes[1].health.pass(signal)
		time.Sleep(time.Second)
		w.want("lb-2")
	})
}
