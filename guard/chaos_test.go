// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// Nodes with clocks of different rates claim, give up, hand over, hang and
// restart, while the link loses, delays and is cut. At no instant two fences are
// open. Then all is well, and one is.
func TestChaos(t *testing.T) {
	eachSeed(t, chaos)
}

// eachSeed runs simulations, each in a bubble.
func eachSeed(t *testing.T, simulate func(t *testing.T, seed uint64)) {
	t.Helper()
	seeds := uint64(20)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

func chaos(t *testing.T, seed uint64) {
	w := newWorld(t, "a", "b", "c")
	w.quiet = true
	defer w.stop()
	w.rng = rand.New(rand.NewPCG(seed, 1))
	rng := rand.New(rand.NewPCG(seed, 2))
	for _, name := range abc {
		w.nodes[name].rate = 1 + (rng.Float64()-0.5)*0.09
	}
	w.start()
	for range 300 {
		n := w.nodes[abc[rng.IntN(3)]]
		g := n.running()
		switch what := rng.IntN(16); {
		case g == nil:
			n.start()
		case what < 6:
			g.Claim("router web", "")
		case what < 7:
			n.giveUp("router web")
		case what < 8:
			token := n.last().Token
			n.giveUp("router web")
			if o := w.nodes[abc[rng.IntN(3)]].running(); o != nil && token != "" {
				o.Claim("router web", token)
			}
		case what < 9:
			n.hang()
		case what < 11:
			n.recover()
		case what < 12:
			n.stop()
		case what < 14:
			w.isolate(n.name, rng.IntN(3) == 0)
		default:
			w.weather(max(0, rng.Float64()*0.6-0.3), time.Duration(1+rng.IntN(40))*ms)
		}
		w.pass(time.Duration(rng.IntN(400)) * ms)
	}
	w.weather(0, ms)
	for _, n := range w.nodes {
		w.isolate(n.name, false)
		if n.running() == nil {
			n.start()
		}
		n.recover()
	}
	w.pass(3 * time.Second)
	for _, n := range w.nodes {
		n.guard.Claim("router web", "")
	}
	w.pass(3 * time.Second)
	open := 0
	for _, n := range w.nodes {
		if n.open() {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d fences are open at the end", open)
	}
	if w.opened < 20 {
		t.Errorf("a fence was opened %d times: little has happened", w.opened)
	}
}
