// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package track is the arithmetic of weights: what the results of checks make
// of a router's priority. The agent counts with it, and the proof foretells
// with it what the agent will do.
package track

import "fmt"

// State is how a check stands.
type State uint8

// The states of a check.
const (
	Undecided State = iota // has no result yet
	Passing
	Failing
)

// String is the state in status, logs and metrics.
func (s State) String() string {
	switch s {
	case Passing:
		return "passing"
	case Failing:
		return "failing"
	default:
		return "undecided"
	}
}

// Result is how a check stands and, if it does not pass, why.
type Result struct {
	Check string
	State State
	Cause string
	// Weight is what the check found that its server can carry, in percent of the
	// full weight or as a weight; nil where it says none.
	Weight *Load `json:",omitempty"`
}

// Load is a weight that a check has found.
type Load struct {
	Value   int  // 0 or more
	Percent bool // of the server's configured weight
}

// Track is a check that moves a router's election.
type Track struct {
	Check string
	// Weight, -253 to 253, is added to the priority: a positive one while the
	// check passes, a negative one while it does not. 0 is a fault: while the
	// check does not pass the router takes no part in the election.
	Weight int
	// Yield, with Weight 0, is no fault: while the check does not pass the router has
	// the lowest priority, whatever else is added, and hands over to any other node
	// that is ready. It holds on while there is none.
	Yield bool `json:",omitempty"` // so that digests of configurations without it are as they were
	// Reverse turns the sign of what is added round: a positive Weight is
	// subtracted while the check passes, a negative one's amount is added while
	// it does not. A fault, or yielding, is while the check passes.
	Reverse bool
}

// MaxWeight is the largest amount of a weight: it takes a router from one end
// of the priorities to the other.
const MaxWeight = 253

// The priorities that a weight can reach (RFC 9568 section 5.2.4): 0 says that
// a router gives up, 255 that it owns the addresses.
const (
	MinPriority   = 1
	MaxPriority   = 254
	OwnerPriority = 255
)

// Fault tells whether the track takes the router out instead of weighing.
func (t Track) Fault() bool { return t.Weight == 0 && !t.Yield }

// Part is what the track adds to the priority while its check is in s.
func (t Track) Part(s State) int {
	if (t.Weight > 0) != (s == Passing) {
		return 0
	}
	if t.Reverse {
		return -t.Weight
	}
	return t.Weight
}

// Blocks tells whether the track keeps the router out of the election while its
// check is in s.
func (t Track) Blocks(s State) bool {
	return t.Fault() && (s == Passing) == t.Reverse
}

// Yields tells whether the track makes the router yield while its check is in s.
func (t Track) Yields(s State) bool {
	return t.Yield && (s == Passing) == t.Reverse
}

// Neutral is the state in which the track neither weighs nor blocks nor yields.
func (t Track) Neutral() State {
	if t.Weight > 0 || t.Weight == 0 && t.Reverse {
		return Failing
	}
	return Passing
}

// Sum is what tracks make of a router's priority.
type Sum struct {
	Base int
	// Parts has what each track adds, in the tracks' order.
	Parts []int
	// Priority is the effective one: base and parts, kept within 1 to 254, and 1 for
	// a router that yields. An owner's 255 does not move.
	Priority uint8
	// Blocked are the tracks, by index, that keep the router out, Yielding those for
	// which it yields. An owner does not.
	Blocked, Yielding []int
}

// Add weighs the tracks. state tells how a track's check stands.
func Add(base uint8, tracks []Track, state func(Track) State) Sum {
	s := Sum{Base: int(base), Parts: make([]int, len(tracks))}
	total := int(base)
	for i, t := range tracks {
		now := state(t)
		s.Parts[i] = t.Part(now)
		total += s.Parts[i]
		if t.Blocks(now) {
			s.Blocked = append(s.Blocked, i)
		}
		if t.Yields(now) && base != OwnerPriority {
			s.Yielding = append(s.Yielding, i)
		}
	}
	switch {
	case base == OwnerPriority:
		s.Priority = OwnerPriority
	case len(s.Yielding) > 0:
		s.Priority = MinPriority
	default:
		s.Priority = uint8(min(max(total, MinPriority), MaxPriority))
	}
	return s
}

// String is the weight as the configuration has it: -60, +20, fault, yield, or one
// of these with "reverse" behind it.
func (t Track) String() string {
	var s string
	switch {
	case t.Yield:
		s = "yield"
	case t.Fault():
		s = "fault"
	default:
		s = fmt.Sprintf("%+d", t.Weight)
	}
	if t.Reverse {
		s += " reverse"
	}
	return s
}
