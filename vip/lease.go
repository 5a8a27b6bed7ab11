// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vip

import "time"

// FenceRoom is how many addresses a fence can hold.
const FenceRoom = 16384

// VerdictKind is what a guard says of a resource.
type VerdictKind uint8

const (
	// Granted: the resource is this node's until Until, and longer with each
	// renewal, which is not told. It comes again, with another Term, when a lease
	// has been won back that was Unconfirmed.
	Granted VerdictKind = 1 + iota
	// Refused: it was claimed and is not granted. The guard goes on asking.
	Refused
	// Revoked: it ends at Until, by when the addresses must be given up. The claim
	// is over.
	Revoked
	// Unconfirmed: no majority answers any more, and the node keeps the resource
	// nevertheless, as it was told to (on_loss: hold).
	Unconfirmed
)

// Verdict is what a guard says of a resource that was claimed.
type Verdict struct {
	Resource string
	Kind     VerdictKind
	Term     uint64    // of the lease; rises from holder to holder
	Until    time.Time // on the clock of agent and guard
	// Reason is why not, as status, log and metrics show it: held, unheard (too few
	// voters answer), unknown, and so on. Holder is the node whose lease runs, if
	// Reason is held.
	Reason string
	Holder string
	// Token, of Granted, is what a successor hands to its guard when this node has
	// given the resource up in its favour. Nobody but guards looks into it.
	Token string
}
