// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import "time"

// Check is a check of this node.
type Check struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`   // as in the configuration: http, icmp ...
	Target string `json:"target"` // what is looked at
	State  string `json:"state"`  // passing, failing or undecided
	// Outcome is the last look's: pass, fail, timeout, or empty before the first.
	Outcome string `json:"outcome"`
	// Cause is why the last look did not pass.
	Cause string `json:"cause,omitempty"`
	// Since is when State began, At when the last look ended, Took how long it
	// lasted. Row is how many looks in a row have passed, or have not (fail and
	// timeout are one row), Need how many against State it takes to change it.
	Since time.Time     `json:"since,omitzero"`
	At    time.Time     `json:"at,omitzero"`
	Took  time.Duration `json:"took_ns"`
	Row   int           `json:"row"`
	Need  int           `json:"need"`
	// Passed, Failed and TimedOut count looks by outcome; Late counts looks that
	// began late because the one before went on for longer than the interval.
	Passed   uint64 `json:"passed"`
	Failed   uint64 `json:"failed"`
	TimedOut uint64 `json:"timed_out"`
	Late     uint64 `json:"late"`
}

// Track is what a check does to a router.
type Track struct {
	Check  string `json:"check"`
	State  string `json:"state"`  // of the check: passing, failing or undecided
	Weight int    `json:"weight"` // 0: a fault, or yielding
	Yield  bool   `json:"yield,omitempty"`
	// Reverse turns the weight's sign round.
	Reverse bool `json:"reverse,omitempty"`
	Part    int  `json:"part"`             // what it adds to the priority now
	Blocks  bool `json:"blocks"`           // it keeps the router out of the election now
	Yields  bool `json:"yields,omitempty"` // for it the router yields now
	Group   bool `json:"group,omitempty"`  // it is the sync group's, or another member's
}

// Hook is one that is told of transitions.
type Hook struct {
	Name     string `json:"name"` // the program or the URL
	Ran      uint64 `json:"ran"`
	Failed   uint64 `json:"failed"`    // among Ran, with time-outs
	TimedOut uint64 `json:"timed_out"` // among Failed
	// Skipped counts events that a newer one made pointless before their turn.
	Skipped uint64 `json:"skipped"`
	Waiting int    `json:"waiting"` // events whose turn has not come
	Running bool   `json:"running"`
	// Error is the last failure's, At when it was.
	Error string        `json:"error,omitempty"`
	At    time.Time     `json:"error_at,omitzero"`
	Took  time.Duration `json:"took_ns"` // how long the last run lasted
}
