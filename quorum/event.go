// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "time"

// CandidateConfig is what a Candidate is made of.
type CandidateConfig struct {
	Node     string
	Start    uint64 // random, of this start of the node; not zero
	Resource Resource
	Lists    Lists
	Lease    time.Duration // T
	Renew    time.Duration // how often Renew comes: the advert interval
	// Margin is how long before the lease's end Lost comes.
	Margin time.Duration
	// Retry is how long answers are waited for, and the bound of the random
	// back-off; zero is a quarter of Renew.
	Retry time.Duration
	Seed  uint64 // of the back-off
	// Counter is one that ballots shall be above, as Candidate.Above has it.
	Counter uint64
}

// Event is something that happened.
type Event interface{ event() }

type (
	// Acquire wants the lease from now on, until GiveUp, Lost or Stop. Release is the
	// ballot that a predecessor has given up in a handover; may be none.
	Acquire struct{ Release Ballot }
	// Tick says that time has passed.
	Tick struct{}
	// Renew renews the lease if it is held: what it is for still works. Nothing else
	// does. It comes about every CandidateConfig.Renew; one that comes within half of that
	// after a renewal is ignored.
	Renew struct{}
	// Received is a voter's answer.
	Received struct {
		From    string
		Message Message
	}
	// GiveUp says that the addresses are given up (or were never taken): the
	// lease is released and not wanted any more.
	GiveUp struct{}
	// Stop ends the candidate without a word: the lease runs out.
	Stop struct{}
	// Reconfigure changes the lists and times from now on.
	Reconfigure struct {
		Lists                Lists
		Lease, Renew, Margin time.Duration
	}
)

func (Acquire) event()     {}
func (Tick) event()        {}
func (Renew) event()       {}
func (Received) event()    {}
func (GiveUp) event()      {}
func (Stop) event()        {}
func (Reconfigure) event() {}

// Action is something that must be done.
type Action interface{ action() }

type (
	// Send sends a message; to the node's own voter too, and what is for a table
	// (IsTable) to the node's Table.
	Send struct {
		To      string
		Message Message
	}
	// Granted says that the lease is held until Until: first, and again at each
	// renewal.
	Granted struct {
		Term  uint64
		Until time.Time
	}
	// Refused says why the lease isn't granted, and when it is asked for again.
	Refused struct {
		Reason Refusal
		Holder Ballot // if Held
		Again  time.Time
	}
	// Lost says that the lease can't be renewed and ends at Until, Margin from
	// now unless the driver was stalled: the addresses must be given up by then.
	Lost struct {
		Term   uint64
		Until  time.Time
		Reason Refusal
		Holder Ballot // if another's lease was seen
	}
)

func (Send) action()    {}
func (Granted) action() {}
func (Refused) action() {}
func (Lost) action()    {}
