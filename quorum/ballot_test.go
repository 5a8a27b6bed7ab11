// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "testing"

// TestLateRelease is the counter-example to ballots of (counter, node) alone. a
// holds and releases, and the Release to b is late; a and b start again and have
// forgotten; a's first ballot of the new life has the same counter; the late
// Release arrives at b. Were it the same ballot, c would acquire as well.
func TestLateRelease(t *testing.T) {
	for _, test := range []struct {
		name    string
		starts  [2]uint64
		holders int
	}{
		{"with the start", [2]uint64{71, 72}, 1},
		{"without", [2]uint64{71, 71}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRoom(t)
			r.start("a", func(cfg *CandidateConfig) { cfg.Start = test.starts[0] })
			r.now = r.now.Add(longest)
			var late []Message
			r.lost = func(_, to string, m Message) bool {
				if to == "c" {
					return true
				}
				if m.Kind == Release && to == "b" {
					late = append(late, m)
					return true
				}
				return false
			}
			r.step("a", Acquire{})
			r.step("a", GiveUp{})

			r.start("a", func(cfg *CandidateConfig) { cfg.Start = test.starts[1] })
			r.start("b", nil)
			r.now = r.now.Add(longest)
			r.step("a", Acquire{})
			if counter := r.ballot("a").Counter; counter != 1 || len(late) != 1 {
				t.Fatalf("counter %d, %d late", counter, len(late))
			}
			r.voters["b"].Handle(r.now, "a", late[0])

			r.lost = nil
			r.step("c", Acquire{})
			holders := 0
			for _, c := range r.candidates {
				if _, ok := c.Holds(r.now); ok {
					holders++
				}
			}
			if holders != test.holders {
				t.Errorf("%d holders, want %d", holders, test.holders)
			}
		})
	}
}
