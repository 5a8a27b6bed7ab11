// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import "hash/fnv"

// maglevSlots is a prime: with 10 servers they differ by 1 % at most.
const maglevSlots = 1021

// maglev fills the slots with the servers' indices by Maglev's consistent hashing: each
// server asks for slots in an order of its own, in turn, by weight. A server more or
// less moves few slots of the others'. (Eisenbud et al., "Maglev: A Fast and Reliable
// Software Network Load Balancer", NSDI 2016, section 3.4.)
func maglev(names []string, weights []int) []int {
	const slots = maglevSlots
	offset, skip := make([]uint64, len(names)), make([]uint64, len(names))
	for i, n := range names {
		offset[i] = hashed(n, "offset") % uint64(slots)
		skip[i] = hashed(n, "skip")%uint64(slots-1) + 1
	}
	out := make([]int, slots)
	for i := range out {
		out[i] = -1
	}
	next := make([]uint64, len(names))
	for left := slots; ; {
		for _, i := range turns(weights) {
			at := (offset[i] + next[i]*skip[i]) % uint64(slots)
			for out[at] >= 0 {
				next[i]++
				at = (offset[i] + next[i]*skip[i]) % uint64(slots)
			}
			out[at] = i
			next[i]++
			if left--; left == 0 {
				return out
			}
		}
	}
}

// hashed is a number of a name, the same on all nodes.
func hashed(name, purpose string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose + " " + name))
	// FNV spreads the last bytes badly; this is MurmurHash3's finalizer.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
