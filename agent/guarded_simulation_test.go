// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
)

// TestGuardedSimulation lets random faults happen to agents and their guards. At
// no time two nodes answer for the address, and after some quiet one does.
func TestGuardedSimulation(t *testing.T) {
	eachSeed(t, 10, simulateGuarded)
}

// simulateGuarded is one simulation of a minute or two of the bubble's time.
func simulateGuarded(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	interval := []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond}[random.IntN(3)]
	cfg := router(interval, guardedVIP.String(), "2001:db8::100/64")
	cfg.Preempt = random.IntN(4) > 0
	b := newBound(t, seed, 3+random.IntN(3), cfg, true)
	b.lan.SetDelay(0, 2*time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() { defer close(watched); b.watch(ctx, guardedVIP) }()
	time.Sleep(maxLease)
	for range 30 {
		time.Sleep(time.Duration(random.Int64N(int64(8 * interval))))
		b.disturb(random)
	}
	b.calm()
	time.Sleep(maxLease + max(20*time.Second, 30*interval))
	for range 100 {
		if names := b.answering(guardedVIP); len(names) != 1 {
			t.Errorf("%v answer after some quiet", names)
			for _, n := range b.nodes {
				r := b.router(n.name)
				t.Logf("%s is %s (%s), lease %+v", n.name, r.State, r.Reason, r.Lease)
			}
			break
		}
		time.Sleep(interval / 7)
	}
	cancel()
	<-watched
	b.end()
}

// disturb does one thing to one node.
func (b *bound) disturb(random *rand.Rand) {
	n := b.nodes[random.IntN(len(b.nodes))]
	l := b.linked[n.name]
	set := func(f func()) {
		b.mu.Lock()
		defer b.mu.Unlock()
		f()
	}
	switch random.IntN(14) {
	case 0:
		b.lan.Isolate(n.name)
	case 1:
		b.cutLink(n.name, true)
	case 2:
		b.lan.Isolate(n.name)
		b.cutLink(n.name, true)
	case 3:
		b.lan.Heal()
	case 4, 5:
		b.cutLink(n.name, false)
	case 6:
		n.kernel.setUp(random.IntN(2) == 0)
	case 7:
		n.kernel.mu.Lock()
		n.kernel.slow = time.Duration(random.IntN(3)) * 50 * time.Millisecond
		n.kernel.mu.Unlock()
	case 8:
		n.kernel.setBroken([]error{nil, errBroken}[random.IntN(2)])
	case 9:
		set(func() { l.reachable = random.IntN(2) == 0 })
	case 10, 11:
		if n.agent != nil {
			l.end(b.t)
		} else {
			l.start(b.t, true)
		}
	case 12:
		if n.agent != nil {
			to := []string{"", b.nodes[random.IntN(len(b.nodes))].name}[random.IntN(2)]
			a, auto := n.agent, random.IntN(4) == 0
			b.onWay.Go(func() { _, _ = a.Handover(b.t.Context(), agent.Order{Router: "web", To: to, Auto: auto}) })
		}
	case 13:
		if n.agent != nil {
			a, on := n.agent, random.IntN(3) == 0
			b.onWay.Go(func() { _, _ = a.Drain(b.t.Context(), on, true) })
		}
	}
}

// calm ends all that disturb began.
func (b *bound) calm() {
	b.lan.Heal()
	for _, n := range b.nodes {
		n.kernel.mu.Lock()
		n.kernel.slow = 0
		n.kernel.mu.Unlock()
		n.kernel.setBroken(nil)
		n.kernel.setUp(true)
		b.mu.Lock()
		b.linked[n.name].reachable = true
		b.mu.Unlock()
		b.cutLink(n.name, false)
		if n.agent == nil {
			b.linked[n.name].start(b.t, true)
		}
		b.linked[n.name].report() // as the link does each second
		if _, err := n.agent.Drain(b.t.Context(), false, false); err != nil {
			b.t.Error(err)
		}
	}
}
