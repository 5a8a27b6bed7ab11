// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package track

import (
	"slices"
	"testing"
)

func TestPart(t *testing.T) {
	for _, c := range []struct {
		name                        string
		track                       Track
		passing, failing, undecided int
		blocks, yields              []State
	}{
		{"positive", Track{Weight: 20}, 20, 0, 0, nil, nil},
		{"negative", Track{Weight: -20}, 0, -20, -20, nil, nil},
		{"positive reverse", Track{Weight: 20, Reverse: true}, -20, 0, 0, nil, nil},
		{"negative reverse", Track{Weight: -20, Reverse: true}, 0, 20, 20, nil, nil},
		{"fault", Track{}, 0, 0, 0, []State{Undecided, Failing}, nil},
		{"fault reverse", Track{Reverse: true}, 0, 0, 0, []State{Passing}, nil},
		{"yield", Track{Yield: true}, 0, 0, 0, nil, []State{Undecided, Failing}},
		{"yield reverse", Track{Yield: true, Reverse: true}, 0, 0, 0, nil, []State{Passing}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for s, want := range map[State]int{Passing: c.passing, Failing: c.failing, Undecided: c.undecided} {
				if got := c.track.Part(s); got != want {
					t.Errorf("%s adds %d, want %d", s, got, want)
				}
				if got, want := c.track.Blocks(s), slices.Contains(c.blocks, s); got != want {
					t.Errorf("%s blocks: %v, want %v", s, got, want)
				}
				if got, want := c.track.Yields(s), slices.Contains(c.yields, s); got != want {
					t.Errorf("%s yields: %v, want %v", s, got, want)
				}
			}
		})
	}
}

func TestAdd(t *testing.T) {
	states := map[string]State{"up": Passing, "down": Failing}
	for _, c := range []struct {
		name   string
		base   uint8
		tracks []Track
		want   uint8
		parts  []int
		blocks []int
		yields []int
	}{
		{"nothing", 100, nil, 100, []int{}, nil, nil},
		{"several", 100, []Track{{Check: "up", Weight: 20}, {Check: "down", Weight: -50}, {Check: "down", Weight: 7}}, 70, []int{20, -50, 0}, nil, nil},
		{"clamped below", 100, []Track{{Check: "down", Weight: -253}}, 1, []int{-253}, nil, nil},
		{"clamped above", 250, []Track{{Check: "up", Weight: 20}}, 254, []int{20}, nil, nil},
		{"the sum is clamped, not its parts", 250, []Track{{Check: "up", Weight: 20}, {Check: "down", Weight: -20}}, 250, []int{20, -20}, nil, nil},
		{"owner", 255, []Track{{Check: "down", Weight: -253}, {Check: "down"}}, 255, []int{-253, 0}, []int{1}, nil},
		{"faults", 100, []Track{{Check: "up"}, {Check: "down"}, {Check: "new"}}, 100, []int{0, 0, 0}, []int{1, 2}, nil},
		{"yields", 100, []Track{{Check: "down", Yield: true}, {Check: "up", Weight: 20}}, 1, []int{0, 20}, nil, []int{0}},
		{"does not yield", 100, []Track{{Check: "up", Yield: true}, {Check: "up", Weight: 20}}, 120, []int{0, 20}, nil, nil},
		{"an owner does not yield", 255, []Track{{Check: "down", Yield: true}}, 255, []int{0}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Add(c.base, c.tracks, func(t Track) State { return states[t.Check] })
			if got.Base != int(c.base) || got.Priority != c.want || !slices.Equal(got.Parts, c.parts) || !slices.Equal(got.Blocked, c.blocks) || !slices.Equal(got.Yielding, c.yields) {
				t.Errorf("%+v, want priority %d, parts %v, blocked by %v, yielding to %v", got, c.want, c.parts, c.blocks, c.yields)
			}
		})
	}
}

// TestNeutral: a check that is not known yet changes nothing.
func TestNeutral(t *testing.T) {
	for _, plain := range []Track{{}, {Weight: 20}, {Weight: -20}, {Yield: true}} {
		for _, reverse := range []bool{false, true} {
			track := plain
			track.Reverse = reverse
			if s := track.Neutral(); track.Part(s) != 0 || track.Blocks(s) || track.Yields(s) {
				t.Errorf("%s: %s adds %d, blocks %v, yields %v", track, s, track.Part(s), track.Blocks(s), track.Yields(s))
			}
		}
	}
}

func TestNames(t *testing.T) {
	for want, track := range map[string]Track{
		"-60": {Weight: -60}, "+20": {Weight: 20}, "fault": {}, "fault reverse": {Reverse: true}, "+5 reverse": {Weight: 5, Reverse: true},
		"yield": {Yield: true}, "yield reverse": {Yield: true, Reverse: true},
	} {
		if got := track.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, s := range map[string]State{"passing": Passing, "failing": Failing, "undecided": Undecided} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
