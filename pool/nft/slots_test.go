// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReduce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		weights []int
		limit   int
		want    []int
	}{
		{"one", []int{7}, 10, []int{1}},
		{"by the divisor", []int{100, 200, 300}, 10, []int{1, 2, 3}},
		{"as they are", []int{2, 3}, 5, []int{2, 3}},
		{"scaled", []int{1000, 2001}, 10, []int{3, 7}},
		{"one gets too little", []int{65535, 1}, 10, []int{9, 1}},
		{"many get too little", []int{65535, 1, 1, 1}, 4, []int{1, 1, 1, 1}},
		{"more servers than slots", []int{2, 3, 2}, 2, []int{1, 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, reduce(test.weights, test.limit)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// shares counts how often each index occurs.
func shares(slots []int, n int) []int {
	out := make([]int, n)
	for _, i := range slots {
		out[i]++
	}
	return out
}

// proportions are weights of all sorts.
var proportions = [][]int{{1}, {1, 1}, {1, 2, 3}, {100, 50, 25}, {65535, 32768, 999}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {9, 7, 5, 3}}

func TestTurnsAreEven(t *testing.T) {
	t.Parallel()
	for _, weights := range proportions {
		reduced := reduce(weights, maxSlots)
		cycle := turns(reduced)
		if diff := cmp.Diff(reduced, shares(cycle, len(weights))); diff != "" {
			t.Errorf("%v: a cycle is other than the weights (-want +got):\n%s", weights, diff)
		}
		sum := 0
		for _, w := range weights {
			sum += w
		}
		// After any number of connections nobody is more than one off its share.
		seen := make([]int, len(weights))
		for n, i := range cycle {
			seen[i]++
			for j, w := range reduced {
				if due := float64(n+1) * float64(w) / float64(len(cycle)); math.Abs(due-float64(seen[j])) > float64(len(weights)) {
					t.Fatalf("%v: after %d turns server %d had %d, due are %.1f", weights, n+1, j, seen[j], due)
				}
			}
		}
		for i, n := range shares(cycle, len(weights)) {
			if off := math.Abs(float64(n)/float64(len(cycle)) - float64(weights[i])/float64(sum)); off > 0.01 {
				t.Errorf("%v: server %d is %.3f off its share", weights, i, off)
			}
		}
	}
}

// named are servers' names.
func named(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("198.51.100.%d:80", i+1)
	}
	return out
}

func TestMaglevIsEven(t *testing.T) {
	t.Parallel()
	for _, weights := range proportions {
		reduced := reduce(weights, maxSlots)
		sum := 0
		for _, w := range reduced {
			sum += w
		}
		for i, n := range shares(maglev(named(len(weights)), reduced), len(weights)) {
			if off := math.Abs(float64(n)/maglevSlots - float64(reduced[i])/float64(sum)); off > 0.01 {
				t.Errorf("%v: server %d is %.3f off its share", weights, i, off)
			}
		}
	}
}

func TestMaglevMovesFew(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 10; n++ {
		names, ones := named(n), make([]int, n)
		for i := range ones {
			ones[i] = 1
		}
		before := maglev(names, ones)
		after := maglev(names[:n-1], ones[:n-1])
		moved := 0
		for slot, i := range before {
			if i != n-1 && after[slot] != i {
				moved++
			}
		}
		if most := maglevSlots / 10; moved > most {
			t.Errorf("one of %d servers away: %d slots of %d of the others' moved, more than %d", n, moved, maglevSlots, most)
		}
	}
}

func FuzzReduce(f *testing.F) {
	f.Add(1, 2, 3, 4)
	f.Add(65535, 1, 1, 4)
	f.Add(65535, 65534, 65533, 1024)
	f.Fuzz(func(t *testing.T, a, b, c, limit int) {
		weights := []int{a, b, c}
		for _, w := range weights {
			if w < 1 || w > 65535 {
				return
			}
		}
		if limit < 1 || limit > maxSlots {
			return
		}
		sum := 0
		for _, w := range reduce(weights, limit) {
			if w < 1 {
				t.Fatalf("%v to %d: one has %d slots", weights, limit, w)
			}
			sum += w
		}
		if sum > max(limit, len(weights)) {
			t.Fatalf("%v to %d: %d slots", weights, limit, sum)
		}
	})
}
