// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

// Report is what was foretold and found.
type Report struct {
	Elections []Election `json:"elections"`
	// Findings stand with the problems first.
	Findings []Finding `json:"findings"`
	// Pairs is there if they were asked for.
	Pairs *Pairs `json:"pairs,omitempty"`
}

// Pairs tells how many pairs of failures were looked at, and how many were left
// because they are too many.
type Pairs struct {
	Looked  int `json:"looked"`
	Skipped int `json:"skipped"`
}

// Problems are the findings that are not mere notes.
func (r Report) Problems() []Finding { return r.of(Problem) }

// Notes are the findings that one may want to be rid of, and that are no problems.
func (r Report) Notes() []Finding { return r.of(Note) }

func (r Report) of(severity Severity) []Finding {
	var some []Finding
	for _, f := range r.Findings {
		if f.Severity == severity {
			some = append(some, f)
		}
	}
	return some
}

// Election is routers for which everything comes out the same: those of a sync
// group, and others with the same nodes, priorities and tracks.
type Election struct {
	Routers    []string `json:"routers"`
	SyncGroups []string `json:"sync_groups,omitempty"`
	Preempt    bool     `json:"preempt"`
	// Well is who holds when nothing has failed.
	Well Outcome `json:"well"`
	// Outcomes has one entry for each single failure that can matter here, with
	// Well's holder before it. Where others may hold just as well (a tie, or no
	// preemption) Findings tells what is found with them.
	Outcomes []Outcome `json:"outcomes"`
	// Pairs has those of two failures, one after the other. The other order is
	// an entry of its own only if it ends with another holder.
	Pairs []Outcome `json:"pairs,omitempty"`
}

// Outcome is who holds the addresses after failures.
type Outcome struct {
	Failures  []Failure  `json:"failures,omitempty"`
	Standings []Standing `json:"standings"` // in the order of the nodes' names
	Holder    string     `json:"holder"`    // empty: nobody
	// Tied are the others that may hold the addresses as well: it is not the
	// priorities that decide but who is first, or the greater address.
	Tied []string `json:"tied,omitempty"`
	// Moves tells whether a node holds the addresses that does not when all is
	// well, Repaired who holds once all is well again.
	Moves    bool   `json:"moves"`
	Repaired string `json:"repaired,omitempty"`
	// NoMajority tells that too few voters are left to grant a lease: nobody takes
	// over, and who holds gives up unless on_loss is hold.
	NoMajority bool `json:"no_majority,omitempty"`
}

// Failure is one thing that goes wrong.
type Failure struct {
	What string `json:"what"` // as in "haproxy fails on lb-1"
	// Dead is a node, a witness or, as in "table vicar-lease", the guard's table.
	Dead string `json:"dead,omitempty"`
	// Turned are the checks of the election that it changes.
	Turned []Turned `json:"checks,omitempty"`
}

// Turned is a check's new state on a node.
type Turned struct {
	Node  string `json:"node"`
	Check string `json:"check"`
	State string `json:"state"` // passing or failing
}

// Standing is a node in an election.
type Standing struct {
	Node     string `json:"node"`
	Base     int    `json:"base"`
	Priority int    `json:"priority"` // effective
	Dead     bool   `json:"dead,omitempty"`
	// Down is the interface that the router lives on, if it has failed: the
	// agent itself keeps the node out then.
	Down string `json:"down,omitempty"`
	// Blocked are the checks that keep the node out.
	Blocked []string `json:"blocked,omitempty"`
}

// Severity is how bad a Finding is.
type Severity string

// The severities. A Problem is a failure that the configuration does not stand
// up to, a Note what one should know of it and can mend, an Info what follows
// from how many nodes there are.
const (
	Problem Severity = "problem"
	Note    Severity = "note"
	Info    Severity = "info"
)

// Kind is what a Finding is about.
type Kind string

// The kinds of findings.
const (
	Stays     Kind = "stays"     // a failure of the holder does not move the addresses
	Tie       Kind = "tie"       // equal priorities: who holds is not configured
	Flap      Kind = "flap"      // a check whose result depends on who holds
	NoPreempt Kind = "nopreempt" // preempt: false and checks that count on it
	Witness   Kind = "witness"   // a witness that could hold
	Nobody    Kind = "nobody"    // nobody can hold
	Majority  Kind = "majority"  // nobody may hold: too few voters are left
	Unready   Kind = "unready"   // a node that could not take over would
)

// Finding is something that is worth changing, or knowing.
type Finding struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Routers  []string `json:"routers"`
	Check    string   `json:"check,omitempty"`
	Text     string   `json:"text"`
	Remedy   string   `json:"remedy,omitempty"`
	// From is who holds when all is well, if it comes up only with another
	// holder than the one that the outcomes begin with.
	From string `json:"from,omitempty"`
	// Failures are those that it comes from, if any.
	Failures []Failure `json:"failures,omitempty"`
}
