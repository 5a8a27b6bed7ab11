// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
)

var seedFlag = flag.Uint64("seed", 0, "run only this simulation")

// TestSimulation lets random faults happen to clusters of two to five nodes
// and wants, after some quiet, exactly one holder: the best node that runs.
func TestSimulation(t *testing.T) {
	eachSeed(t, 200, simulate)
}

// eachSeed runs simulations, or the one that -seed names, each in a bubble.
func eachSeed(t *testing.T, last uint64, simulate func(t *testing.T, seed uint64)) {
	t.Helper()
	first := uint64(1)
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
			if t.Failed() {
				name, _, _ := strings.Cut(t.Name(), "/")
				t.Logf("replay: go test ./agent -run %s$ -seed %d", name, seed)
			}
		})
	}
}

// simulate is one simulation of about two minutes of the bubble's time.
func simulate(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	interval := []time.Duration{100 * time.Millisecond, time.Second}[random.IntN(2)]
	vips := []string{"192.0.2.100/24"}
	if random.IntN(2) == 0 {
		vips = append(vips, "fe80::100/64")
	}
	cfg := router(interval, vips...)
	cfg.Multicast = len(vips) == 2 || random.IntN(2) == 0
	cfg.Preempt = random.IntN(4) > 0
	cfg.Tracks = []track.Track{{Check: "haproxy", Weight: []int{0, -120, 60, -10}[random.IntN(4)]}, {Check: "uplink"}}
	if random.IntN(3) == 0 {
		cfg.Damping = agent.Damping{Moves: 3 + random.IntN(3), Within: 20 * interval, Hold: 25 * interval}
	}
	w := newWorld(t, seed, 2+random.IntN(4), cfg)
	vips = w.makeHealth(vips, random.IntN(2) == 0)
	w.lan.SetDelay(0, 2*time.Millisecond)
	w.start()
	for range 20 {
		time.Sleep(time.Duration(random.Int64N(int64(5 * interval))))
		w.disturb(random)
	}
	w.calm()
	time.Sleep(60 * interval)
	synctest.Wait()
	for _, v := range vips {
		w.check(netip.MustParsePrefix(v), cfg.Preempt)
	}
	w.checkTold()
	w.stop()
	if left := w.holders(netip.MustParsePrefix(vips[0])); len(left) > 0 {
		t.Errorf("after the stop %v still hold the address", left)
	}
}

// makeHealth gives each node checks that pass and a listener, and maybe a second
// router in a sync group with the first. It returns all addresses.
func (w *world) makeHealth(vips []string, grouped bool) []string {
	for _, n := range w.nodes {
		n.health, n.listener = newHealth(), new(listener)
		n.health.pass("haproxy")
		n.health.pass("uplink")
		n.cfg.Checker, n.cfg.Listener = n.health, n.listener
		if grouped {
			api := n.cfg.Routers[0]
			api.Name, api.VRID, api.Addresses, api.Tracks = "api", 52, []netip.Prefix{vipAPI}, nil
			n.cfg.Routers = append(n.cfg.Routers, api)
			n.cfg.Groups = []agent.Group{{Name: "edge", Routers: []string{"web", "api"}}}
		}
	}
	if grouped {
		vips = append(vips, vipAPI.String())
	}
	return vips
}

// checkTold wants the last transition that a listener was told of to be the
// router's present state.
func (w *world) checkTold() {
	w.t.Helper()
	for _, n := range w.nodes {
		if n.agent == nil {
			continue
		}
		last := make(map[string]string)
		for _, s := range n.listener.take() {
			var router, kind, change string
			var term uint64
			if _, err := fmt.Sscan(s, &router, &kind, &change, &term); err != nil {
				w.t.Fatal(err)
			}
			if state, ok := map[string]string{"active": "Active", "backup": "Backup", "fault": "Initialize", "stop": "Initialize"}[kind]; ok {
				last[router] = state
			}
		}
		for _, r := range n.status(w.t).Routers {
			if told, ok := last[r.Name]; ok && told != r.State {
				w.t.Errorf("%s: %s is %s, and the listener was told %s last", n.name, r.Name, r.State, told)
			}
		}
	}
}

// disturb does something to the world.
func (w *world) disturb(random *rand.Rand) {
	n := w.nodes[random.IntN(len(w.nodes))]
	other := w.nodes[random.IntN(len(w.nodes))]
	switch random.IntN(12) {
	case 0:
		w.lan.Isolate(n.name)
	case 1:
		w.lan.CutOneWay(n.name, other.name)
	case 2:
		w.lan.Heal()
	case 3:
		w.lan.SetLoss(random.Float64() / 2)
	case 4:
		n.kernel.setUp(random.IntN(2) == 0)
	case 5:
		n.kernel.steal(netip.MustParsePrefix("192.0.2.100/24"))
	case 6:
		n.stop(w.t)
	case 7:
		if n.agent == nil {
			n.start(w.t)
		}
	case 9, 10:
		n.health.set("haproxy", track.State(1+random.IntN(2)), "")
	case 11:
		n.health.set("uplink", track.State(1+random.IntN(2)), "")
	case 8:
		n.kernel.mu.Lock()
		n.kernel.slow = time.Duration(random.Int64N(int64(300 * time.Millisecond)))
		n.kernel.mu.Unlock()
	}
}

// calm ends all disturbances but leaves stopped nodes stopped, save that one
// node at least runs.
func (w *world) calm() {
	w.lan.Heal()
	w.lan.SetLoss(0)
	for _, n := range w.nodes {
		n.kernel.mu.Lock()
		n.kernel.slow = 0
		n.kernel.mu.Unlock()
		n.kernel.setUp(true)
		n.health.pass("haproxy")
		n.health.pass("uplink")
	}
	if w.best() == nil {
		w.nodes[len(w.nodes)-1].start(w.t)
	}
}

// best is the running node that ought to hold the address.
func (w *world) best() *node {
	for _, n := range w.nodes {
		if n.agent != nil {
			return n
		}
	}
	return nil
}

// check wants one holder, and the best if preemption lets the best have it.
func (w *world) check(p netip.Prefix, preempt bool) {
	w.t.Helper()
	got := w.holders(p)
	if len(got) != 1 {
		w.t.Errorf("%s has holders %v, want one", p, got)
	}
	if want := []string{w.best().name}; preempt && !slices.Equal(got, want) {
		w.t.Errorf("%s is held by %v, want %v", p, got, want)
	}
}
