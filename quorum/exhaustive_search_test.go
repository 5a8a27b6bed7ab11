// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"hash/maphash"
	"slices"
	"strings"
	"testing"
)

// search visits states until there are none left or the limit is reached, and
// returns how many it visited, whether all, and the first with two who answer.
func search(t *testing.T, first *exState, limit int) (visited int, all bool, wrong *exState) {
	seed := maphash.MakeSeed()
	seen := map[uint64]bool{}
	stack := []*exState{first}
	for len(stack) > 0 && len(seen) < limit {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		h := maphash.String(seed, s.key())
		if seen[h] {
			continue
		}
		seen[h] = true
		if s.both() {
			return len(seen), false, s
		}
		stack = append(stack, s.next(t)...)
	}
	return len(seen), len(stack) == 0, nil
}

func (s *exState) steps() string {
	var steps []string
	for p := s.path; p != nil; p = p.before {
		steps = append(steps, p.what)
	}
	slices.Reverse(steps)
	return strings.Join(steps, "\n")
}

// TestExhaustive searches small cases: whatever arrives, is lost, repeated or
// late, and whoever restarts, never do two answer.
func TestExhaustive(t *testing.T) {
	for name, left := range map[string]exBounds{
		"messages alone": {},
		"ticks":          {ticks: 3},
		"repeats":        {ticks: 2, repeats: 1},
		"a renewal":      {ticks: 4, timers: 1},
		"a release":      {ticks: 2, giveUps: 1},
		"a restart":      {ticks: 3, restarts: 1},
		"everything":     {ticks: 4, repeats: 1, restarts: 1, giveUps: 1, timers: 1},
	} {
		t.Run(name, func(t *testing.T) {
			visited, all, wrong := search(t, newExState(t, left, mutant{}), *statesFlag)
			if wrong != nil {
				t.Fatalf("two answer after\n%s", wrong.steps())
			}
			t.Logf("%d states, all of them: %v", visited, all)
		})
	}
}

// TestExhaustiveFindsMutants shows that the search would see a hole.
func TestExhaustiveFindsMutants(t *testing.T) {
	for _, test := range []struct {
		name string
		left exBounds
		mutant
	}{
		{"0.999 of the lease", exBounds{ticks: 2}, mutant{factor: 999}},
		{"no silence after a start", exBounds{restarts: 1}, mutant{noSilence: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			visited, _, wrong := search(t, newExState(t, test.left, test.mutant), 10**statesFlag)
			if wrong == nil {
				t.Fatalf("not found in %d states", visited)
			}
			t.Logf("found in %d states, after\n%s", visited, wrong.steps())
		})
	}
}
