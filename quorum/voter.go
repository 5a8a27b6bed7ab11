// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "time"

// VoterConfig is what a Voter is made of.
type VoterConfig struct {
	Node      string
	Lists     Lists
	Resources []Resource // of this node's file
}

// Voter grants leases.
type Voter struct {
	cfg VoterConfig
}

// NewVoter makes a Voter that is silent until the leases of its former life
// have run out.
func NewVoter(cfg VoterConfig, now time.Time) (*Voter, error) { return &Voter{cfg: cfg}, nil }

// Handle takes a candidate's message and returns the answer, if there is one,
// to from.
func (v *Voter) Handle(now time.Time, from string, m Message) (Message, bool) { return Message{}, false }

// Reconfigure changes what the node's file has. Leases that run stay.
func (v *Voter) Reconfigure(now time.Time, resources []Resource) {}

// SetLists changes the lists: stages one, or completes that.
func (v *Voter) SetLists(lists Lists) {}
