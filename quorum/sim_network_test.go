// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"math/rand/v2"
	"time"
)

// simNetwork decides what becomes of a message.
type simNetwork struct {
	rng       *rand.Rand
	lost      float64
	repeated  float64
	straggler float64
	latency   time.Duration // the usual delay is up to it, hence any order
	cut       map[[2]int]bool
}

// stragglerDelay is the most by which a message is late.
const stragglerDelay = 2500 * time.Millisecond

// fates are the delays of a message's copies, none if it is lost.
func (n *simNetwork) fates(from, to int, fates []time.Duration) []time.Duration {
	fates = fates[:0]
	if from == to { // a node talks to itself without a network
		return append(fates, 0)
	}
	if n.cut[[2]int{from, to}] || n.lost > 0 && n.rng.Float64() < n.lost {
		return fates
	}
	fates = append(fates, n.delay())
	for n.repeated > 0 && len(fates) < 3 && n.rng.Float64() < n.repeated {
		fates = append(fates, n.delay())
	}
	return fates
}

func (n *simNetwork) delay() time.Duration {
	if n.straggler > 0 && n.rng.Float64() < n.straggler {
		return time.Duration(n.rng.Int64N(int64(stragglerDelay)))
	}
	return time.Duration(n.rng.Int64N(int64(n.latency)))
}

// weather changes loss, repetition and delay.
func (n *simNetwork) weather() {
	n.lost, n.repeated, n.straggler = 0, 0, 0
	if n.rng.IntN(2) == 0 {
		n.lost = n.rng.Float64() * 0.4
	}
	if n.rng.IntN(2) == 0 {
		n.repeated = n.rng.Float64() * 0.4
	}
	if n.rng.IntN(2) == 0 {
		n.straggler = n.rng.Float64() * 0.3
	}
	n.latency = time.Duration(1 + n.rng.Int64N(int64(20*time.Millisecond)))
	if n.rng.IntN(4) == 0 {
		n.latency *= 10
	}
}

// partition cuts nodes apart: at random into two sides, or one node's hearing
// or speech, or single links.
func (n *simNetwork) partition(nodes int) {
	clear(n.cut)
	oneWay := n.rng.IntN(3) == 0
	side := make([]bool, nodes)
	for i := range side {
		side[i] = n.rng.IntN(2) == 0
	}
	if n.rng.IntN(3) == 0 {
		clear(side)
		side[n.rng.IntN(nodes)] = true
	}
	swapped := n.rng.IntN(2) == 0
	for i := range nodes {
		for j := range nodes {
			if side[i] == side[j] || oneWay && side[i] == swapped {
				continue
			}
			n.cut[[2]int{i, j}] = true
		}
	}
}

// heal makes a network that delivers everything, once and soon.
func (n *simNetwork) heal() {
	clear(n.cut)
	n.lost, n.repeated, n.straggler = 0, 0, 0
	n.latency = 2 * time.Millisecond
}
