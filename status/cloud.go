// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"net/netip"
	"time"
)

// Mover is how a router's addresses stand in one cloud, by one means.
type Mover struct {
	Kind string `json:"kind"` // as the configuration names it: aws-route
	// Wanted: this node is to have the objects, and tries to. Moved counts those
	// that are this node's as far as it knows, of Objects.
	Wanted  bool          `json:"wanted"`
	Moved   int           `json:"moved"`
	Objects []CloudObject `json:"objects"`
	// Verified is when the cloud last showed all objects as wanted; Unverified says
	// why it could not be asked since. Without Verified it has not been asked in this
	// term, and other signs speak for it.
	Verified   time.Time `json:"verified,omitzero"`
	Unverified string    `json:"unverified,omitempty"`
	Error      string    `json:"error,omitempty"`      // of the last attempt to take them
	ErrorKind  string    `json:"error_kind,omitempty"` // cloud.Kind
	// Reflected: the metadata service shows the addresses; Probed: a packet that
	// Peer sent to an address has arrived. Either is empty (not known), yes or no.
	Reflected string `json:"reflected,omitempty"`
	Probed    string `json:"probed,omitempty"`
	Peer      string `json:"peer,omitempty"`
	// TakenBack counts objects that somebody else took and that came back, TakenFrom is
	// who had taken one last, as the cloud names it; Calls counts the requests by
	// action, Failures by cloud.Kind.
	TakenBack uint64            `json:"taken_back"`
	TakenFrom string            `json:"taken_from,omitempty"`
	Calls     map[string]uint64 `json:"calls"`
	Failures  map[string]uint64 `json:"failures"`
	// Timeline is the last take-over's.
	Timeline Timeline `json:"timeline,omitzero"`
}

// CloudObject is a route, a secondary address, an Elastic IP's association.
type CloudObject struct {
	ID      string     `json:"id"`
	Address netip.Addr `json:"address"`
	Mine    bool       `json:"mine"`
	Holder  string     `json:"holder,omitempty"` // as the cloud names it
	Dead    bool       `json:"dead,omitempty"`   // packets go nowhere
}

// Timeline is a take-over, each phase after Began; zero where it was not reached.
type Timeline struct {
	Began     time.Time     `json:"began"`
	Sent      time.Duration `json:"sent_ns,omitempty"`      // the first request left
	Accepted  time.Duration `json:"accepted_ns,omitempty"`  // all were accepted
	Visible   time.Duration `json:"visible_ns,omitempty"`   // the cloud shows it
	Reflected time.Duration `json:"reflected_ns,omitempty"` // the metadata service shows it
	Probed    time.Duration `json:"probed_ns,omitempty"`    // a peer's packet has arrived
}

// Finding is something that a take-over needs and that is wrong now, or was
// found good.
type Finding struct {
	Mover   string `json:"mover"`
	Router  string `json:"router,omitempty"`
	What    string `json:"what"`
	OK      bool   `json:"ok"`                // nothing is known to be wrong
	Untried bool   `json:"untried,omitempty"` // it can't be known until it is tried
	Problem string `json:"problem,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	Missing string `json:"missing,omitempty"` // the permission that lacks
}

// Signal is what a cloud has announced for the machine: its end, or a pause.
type Signal struct {
	Kind string    `json:"kind"` // as the cloud names it: terminate, stop, system-reboot
	At   time.Time `json:"at,omitzero"`
}
