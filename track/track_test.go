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
		blocks                      []State
	}{
		{"positive", Track{Weight: 20}, 20, 0, 0, nil},
		{"negative", Track{Weight: -20}, 0, -20, -20, nil},
		{"positive reverse", Track{Weight: 20, Reverse: true}, -20, 0, 0, nil},
		{"negative reverse", Track{Weight: -20, Reverse: true}, 0, 20, 20, nil},
		{"fault", Track{}, 0, 0, 0, []State{Undecided, Failing}},
		{"fault reverse", Track{Reverse: true}, 0, 0, 0, []State{Passing}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for s, want := range map[State]int{Passing: c.passing, Failing: c.failing, Undecided: c.undecided} {
				if got := c.track.Part(s); got != want {
					t.Errorf("%s adds %d, want %d", s, got, want)
				}
				if got, want := c.track.Blocks(s), slices.Contains(c.blocks, s); got != want {
					t.Errorf("%s blocks: %v, want %v", s, got, want)
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
	}{
		{"nothing", 100, nil, 100, []int{}, nil},
		{"several", 100, []Track{{Check: "up", Weight: 20}, {Check: "down", Weight: -50}, {Check: "down", Weight: 7}}, 70, []int{20, -50, 0}, nil},
		{"clamped below", 100, []Track{{Check: "down", Weight: -253}}, 1, []int{-253}, nil},
		{"clamped above", 250, []Track{{Check: "up", Weight: 20}}, 254, []int{20}, nil},
		{"the sum is clamped, not its parts", 250, []Track{{Check: "up", Weight: 20}, {Check: "down", Weight: -20}}, 250, []int{20, -20}, nil},
		{"owner", 255, []Track{{Check: "down", Weight: -253}, {Check: "down"}}, 255, []int{-253, 0}, []int{1}},
		{"faults", 100, []Track{{Check: "up"}, {Check: "down"}, {Check: "new"}}, 100, []int{0, 0, 0}, []int{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Add(c.base, c.tracks, func(t Track) State { return states[t.Check] })
			if got.Base != int(c.base) || got.Priority != c.want || !slices.Equal(got.Parts, c.parts) || !slices.Equal(got.Blocked, c.blocks) {
				t.Errorf("%+v, want priority %d, parts %v, blocked by %v", got, c.want, c.parts, c.blocks)
			}
		})
	}
}

// TestNeutral: a check that is not known yet changes nothing.
func TestNeutral(t *testing.T) {
	for _, weight := range []int{0, 20, -20} {
		for _, reverse := range []bool{false, true} {
			track := Track{Check: "c", Weight: weight, Reverse: reverse}
			if s := track.Neutral(); track.Part(s) != 0 || track.Blocks(s) {
				t.Errorf("%s: %s adds %d, blocks %v", track, s, track.Part(s), track.Blocks(s))
			}
		}
	}
}

func TestNames(t *testing.T) {
	for want, track := range map[string]Track{
		"-60": {Weight: -60}, "+20": {Weight: 20}, "fault": {}, "fault reverse": {Reverse: true}, "+5 reverse": {Weight: 5, Reverse: true},
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
