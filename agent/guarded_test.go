// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/status"
)

var guardedVIP = netip.MustParsePrefix("192.0.2.100/24")

// inBound runs f on three nodes, guarded or not, once the best holds the
// address.
func inBound(t *testing.T, guarded bool, f func(b *bound)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBound(t, 1, 3, router(100*time.Millisecond, guardedVIP.String(), "2001:db8::100/64"), guarded)
		time.Sleep(maxLease + time.Second)
		b.want("lb-1")
		f(b)
		b.end()
	})
}

func (b *bound) want(holder ...string) {
	b.t.Helper()
	if got := b.answering(guardedVIP); !slices.Equal(got, holder) {
		b.t.Errorf("%v hold the address, want %v", got, holder)
	}
}

func (b *bound) router(name string) status.Router {
	s, err := b.linked[name].node.agent.Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return s.Routers[0]
}

// TestGuardedStop: the others wait for neither lease nor timer, and the best one
// gets the address back when it returns.
func TestGuardedStop(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		inBound(t, guarded, func(b *bound) {
			lb1 := b.linked["lb-1"]
			if silent := b.during(guardedVIP, func() { lb1.end(t) }); silent > 5*time.Millisecond {
				t.Errorf("guarded %v: nobody answered for %v at a stop", guarded, silent)
			}
			b.want("lb-2")
			lost := b.during(guardedVIP, func() {
				lb1.start(t, guarded)
				time.Sleep(maxLease + time.Second)
			})
			if guarded && lost > 5*time.Millisecond {
				t.Errorf("nobody answered for %v at a preemption", lost)
			}
			b.want("lb-1")
		})
	}
}

// TestGuardedPartition: a holder that is alone gives up before another takes
// over.
func TestGuardedPartition(t *testing.T) {
	inBound(t, true, func(b *bound) {
		term := b.router("lb-1").Term
		silent := b.during(guardedVIP, func() {
			b.lan.Isolate("lb-1")
			b.cutLink("lb-1", true)
		})
		// lb-1 gives up 240 ms after its last renewal, lb-2 claims 300 ms and its skew
		// (42 ms) after the last advert, whose renewal may have been cut off.
		if silent > 210*time.Millisecond {
			t.Errorf("nobody answered for %v", silent)
		}
		b.want("lb-2")
		if r := b.router("lb-1"); r.Lease.Held || r.Lease.Lost != 1 || !strings.Contains(r.Reason, "no majority") {
			t.Errorf("lb-1 says %q, lease %+v", r.Reason, r.Lease)
		}
		if r := b.router("lb-2"); r.Term <= term || !r.Lease.Held || r.Lease.Term != r.Term {
			t.Errorf("lb-2 is in term %d after %d, lease %+v", r.Term, term, r.Lease)
		}
		b.during(guardedVIP, func() {
			b.lan.Heal()
			b.cutLink("lb-1", false)
		})
		b.want("lb-1")
	})
}

// TestGuardedStall: a holder that was held up steps down when it is told anything,
// or at its next advert. Either is one stall, of both families, and a lost lease.
func TestGuardedStall(t *testing.T) {
	for name, wakes := range map[string]func(b *bound){
		"at its advert": func(*bound) {},
		"by another event": func(b *bound) {
			if _, err := b.nodes[0].agent.Drain(b.t.Context(), true, false); err != nil && !errors.Is(err, agent.ErrNotMoved) {
				b.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBound(t, true, func(b *bound) {
				lb1, late := b.linked["lb-1"], new(atomic.Int64)
				lb1.end(b.t)
				lb1.node.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
				lb1.start(b.t, true)
				time.Sleep(maxLease + time.Second)
				b.want("lb-1")
				late.Store(int64(450 * ms))
				wakes(b)
				time.Sleep(110 * ms)
				s := lb1.node.status(b.t)
				if l := s.Routers[0].Lease; s.Loop.Stalls != 1 || s.Loop.LateMax < 300*ms || l.Lost != 1 {
					b.t.Errorf("%d stalls, at worst %v late, lease %+v; want one stall and one loss", s.Loop.Stalls, s.Loop.LateMax, l)
				}
			})
		})
	}
}

