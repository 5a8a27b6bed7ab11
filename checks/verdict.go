// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import "github.com/vicar-ha/vicar/track"

// Outcome is what one look came to.
type Outcome uint8

// The outcomes of a look.
const (
	Pass Outcome = iota
	Fail
	Timeout // no answer in time; counts towards Fall as Fail does
)

// String is the outcome in status, logs and metrics.
func (o Outcome) String() string {
	switch o {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	default:
		return "timeout"
	}
}

// Verdict makes a check's state of its looks' outcomes. The first outcome of
// all decides at once; after it, as many in a row as Rise and Fall say.
type Verdict struct {
	// Patient makes the first outcomes decide at once only if they pass; else it
	// takes Fall of them too.
	Patient bool
	// Rise is how many passes in a row end Failing, Fall how many others end
	// Passing. They may be changed between two outcomes.
	Rise, Fall int

	state  track.State
	passes bool // what the row is made of
	row    int
}

// NewVerdict makes a Verdict that is Undecided or, with initialPass, Passing.
func NewVerdict(rise, fall int, initialPass bool) Verdict {
	v := Verdict{Rise: rise, Fall: fall}
	if initialPass {
		v.state = track.Passing
	}
	return v
}

// Add counts an outcome and returns the state after it, and whether it is
// another one than before.
func (v *Verdict) Add(o Outcome) (state track.State, changed bool) {
	passes := o == Pass
	if passes != v.passes {
		v.passes, v.row = passes, 0
	}
	v.row++
	against := passes != (v.state == track.Passing) || v.state == track.Undecided
	if !against || v.row < v.Need() {
		return v.state, false
	}
	v.state = track.Failing
	if passes {
		v.state = track.Passing
	}
	return v.state, true
}

// State is the verdict.
func (v *Verdict) State() track.State { return v.state }

// Row is how many outcomes in a row have been passes, or have been none.
func (v *Verdict) Row() int { return v.row }

// Need is how long a row against State ends it.
func (v *Verdict) Need() int {
	switch {
	case v.state == track.Passing, v.state == track.Undecided && v.Patient && !v.passes:
		return v.Fall
	case v.state == track.Failing:
		return v.Rise
	default:
		return 1
	}
}
