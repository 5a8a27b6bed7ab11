// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"net/netip"
	"time"
)

// Lease is what the quorum guard says of a router's addresses.
type Lease struct {
	Held  bool      `json:"held"`           // by this node
	Term  uint64    `json:"term,omitempty"` // of the lease that is held
	Until time.Time `json:"until,omitzero"` // of the lease that is held, as last renewed
	Since time.Time `json:"since,omitzero"` // when it was granted
	Lost  uint64    `json:"lost"`           // how often it was lost
	// Refusal is why it is not granted though it is wanted, or why it was lost:
	// held (by Holder), unheard (no majority of voters answers), unknown (their files
	// differ), and so on.
	Refusal string `json:"refusal,omitempty"`
	Holder  string `json:"holder,omitempty"`
	// Unconfirmed: no majority answers, and the addresses are kept (on_loss: hold).
	Unconfirmed bool `json:"unconfirmed,omitempty"`
}

// Values of Guard.Fence that are not a reason why there is none.
const (
	FenceOn  = "on"
	FenceOff = "off" // it is not wanted
)

// Guard is the quorum guard of this node.
type Guard struct {
	Fence string `json:"fence"` // FenceOn, FenceOff, or why there is none
	// FenceBefore names programs of others that see packets before the fence.
	FenceBefore []string      `json:"fence_before,omitempty"`
	MaxLease    time.Duration `json:"max_lease_ns"`
	// Majority is that of Status.Votes; Silent tells until when
	// this node's own voter says nothing after its start.
	Majority bool      `json:"majority"`
	Silent   time.Time `json:"silent_until,omitzero"`
	Voters   []Voter   `json:"voters"` // of the list in force and the staged one, by name
	// Staged tells that a change of the voters is under way, and Waits for whom.
	Staged bool     `json:"staged,omitempty"`
	Waits  []string `json:"waits_for,omitempty"`
	// Problem is why this node's list of voters isn't what its file says, and what
	// to do; or empty.
	Problem string `json:"problem,omitempty"`
	Grants  int    `json:"grants"` // leases that this node's voter has granted and that run
	// Dropped counts lease messages that were not answered or not understood, by
	// reason.
	Dropped map[string]uint64 `json:"dropped"`
	// ClockSlew is by how much the kernel's clock runs fast or slow on purpose, in
	// per cent; more than 4 endangers leases.
	ClockSlew float64 `json:"clock_slew_percent"`
}

// Voter is a node that votes on leases, or a table ("table vicar-lease"). That is
// read now and then, and asked when the nodes make no majority.
type Voter struct {
	Name string `json:"name"`
	// Counted: it is there for a majority, as far as is known (Status.Votes). Answers:
	// it has within the last moments, and owes this node no answer; this node's own
	// does unless it has just started. Silent: it has been asked for longer than a
	// lease and doesn't answer. Of the others both are false while nothing is asked:
	// only who holds a lease or wants one asks.
	Counted bool      `json:"counted"`
	Answers bool      `json:"answers"`
	Silent  bool      `json:"silent,omitempty"`
	Asked   time.Time `json:"asked,omitzero"` // last
	Heard   time.Time `json:"heard,omitzero"` // its last answer
	Current bool      `json:"current"`        // of the list in force
	Staged  bool      `json:"staged,omitempty"`
	// Ready: it has reported the staged list. Forgotten: nobody waits for it.
	Ready     bool `json:"ready,omitempty"`
	Forgotten bool `json:"forgotten,omitempty"`
	// Drift says that it votes under another list.
	Drift bool `json:"drift,omitempty"`
	// Denies are the resources of this node's file that it does not grant, since its
	// own file differs.
	Denies []Denied `json:"denies,omitempty"`
	// Problem is why a table can't be asked.
	Problem string `json:"problem,omitempty"`
}

// Denied is a resource that a voter does not grant as this node has it.
type Denied struct {
	Resource string `json:"resource"` // "router web" or "sync group edge"
	Reason   string `json:"reason"`   // DeniedAddresses or DeniedMissing
}

// Values of Denied.Reason.
const (
	DeniedAddresses = "other_addresses" // the voter's file has it with others
	DeniedMissing   = "missing"         // the voter's file lacks it
)

// Node is a node of the cluster as the peer link knows it.
type Node struct {
	Name    string         `json:"name"`
	Here    bool           `json:"here,omitempty"` // this node
	Address netip.AddrPort `json:"address,omitzero"`
	Joined  bool           `json:"joined"`
	// Quiet: it has joined, but has not answered on the peer link for some seconds.
	// It is asked every second; Heard is when it last answered, zero if it never did:
	// then its file may not have this node.
	Quiet      bool           `json:"quiet,omitempty"`
	Heard      time.Time      `json:"heard,omitzero"`
	Since      time.Time      `json:"since,omitzero"`
	Configured bool           `json:"configured"` // others are seen, and never counted
	Witness    bool           `json:"witness,omitempty"`
	Drained    bool           `json:"drained,omitempty"`
	Version    string         `json:"version,omitempty"`
	Digest     string         `json:"digest,omitempty"`
	Differs    bool           `json:"differs,omitempty"` // runs another configuration than this node
	Resources  []NodeResource `json:"resources,omitempty"`
}

// NodeResource is how a node stands to a router or sync group.
type NodeResource struct {
	Name     string `json:"name"` // "router web" or "sync group edge"
	State    string `json:"state"`
	Priority int    `json:"priority"`
	Term     uint64 `json:"term"`
	Pinned   bool   `json:"pinned,omitempty"`
	Yields   bool   `json:"yields,omitempty"`  // it would hand it over to any other that is ready
	Unready  bool   `json:"unready,omitempty"` // it could not take it over where the addresses move
	Taking   bool   `json:"taking,omitempty"`  // it is Active, and has not all addresses yet
	Unheard  bool   `json:"unheard,omitempty"` // the holder's adverts don't reach it
	// Stale: another node has taken it over since this one told that it is Active,
	// which may be the last that it could tell.
	Stale bool `json:"stale,omitempty"`
}

// MarkStale finds what nodes say that they hold though another holds it by a later
// lease. Only with a guard are the nodes' terms of one sequence.
func (s *Status) MarkStale() {
	if s.Guard == nil {
		return
	}
	holders := make(map[string]*NodeResource)
	for i := range s.Fleet { // by name, which orders leases of one term
		n := &s.Fleet[i]
		for k := range n.Resources {
			r := &n.Resources[k]
			if r.State != "Active" || !n.Configured {
				continue
			}
			other := holders[r.Name]
			if other == nil || r.Term >= other.Term {
				holders[r.Name] = r
			}
			if other != nil {
				other.Stale, r.Stale = holders[r.Name] == r, holders[r.Name] != r
			}
		}
	}
}

// PeerLink is the encrypted link between the nodes.
type PeerLink struct {
	Port    int               `json:"port"`
	Error   string            `json:"error,omitempty"`
	Dropped map[string]uint64 `json:"dropped"` // by reason
	// Troubles are what was seen in the last seconds and only a person mends.
	Troubles []Trouble `json:"troubles,omitempty"`
}

// Trouble is one of the peer link.
type Trouble struct {
	// Kind is wrong_key or wrong_cluster (of an address that sends so), duplicate (of a
	// name that two nodes have) or conflict (of a name that is told at two addresses).
	Kind string    `json:"kind"`
	From string    `json:"from"` // the address, or the name
	At   time.Time `json:"at"`   // last
}