// TestGuardedStale: a node that was cut off while it held asks for the address
// again before the others know that it no longer holds.
func TestGuardedStale(t *testing.T) {
	inBound(t, true, func(b *bound) {
		b.keepSaying("lb-1", true)
		b.lan.Isolate("lb-1")
		b.cutLink("lb-1", true)
		time.Sleep(time.Second)
		b.want("lb-2")
		before := b.router("lb-3").Transitions["Active"] // it may have been the first to ask
		silent := b.during(guardedVIP, func() {
			b.lan.Heal()
			b.cutLink("lb-1", false)
		})
		if moved := b.router("lb-3").Transitions["Active"] - before; silent > 0 || moved > 0 {
			t.Errorf("nobody answered for %v, and lb-3 was handed the address %d times", silent, moved)
		}
		b.want("lb-2")
		b.during(guardedVIP, func() { b.keepSaying("lb-1", false) })
		b.want("lb-1")
	})
}

// TestGuardedNoMajority: without one nobody holds the address.
func TestGuardedNoMajority(t *testing.T) {
	inBound(t, true, func(b *bound) {
		b.cutLink("lb-2", true)
		b.cutLink("lb-3", true)
		time.Sleep(time.Second)
		b.want()
		b.cutLink("lb-3", false)
		time.Sleep(time.Second)
		b.want("lb-1")
	})
}

// TestGuardedLoneLink: the adverts are lost and the peer link lives.
func TestGuardedLoneLink(t *testing.T) {
	inBound(t, true, func(b *bound) {
		b.lan.Isolate("lb-1")
		time.Sleep(3 * time.Second)
		b.want("lb-1") // its interface works: something filters VRRP
		if got := b.router("lb-1").Filtered; !strings.Contains(got, "filtering") {
			t.Errorf("lb-1 says %q", got)
		}
		b.mu.Lock()
		b.linked["lb-1"].reachable = false
		b.mu.Unlock()
		silent := b.during(guardedVIP, func() { time.Sleep(2 * time.Second) })
		if silent > 20*time.Millisecond {
			t.Errorf("nobody answered for %v", silent)
		}
		b.want("lb-2")
		if got := b.router("lb-1"); got.State != "Initialize" || !strings.Contains(got.Reason, "nobody hears") {
			t.Errorf("lb-1 is %s: %s", got.State, got.Reason)
		}
		b.lan.Heal()
		b.mu.Lock()
		b.linked["lb-1"].reachable = true
		b.mu.Unlock()
		time.Sleep(3 * time.Second)
		b.want("lb-1")
	})
}

// TestHandover: it goes where it shall, from wherever that is asked, and stays.
func TestHandover(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		inBound(t, guarded, func(b *bound) {
			move := func(at, to string, auto bool) agent.Move {
				m, err := b.linked[at].node.agent.Handover(b.t.Context(), agent.Order{Router: "web", To: to, Auto: auto})
				if err != nil {
					t.Errorf("guarded %v: at %s to %q: %v", guarded, at, to, err)
				}
				return m
			}
			silent := b.during(guardedVIP, func() {
				if m := move("lb-1", "lb-3", false); m.From != "lb-1" || m.To != "lb-3" || m.Took > 10*time.Millisecond || m.Returns {
					t.Errorf("guarded %v: moved %+v", guarded, m)
				}
			})
			if silent > 5*time.Millisecond {
				t.Errorf("guarded %v: nobody answered for %v", guarded, silent)
			}
			b.want("lb-3") // a second later, too
			if r := b.router("lb-3"); !r.Pinned {
				t.Error("it is not pinned")
			}
			b.during(guardedVIP, func() { move("lb-3", "lb-2", false) })
			b.want("lb-2")
			b.during(guardedVIP, func() { move("lb-1", "", true) })
			b.want("lb-1")
			for _, at := range []string{"lb-3", "lb-1"} {
				b.during(guardedVIP, func() {
					if m := move(at, "", false); m.From != "lb-1" || m.To != "lb-2" || !m.Returns {
						t.Errorf("guarded %v: at %s: moved %+v", guarded, at, m)
					}
				})
				b.want("lb-1")
			}
			move("lb-1", "lb-3", false)
			if m := move("lb-1", "", false); m.From != "lb-3" || m.To == "lb-3" || m.Returns {
				t.Errorf("guarded %v: from a worse one: moved %+v", guarded, m)
			}
			b.during(guardedVIP, func() { move("lb-3", "", false) })
			b.want("lb-1") // lb-2 had it for a moment: nothing keeps it there

			for at, text := range map[string]string{"lb-9": "not there", "lb-1": ""} {
				_, err := b.linked["lb-2"].node.agent.Handover(b.t.Context(), agent.Order{Router: "web", To: at})
				if text != "" && (!errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), text)) || text == "" && err != nil {
					t.Errorf("guarded %v: to %s: %v", guarded, at, err)
				}
			}
			if _, err := b.nodes[0].agent.Handover(b.t.Context(), agent.Order{Router: "db"}); !errors.Is(err, agent.ErrUnknownRouter) {
				t.Errorf("of an unknown router: %v", err)
			}
		})
	}
}

