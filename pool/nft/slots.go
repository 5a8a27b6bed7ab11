// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import "slices"

// maxSlots is how many slots the weights of a service are reduced to. With more
// servers than that each has one.
const maxSlots = 1024

// reduce gives weights in the same proportions with the least sum, and one of at most
// limit: then rounded, and at least 1. All are more than 0.
func reduce(weights []int, limit int) []int {
	out := slices.Clone(weights)
	divisor, sum := 0, 0
	for _, w := range out {
		divisor = gcd(divisor, w)
	}
	for i := range out {
		out[i] /= divisor
		sum += out[i]
	}
	if sum <= limit {
		return out
	}
	limit = max(limit, len(out))
	// Each gets its share rounded down; what is left goes to those that lost most.
	left := limit
	lost := make([]int, len(out)) // in parts of sum
	for i, w := range out {
		out[i], lost[i] = max(1, w*limit/sum), w*limit%sum
		left -= out[i]
	}
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return lost[b] - lost[a] })
	for i := 0; left > 0; i, left = i+1, left-1 {
		out[order[i%len(order)]]++
	}
	for left < 0 { // small ones were rounded up
		largest := slices.Index(out, slices.Max(out))
		out[largest]--
		left++
	}
	return out
}

// gcd is the greatest common divisor.
func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// turns is a cycle in which each index comes as often as its weight, as evenly as
// can be (smooth weighted round robin).
func turns(weights []int) []int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	credit := make([]int, len(weights))
	out := make([]int, 0, sum)
	for range sum {
		best := 0
		for i, w := range weights {
			credit[i] += w
			if credit[i] > credit[best] {
				best = i
			}
		}
		credit[best] -= sum
		out = append(out, best)
	}
	return out
}
