// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package status is the document that an agent shows of itself: what
// `vicar status --json` prints, the control socket's /v1/status answers, and
// the metrics are made of. Its JSON names are a public interface: they are
// added to, never changed.
package status

import (
	"net/netip"
	"time"
)

// Status is one agent at one instant.
type Status struct {
	Version  string    `json:"version"` // the binary's
	Node     string    `json:"node"`
	Cluster  string    `json:"cluster"`
	Now      time.Time `json:"now"`
	Started  time.Time `json:"started"`
	Reloaded time.Time `json:"reloaded,omitzero"` // the last time a configuration was applied
	Digest   string    `json:"digest"`            // of the configuration in force
	Routers  []Router  `json:"routers"`           // by name
	Links    []Link    `json:"links"`             // by interface and family
	Checks   []Check   `json:"checks"`            // by name
	// Pools are the virtual services, by name, and PoolChecks the checks of their
	// servers; Sync is nil without synchronisation of connections.
	Pools      []Pool  `json:"pools,omitempty"`
	PoolChecks []Check `json:"pool_checks,omitempty"`
	Sync       *Sync   `json:"sync,omitempty"`
	Hooks      []Hook  `json:"hooks"` // in the configuration's order
	Loop       Loop    `json:"loop"`
	// Drained: by vicar drain, until vicar undrain.
	Drained bool `json:"drained,omitempty"`
	// NeedsRestart is what of the file the last reload was refused for, since only a
	// restart can change it.
	NeedsRestart []string `json:"needs_restart,omitempty"`
	// Guard and PeerLink are nil where the configuration has none; Fleet are the
	// nodes as the peer link knows them, this one too, by name.
	Guard    *Guard    `json:"guard,omitempty"`
	PeerLink *PeerLink `json:"peer_link,omitempty"`
	Fleet    []Node    `json:"fleet,omitempty"`
	// Findings are what this node needs of a cloud to take over, as it was last
	// looked at; Signals what the cloud has announced for this machine.
	Findings []Finding `json:"findings,omitempty"`
	Signals  []Signal  `json:"signals,omitempty"`
}

// Router is a virtual router. State is Active, Backup or Initialize (RFC 9568
// section 6.3), the worst of its engines'.
type Router struct {
	Name      string         `json:"name"`
	State     string         `json:"state"`
	Reason    string         `json:"reason"` // of the last transition
	Since     time.Time      `json:"since"`  // the last transition
	Term      uint64         `json:"term"`   // numbers this node's take-overs
	Interface string         `json:"interface"`
	Interval  time.Duration  `json:"interval_ns"`
	Priority  int            `json:"priority"` // effective
	Base      int            `json:"base_priority"`
	Tracks    []Track        `json:"tracks"`    // what Priority is made of, besides Base
	Addresses []netip.Prefix `json:"addresses"` // advertised
	Exclude   []netip.Prefix `json:"exclude,omitempty"`
	Held      bool           `json:"held"` // all addresses are on this node
	HeldError string         `json:"held_error,omitempty"`
	Restored  uint64         `json:"restored"` // times an address came back after somebody removed it from the host
	// Stray says where an address is that this node must not have.
	Stray string `json:"stray,omitempty"`
	// Holder is who holds the addresses as far as this node knows, a node's name or
	// an address, and HolderPriority what it says its priority is.
	Holder         string `json:"holder,omitempty"`
	HolderPriority int    `json:"holder_priority,omitempty"`
	// SyncGroup is the group of routers that it moves with, or empty.
	SyncGroup string `json:"sync_group,omitempty"`
	// DampedUntil is when a router that changed hands too often may take over
	// from another again; zero if it may.
	DampedUntil time.Time `json:"damped_until,omitzero"`
	// Unproven are the checks for which a node that has just started does not take
	// over from another: they have not all passed at once since.
	Unproven []string `json:"unproven,omitempty"`
	// Moves counts the changes of hands within the damping's time.
	Moves int `json:"moves,omitempty"`
	// PreemptAt is when a better Backup's preempt delay ends; zero if none runs.
	PreemptAt time.Time `json:"preempt_at,omitzero"`
	Engines   []Engine  `json:"engines"` // one per family
	// Lease is nil without a guard.
	Lease *Lease `json:"lease,omitempty"`
	// Pinned: it was handed over to this node by name and stays until it fails.
	Pinned bool `json:"pinned,omitempty"`
	// Yields is why this node is the last that should hold the addresses: it has the
	// lowest priority, and hands them over to any other that is ready. Keeps is why it
	// holds them all the same. Both are empty otherwise.
	Yields string `json:"yields,omitempty"`
	Keeps  string `json:"keeps,omitempty"`
	// Filtered says that nobody hears this holder's adverts though its interface
	// works.
	Filtered string `json:"filtered,omitempty"`
	// Movers are how the addresses stand in clouds, in the configuration's order.
	Movers []Mover `json:"movers,omitempty"`
	// Transitions counts the entries into each state.
	Transitions map[string]uint64 `json:"transitions"`
}

// Resource is what the router's lease is for: itself, or its sync group.
func (r *Router) Resource() string {
	if r.SyncGroup != "" {
		return "sync group " + r.SyncGroup
	}
	return "router " + r.Name
}

// Engine is the election in one family.
type Engine struct {
	Family  int        `json:"family"` // 4 or 6
	VRID    int        `json:"vrid"`
	Version int        `json:"version"`
	State   string     `json:"state"`
	Primary netip.Addr `json:"primary,omitzero"` // where its adverts come from
	Active  netip.Addr `json:"active,omitzero"`  // who was last heard as Active
	// Heard is when an advert was last accepted, Rival who was last heard that
	// believed itself Active beside this node, RivalAt when.
	Heard   time.Time  `json:"heard,omitzero"`
	Rival   netip.Addr `json:"rival,omitzero"`
	RivalAt time.Time  `json:"rival_at,omitzero"`

	Sent     uint64 `json:"adverts_sent"`
	Received uint64 `json:"adverts_received"`
	// PriorityZero counts received adverts of a router that gives up.
	PriorityZero uint64 `json:"priority_zero_received"`
	// Dropped counts by reason (vrrp/wire.Drop), Notices by kind (vrrp.Notice);
	// Checksums counts accepted version 3 IPv4 adverts by form. Zeros are absent.
	Dropped   map[string]uint64 `json:"dropped"`
	Notices   map[string]uint64 `json:"notices"`
	Checksums map[string]uint64 `json:"checksums,omitempty"`
}

// Link is a socket: one family on one interface.
type Link struct {
	Interface string            `json:"interface"`
	Family    int               `json:"family"`
	Mode      string            `json:"mode"` // multicast or unicast
	Up        bool              `json:"up"`
	Error     string            `json:"error,omitempty"`
	SendFails uint64            `json:"send_errors"`
	Dropped   map[string]uint64 `json:"dropped"` // packets that fit no router here
}

// Loop tells how punctual the agent is.
type Loop struct {
	// Late is the distribution of how late a deadline was met: Late[i] counts
	// those up to LateBounds[i]; the last counts the rest.
	Late     []uint64      `json:"late"`
	LateSum  time.Duration `json:"late_sum_ns"`
	LateMax  time.Duration `json:"late_max_ns"`
	Stalls   uint64        `json:"stalls"` // times an Active stepped down because it was too late
	Deadline uint64        `json:"deadlines"`
}

// LateBounds are the upper bounds of Loop.Late.
var LateBounds = []time.Duration{
	100 * time.Microsecond, 300 * time.Microsecond, time.Millisecond, 3 * time.Millisecond,
	10 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond,
}
