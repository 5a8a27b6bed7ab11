// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import "time"

// Kind is what a Message is.
type Kind uint8

const (
	Prepare  Kind = 1 + iota // candidate: may I propose this ballot?
	Promise                  // voter: answers Prepare
	Propose                  // candidate: accept or renew a lease of this ballot
	Accepted                 // voter: answers Propose
	Release                  // holder: has given up this ballot
)

var kindNames = [...]string{Prepare: "prepare", Promise: "promise", Propose: "propose", Accepted: "accepted", Release: "release"}

// String is the kind as logs show it.
func (k Kind) String() string {
	if int(k) < len(kindNames) && k != 0 {
		return kindNames[k]
	}
	return "unknown"
}

// Refusal is why a voter says no; None is that it does not.
type Refusal uint8

const (
	None     Refusal = iota // it is promised or accepted
	Promised                // a higher ballot is promised, or the term is over
	Held                    // another's lease runs, or one of a shared address
	Released                // the ballot was released
	TooLong                 // the lease is longer than MaxLease
	Unknown                 // the voter's file lacks the resource or has other addresses
	Unheard                 // a candidate's own: no majority answered
	refusals                // how many there are
)

var refusalNames = [refusals]string{"none", "promised", "held", "released", "too_long", "unknown", "unheard"}

// String is the refusal as a metric's label shows it.
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return "other"
}

// Message is what candidates and voters say to each other. Answers echo the
// resource, the ballot and the sequence.
type Message struct {
	Kind     Kind
	Resource string
	Digest   Digest // of the resource's addresses
	Ballot   Ballot
	Sequence uint64
	// Lists are the digests of the candidate's current and staged list; in an
	// answer those of them that the voter answers under, the others zero.
	Lists [2]Digest

	// Release is a ballot given up by its holder, of Prepare and Propose; may be
	// none.
	Release Ballot
	Lease   time.Duration // of Propose: T

	// Of answers. Promised is the ballot if it is not refused, else the highest that
	// was promised or accepted.
	Refusal   Refusal
	Promised  Ballot
	Holder    Ballot        // of the lease that runs, if Held
	Remaining time.Duration // of that lease
}
