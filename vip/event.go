// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vip

import (
	"net/netip"
	"time"
)

// EventKind is what happened to a router.
type EventKind string

// The kinds of events, by the names that hooks are configured with.
const (
	BecameActive EventKind = "active"    // it holds the addresses from now on
	BecameBackup EventKind = "backup"    // another node holds them, or will
	Faulted      EventKind = "fault"     // it can't take part in the election
	Stopped      EventKind = "stop"      // it takes no part any more, in order
	TookOver     EventKind = "take_over" // the addresses are here and announced
	// The addresses go: in order (stop, reload) before they do, and before Stopped;
	// else after the event that says why, at the same moment.
	GivesUp EventKind = "give_up"

	// Of a pool, and not of a router.
	QuorumUp   EventKind = "quorum_up"
	QuorumDown EventKind = "quorum_down"
	ServerUp   EventKind = "server_up"
	ServerDown EventKind = "server_down"
)

// Event is something that happened to a router or a pool, for those who are told.
type Event struct {
	Kind    EventKind `json:"event"`
	Cluster string    `json:"cluster"`
	Node    string    `json:"node"`
	// Router is what it happened to, or Pool: a virtual service, and one of its real
	// servers where Server is not empty.
	Router string `json:"router,omitempty"`
	Pool   string `json:"pool,omitempty"`
	Server string `json:"server,omitempty"`
	State  string `json:"state"`    // after it, as RFC 9568 section 6.3 names it; of a pool up, down or undecided
	From   string `json:"previous"` // before it
	Term   uint64 `json:"term"`     // numbers the node's take-overs
	Reason string `json:"reason"`
	// Priority is the effective one, Peer the other router that was last heard,
	// if any.
	Priority  int            `json:"priority"`
	Peer      netip.Addr     `json:"peer,omitzero"`
	Interface string         `json:"interface,omitempty"`
	Addresses []netip.Prefix `json:"addresses"`
	Time      time.Time      `json:"time"`
}