// TestPinEnds: it ends when the node fails.
func TestPinEnds(t *testing.T) {
	inBound(t, true, func(b *bound) {
		if _, err := b.nodes[0].agent.Handover(b.t.Context(), agent.Order{Router: "web", To: "lb-3"}); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		b.want("lb-3")
		b.nodes[2].kernel.setUp(false)
		time.Sleep(time.Second)
		b.want("lb-1")
		b.nodes[2].kernel.setUp(true)
		time.Sleep(time.Second)
		b.want("lb-1")
	})
}

// TestDrain: a drained node holds nothing, and takes nothing.
func TestDrain(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		inBound(t, guarded, func(b *bound) {
			silent := b.during(guardedVIP, func() {
				moves, err := b.nodes[0].agent.Drain(b.t.Context(), true, false)
				if err != nil || len(moves) != 1 || moves[0].To != "lb-2" || moves[0].Returns {
					t.Errorf("guarded %v: %+v, %v", guarded, moves, err)
				}
			})
			if silent > 5*time.Millisecond {
				t.Errorf("guarded %v: nobody answered for %v", guarded, silent)
			}
			b.want("lb-2")
			if _, err := b.nodes[1].agent.Handover(b.t.Context(), agent.Order{Router: "web", To: "lb-1"}); !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), "drained") {
				t.Errorf("guarded %v: to a drained node: %v", guarded, err)
			}
			if moves, err := b.nodes[0].agent.Drain(b.t.Context(), false, false); err != nil || len(moves) != 0 {
				t.Errorf("guarded %v: undrained: %v, %v", guarded, moves, err)
			}
			time.Sleep(time.Second)
			b.want("lb-1")
		})
	}
}

// TestDrainLast: what nobody else is ready to take over is given up by force alone.
func TestDrainLast(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		inBound(t, guarded, func(b *bound) {
			b.nodes[2].kernel.setUp(false)
			if _, err := b.nodes[1].agent.Drain(b.t.Context(), true, false); err != nil {
				b.t.Errorf("guarded %v: a Backup: %v", guarded, err)
			}
			time.Sleep(time.Second)
			_, err := b.nodes[0].agent.Drain(b.t.Context(), true, false)
			const why = "no other node is ready to take over router web (lb-2: it is drained; lb-3: its state is Initialize)"
			if !errors.Is(err, agent.ErrNoSuccessor) || err.Error() != why {
				b.t.Errorf("guarded %v: %v, want %s", guarded, err, why)
			}
			time.Sleep(time.Second)
			b.want("lb-1")
			if s := b.nodes[0].status(b.t); s.Drained {
				b.t.Errorf("guarded %v: it is drained all the same", guarded)
			}
			if _, err := b.nodes[0].agent.Drain(b.t.Context(), true, true); !errors.Is(err, agent.ErrNotMoved) {
				b.t.Errorf("guarded %v: by force: %v", guarded, err)
			}
			b.want()
		})
	}
}
