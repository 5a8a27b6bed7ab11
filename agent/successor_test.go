// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
)

// The checks of inReadiness: whether a node could take over, whether it serves, and
// whether it yields.
const (
	couldTake = "cloud/web"
	serves    = "haproxy"
)

// inReadiness runs f on three nodes with a peer link, guarded and not, once the best
// holds the address. One that is not ready loses little by that, so that its priority
// does not tell.
func inReadiness(t *testing.T, f func(t *testing.T, b *bound)) {
	t.Helper()
	for name, guarded := range map[string]bool{"guarded": true, "unguarded": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newResting(t, 1, 3, router(100*time.Millisecond, guardedVIP.String(), "2001:db8::100/64"), guarded)
				for _, n := range b.nodes {
					n.health = newHealth()
					n.cfg.Checker = n.health
					r := &n.cfg.Routers[0]
					r.Tracks = []track.Track{{Check: couldTake, Weight: -20}, {Check: serves}, {Check: "load", Weight: -150}, {Check: signal, Yield: true}}
					r.Readiness = couldTake
					for _, t := range r.Tracks {
						n.health.pass(t.Check)
					}
					b.linked[n.name].start(t, guarded)
				}
				defer b.end()
				time.Sleep(maxLease + time.Second)
				b.want("lb-1")
				f(t, b)
			})
		})
	}
}

// ready makes a node's check whether it could take over pass or fail, and lets the
// others hear of it in the bubble.
func (b *bound) ready(name string, on bool) {
	b.t.Helper()
	if on {
		b.linked[name].node.health.pass(couldTake)
	} else {
		b.linked[name].node.health.set(couldTake, track.Failing, "ec2:ReplaceRoute is denied")
	}
	time.Sleep(10 * ms)
}

// leaving are the ways in which lb-1 gives the address up, or would like to. Those
// that must do so whoever is there, force.
var leaving = map[string]struct {
	forces bool
	give   func(ctx context.Context, b *bound) (to string, err error) // to: empty if that is not told
}{
	"drain": {false, func(ctx context.Context, b *bound) (string, error) {
		return drain(ctx, b, false)
	}},
	"handover": {false, func(ctx context.Context, b *bound) (string, error) {
		m, err := b.nodes[0].agent.Handover(ctx, agent.Order{Router: "web"})
		return m.To, err
	}},
	"handover asked for elsewhere": {false, func(ctx context.Context, b *bound) (string, error) {
		m, err := b.nodes[1].agent.Handover(ctx, agent.Order{Router: "web"})
		return m.To, err
	}},
	"yield":          {false, func(_ context.Context, b *bound) (string, error) { b.signals("lb-1", true); return "", nil }},
	"a worse holder": {false, func(_ context.Context, b *bound) (string, error) { b.nodes[0].health.fail("load"); return "", nil }},
	"fault":          {true, func(_ context.Context, b *bound) (string, error) { b.nodes[0].health.fail(serves); return "", nil }},
	"stop":           {true, func(_ context.Context, b *bound) (string, error) { b.linked["lb-1"].end(b.t); return "", nil }},
	"drain by force": {true, func(ctx context.Context, b *bound) (string, error) {
		return drain(ctx, b, true)
	}},
	"handover by force": {true, func(ctx context.Context, b *bound) (string, error) {
		m, err := b.nodes[0].agent.Handover(ctx, agent.Order{Router: "web", Force: true})
		return m.To, err
	}},
}

func drain(ctx context.Context, b *bound, force bool) (to string, err error) {
	moves, err := b.nodes[0].agent.Drain(ctx, true, force)
	for _, m := range moves {
		to = m.To
	}
	return to, err
}

// TestUnreadyPassedOver: who gives up, gives it to the best of those that could take
// it over, and there it stays.
func TestUnreadyPassedOver(t *testing.T) {
	for name, way := range leaving {
		t.Run(name, func(t *testing.T) {
			inReadiness(t, func(t *testing.T, b *bound) {
				b.ready("lb-2", false)
				silent := b.during(guardedVIP, func() {
					if to, err := way.give(t.Context(), b); err != nil || to != "" && to != "lb-3" {
						t.Errorf("it went to %q: %v", to, err)
					}
				})
				if silent > 5*time.Millisecond {
					t.Errorf("nobody answered for %v", silent)
				}
				if strings.HasPrefix(name, "handover") {
					return // lb-1 is better, and has taken it back
				}
				b.want("lb-3")
				time.Sleep(10 * time.Second)
				b.want("lb-3")
			})
		})
	}
}

// TestUnreadyAlone: nobody could take it over. What can be helped is refused, and the
// holder stays; else the best of the others tries at once.
func TestUnreadyAlone(t *testing.T) {
	for name, way := range leaving {
		t.Run(name, func(t *testing.T) {
			inReadiness(t, func(t *testing.T, b *bound) {
				b.ready("lb-2", false)
				b.ready("lb-3", false)
				var to string
				var err error
				silent := b.during(guardedVIP, func() {
					to, err = way.give(t.Context(), b)
					time.Sleep(10 * time.Second)
				})
				if way.forces {
					if err != nil || silent > 5*time.Millisecond || to != "" && to != "lb-2" {
						t.Errorf("it went to %q, error %v, and nobody answered for %v", to, err, silent)
					}
					if to == "" || name == "drain by force" {
						b.want("lb-2")
					}
					return
				}
				b.want("lb-1")
				if r := b.router("lb-1"); silent > 0 || r.Transitions["Active"] != 1 {
					t.Errorf("nobody answered for %v; lb-1 became Active %d times", silent, r.Transitions["Active"])
				}
				refuses := strings.HasPrefix(name, "drain") || strings.HasPrefix(name, "handover")
				if refuses && (!errors.Is(err, agent.ErrNoSuccessor) && !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(fmt.Sprint(err), "its check cloud/web fails")) {
					t.Errorf("it was not refused for that: %v", err)
				}
				b.ready("lb-3", true)
				if name == "yield" || name == "a worse holder" {
					time.Sleep(5 * time.Second)
					b.want("lb-3")
				}
			})
		})
	}
}

// TestUnreadyByName: nobody hands over to a node by name that could not take it, but
// by force.
func TestUnreadyByName(t *testing.T) {
	inReadiness(t, func(t *testing.T, b *bound) {
		b.ready("lb-2", false)
		for _, n := range b.nodes {
			_, err := n.agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-2"})
			if !errors.Is(err, agent.ErrNotMoved) || !strings.Contains(err.Error(), "its check cloud/web fails") {
				t.Errorf("asked at %s it is not refused for that: %v", n.name, err)
			}
		}
		b.want("lb-1")
		for _, n := range b.nodes {
			if _, err := n.agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-2", Force: true}); err != nil {
				t.Errorf("asked at %s: %v", n.name, err)
			}
			time.Sleep(time.Second)
			b.want("lb-2")
			if _, err := n.agent.Handover(t.Context(), agent.Order{Router: "web", To: "lb-1"}); err != nil {
				t.Errorf("asked at %s: %v", n.name, err)
			}
		}
	})
}

// TestUnreadyAtDeath: a node that is not ready still takes over from one that is
// gone, before nobody does.
func TestUnreadyAtDeath(t *testing.T) {
	inReadiness(t, func(t *testing.T, b *bound) {
		b.ready("lb-2", false)
		b.ready("lb-3", false)
		b.cutLink("lb-1", true)
		b.lan.Isolate("lb-1")
		time.Sleep(2 * time.Second)
		if got := b.router("lb-2").State; got != "Active" {
			t.Errorf("lb-2 is %s", got)
		}
	})
}
