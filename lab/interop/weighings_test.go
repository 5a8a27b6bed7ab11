// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/track"
)

// weighing is a router on two nodes, a and b, whose priorities checks move.
type weighing struct {
	name   string
	a, b   uint8 // configured priorities
	tracks []track.Track
	steps  []weighStep // one check changes from one to the next
}

// weighStep is what comes of some checks' failing, the others passing.
type weighStep struct {
	failing string // as "a/x b/x"
	holder  string // "a", "b", or nobody
	a, b    int    // effective priorities; out if out of the election
}

// out is the priority of a node that takes no part.
const out = 0

// x is a track of the check x.
func x(weight int) []track.Track { return []track.Track{{Check: "x", Weight: weight}} }

func reversed(weight int) []track.Track {
	return []track.Track{{Check: "x", Weight: weight, Reverse: true}}
}

// weighings are the cases that keepalived's users know. b has the greater
// address; of equal priorities that who holds keeps the address.
var weighings = []weighing{
	{name: "negative", a: 150, b: 100, tracks: x(-60), steps: []weighStep{
		{"", "a", 150, 100},
		{"a/x", "b", 90, 100},
		{"", "a", 150, 100},
	}},
	{name: "positive", a: 100, b: 90, tracks: x(20), steps: []weighStep{
		{"", "a", 120, 110},
		{"a/x", "b", 100, 110},
		{"", "a", 120, 110},
	}},
	{name: "equal priorities", a: 100, b: 100, tracks: x(-10), steps: []weighStep{
		{"b/x", "a", 100, 90},
		{"", "a", 100, 100},
		{"a/x", "b", 90, 100},
		{"", "b", 100, 100},
		{"b/x", "a", 100, 90},
	}},
	{name: "too small", a: 150, b: 100, tracks: x(-20), steps: []weighStep{
		{"", "a", 150, 100},
		{"a/x", "a", 130, 100},
		{"", "a", 150, 100},
	}},
	{name: "just too small", a: 150, b: 100, tracks: x(-50), steps: []weighStep{
		{"", "a", 150, 100},
		{"a/x", "a", 100, 100},
	}},
	{name: "the backup's", a: 150, b: 100, tracks: x(-60), steps: []weighStep{
		{"", "a", 150, 100},
		{"b/x", "a", 150, 40},
		{"a/x b/x", "a", 90, 40},
		{"a/x", "b", 90, 100},
	}},
	{name: "fault", a: 150, b: 100, tracks: x(0), steps: []weighStep{
		{"", "a", 150, 100},
		{"a/x", "b", out, 100},
		{"a/x b/x", "", out, out},
		{"a/x", "b", out, 100},
		{"", "a", 150, 100},
	}},
	{name: "reversed positive", a: 150, b: 100, tracks: reversed(60), steps: []weighStep{
		{"a/x b/x", "a", 150, 100},
		{"b/x", "b", 90, 100},
		{"a/x b/x", "a", 150, 100},
	}},
	{name: "reversed negative", a: 100, b: 120, tracks: reversed(-60), steps: []weighStep{
		{"", "b", 100, 120},
		{"a/x", "a", 160, 120},
		{"a/x b/x", "b", 160, 180},
		{"b/x", "b", 100, 180},
		{"", "b", 100, 120},
	}},
	{name: "reversed fault", a: 150, b: 100, tracks: reversed(0), steps: []weighStep{
		{"a/x b/x", "a", 150, 100},
		{"b/x", "b", out, 100},
		{"a/x b/x", "a", 150, 100},
	}},
	{name: "at most 254", a: 250, b: 230, tracks: x(20), steps: []weighStep{
		{"", "a", 254, 250},
		{"a/x", "a", 250, 250},
		{"a/x b/x", "a", 250, 230},
	}},
	{name: "at least 1", a: 20, b: 10, tracks: x(-253), steps: []weighStep{
		{"", "a", 20, 10},
		{"a/x", "b", 1, 10},
		{"a/x b/x", "b", 1, 1},
		{"b/x", "a", 20, 1},
	}},
	{name: "two checks", a: 150, b: 115, tracks: []track.Track{{Check: "x", Weight: -30}, {Check: "y", Weight: 20}}, steps: []weighStep{
		{"", "a", 170, 135},
		{"a/x", "a", 140, 135},
		{"a/x a/y", "b", 120, 135},
		{"a/y", "a", 150, 135},
	}},
	{name: "weight and fault", a: 150, b: 100, tracks: []track.Track{{Check: "x", Weight: -60}, {Check: "y"}}, steps: []weighStep{
		{"", "a", 150, 100},
		{"a/x", "b", 90, 100},
		{"a/x b/y", "a", 90, out},
		{"b/y", "a", 150, out},
	}},
}

// fails tells whether a node's check fails in the step.
func (s weighStep) fails(node, check string) bool {
	return slices.Contains(strings.Fields(s.failing), node+"/"+check)
}

// of is the node's effective priority in the step.
func (s weighStep) of(node string) int {
	if node == "a" {
		return s.a
	}
	return s.b
}

// base is the node's configured priority.
func (w weighing) base(node string) uint8 {
	if node == "a" {
		return w.a
	}
	return w.b
}

// weighedAddress is what the n-th weighing moves.
func weighedAddress(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + n)}), 24)
}

// weighedVRID is the n-th weighing's virtual router.
func weighedVRID(n int) int { return 100 + n }

// TestWeighingsAddUp holds the cases, which keepalived is asked about below,
// against package track's arithmetic.
func TestWeighingsAddUp(t *testing.T) {
	for _, w := range weighings {
		for n, s := range w.steps {
			for _, node := range []string{"a", "b"} {
				sum := track.Add(w.base(node), w.tracks, func(t track.Track) track.State {
					if s.fails(node, t.Check) {
						return track.Failing
					}
					return track.Passing
				})
				got := int(sum.Priority)
				if len(sum.Blocked) > 0 {
					got = out
				}
				if want := s.of(node); got != want {
					t.Errorf("%s, step %d: track makes %d of %s, want %d", w.name, n, got, node, want)
				}
			}
		}
	}
}

func (s weighStep) String() string {
	who := func(n int) string {
		if n == out {
			return "out"
		}
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("[%s] fail: a is %s, b is %s, holder %q", s.failing, who(s.a), who(s.b), s.holder)
}
