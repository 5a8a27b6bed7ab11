// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "testing"

// searched is a pointer to a state that search goes through.
type searched[S any] interface {
	comparable
	hash() uint64
	wrong() bool
	steps() string
	// next appends the states that may follow. The last of them is searched first.
	next(t *testing.T, all []S) []S
}

// search visits states until there are none left or the limit is reached, and
// returns how many it visited, whether all, and the first that breaks a promise.
func search[S searched[S]](t *testing.T, first S, limit int) (visited int, all bool, wrong S) {
	seen := map[uint64]struct{}{}
	stack := []S{first}
	for len(stack) > 0 && len(seen) < limit {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		h := s.hash()
		if _, ok := seen[h]; ok {
			continue
		}
		seen[h] = struct{}{}
		if s.wrong() {
			return len(seen), false, s
		}
		stack = s.next(t, stack)
	}
	return len(seen), len(stack) == 0, wrong
}

// holdsIn searches up to limit states, of which none may break a promise. If there
// are less, and it is known how many, it must visit them all.
func holdsIn[S searched[S]](t *testing.T, first S, states, limit int) {
	t.Helper()
	visited, all, wrong := search(t, first, limit)
	var none S
	if wrong != none {
		t.Fatalf("two answer, or a term falls, after\n%s", wrong.steps())
	}
	t.Logf("%d states, all of them: %v", visited, all)
	if states > 0 && states < limit && (!all || visited != states) {
		t.Errorf("%d states, all of them: %v; there were %d", visited, all, states)
	}
}

// breaksIn searches up to limit states, of which one must break a promise.
func breaksIn[S searched[S]](t *testing.T, first S, limit int) {
	t.Helper()
	visited, _, wrong := search(t, first, limit)
	var none S
	if wrong == none {
		t.Fatalf("not found in %d states", visited)
	}
	t.Logf("found in %d states, after\n%s", visited, wrong.steps())
}

// TestExhaustive searches small cases: whatever arrives, is lost, repeated or
// late, and whoever restarts, never do two answer or terms fall. Those whose number of states is
// there are searched to their end if -states allows it.
func TestExhaustive(t *testing.T) {
	for _, test := range []struct {
		name   string
		left   exBounds
		states int
	}{
		{"messages alone", exBounds{}, 3421},
		{"a rival's ballot", exBounds{jumps: true}, 56874},
		{"a tick", exBounds{ticks: 1}, 29210},
		{"two ticks", exBounds{ticks: 2}, 235866},
		{"three ticks", exBounds{ticks: 3}, 0},
		{"a repeat", exBounds{repeats: 1}, 26349},
		{"a tick and a repeat", exBounds{ticks: 1, repeats: 1}, 252577},
		{"a release", exBounds{giveUps: 1}, 16026},
		{"a tick and a release", exBounds{ticks: 1, giveUps: 1}, 134203},
		{"two ticks and a release", exBounds{ticks: 2, giveUps: 1}, 0},
		{"a restart", exBounds{restarts: 1}, 252571},
		{"renewals", exBounds{ticks: 4, timers: 2}, 0},
		{"everything", exBounds{ticks: 4, repeats: 1, restarts: 1, giveUps: 1, timers: 1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			holdsIn(t, newExState(t, test.left, mutant{}), test.states, *statesFlag)
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
		{"0.999 of the lease", exBounds{ticks: 2, jumps: true}, mutant{factor: 999}},
		{"no silence after a start", exBounds{restarts: 1}, mutant{noSilence: true}},
		{"terms forgotten with leases", exBounds{giveUps: 1}, mutant{noTerms: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			breaksIn(t, newExState(t, test.left, test.mutant), 10**statesFlag)
		})
	}
}
