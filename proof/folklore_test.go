// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"slices"
	"testing"
)

// keepalived's users have a rule: a weight must be greater than the difference
// of the priorities. For two nodes and one check the proof comes to the same, for
// both signs, whichever node has the greater address, and of equals whoever holds. Equal is not enough: among
// equals the holder stays. And the rule knows no limits, the protocol does: a
// priority does not leave 1 to 254.
func TestFolklore(t *testing.T) {
	bases := []uint8{1, 2, 3, 10, 50, 99, 100, 101, 150, 200, 250, 253, 254}
	amounts := []int{1, 2, 3, 7, 8, 9, 10, 40, 47, 48, 49, 50, 51, 52, 90, 91, 97, 98, 99, 100, 101, 148, 149, 150, 151, 198, 199, 200, 249, 250, 251, 252, 253}
	for _, one := range bases {
		for _, two := range bases {
			for _, amount := range amounts {
				folklore(t, one, two, amount)
				folklore(t, one, two, -amount)
			}
		}
	}
}

func folklore(t *testing.T, one, two uint8, weight int) {
	t.Helper()
	c := cluster(one, two)
	with(c, "haproxy", local("haproxy"), "fault")
	c.Routers[0].Tracks[0].Weight = weight
	all := true
	e := electionOf(c)
	for _, start := range e.starts {
		held, rival := int(e.base[start]), int(e.base[1-start])
		want := max(weight, -weight) > held-rival
		if weight < 0 && rival == 1 || weight > 0 && held == 254 {
			want = false // nothing is below 1 or above 254
		}
		all = all && want
		outcomes := e.from(start).Outcomes
		i := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Failures[0].What == "haproxy fails on "+e.name(start) })
		if got := outcomes[i].Moves; got != want {
			t.Errorf("priorities %d and %d, weight %+d, %s holds: moves %v, want %v", one, two, weight, e.name(start), got, want)
		}
	}
	found := slices.ContainsFunc(Prove(c, Options{}).Findings, func(f Finding) bool { return f.Kind == Stays && f.Severity == Problem })
	if found == all {
		t.Errorf("priorities %d and %d, weight %+d: moves whoever holds: %v, a problem found: %v", one, two, weight, all, found)
	}
}
