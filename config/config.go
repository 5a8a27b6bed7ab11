// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package config turns vicar's configuration file into a typed Config, and
// proves what can be proved of it before it is used.
//
// One file serves all nodes: it names them, and each finds itself by Self. The
// file is YAML, read strictly: an unknown key, a value of another type, a
// duration without a unit is an error. All errors of a file are reported at
// once, each with its line, its column and a remedy (Errors).
//
// A Config is complete (defaults filled in, everything resolved for each node)
// and is never changed after Parse. What it says for one node is Members.
package config

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Config is a valid configuration.
type Config struct {
	Cluster   string
	Nodes     []Node // by name
	Transport Transport
	Routers   []Router // by name
	Control   Control
	// SyncGroups by name; a router is in one at most.
	SyncGroups []SyncGroup `json:",omitempty"`
	Checks     []Check     `json:",omitempty"` // by name
	Hooks      []Hook      `json:",omitempty"` // in the file's order
	PeerLink   *PeerLink   `json:",omitempty"` // nil: none
	Guard      Guard       `json:",omitzero"`
	AWS        *AWS        `json:",omitempty"` // nil: none
	Pools      []Pool      `json:"-"`          // by name; Digest sees to them
	IPVS       *IPVS       `json:",omitempty"` // nil: as the kernel has it
	// Warnings are what is allowed but probably not meant.
	Warnings Errors

	name string // of the file
	text []byte
	// served is what the servers' files had that were there.
	served map[string][]byte
}

// Node is a host that takes part.
type Node struct {
	Name string
	// Addresses in the file's order, never empty: one per family or LAN.
	Addresses []netip.Addr
	// Witness has no part in any router: no peer, no candidate.
	Witness bool `json:",omitempty"`
}

// Kind is how adverts travel.
type Kind string

// The kinds of transport.
const (
	Multicast Kind = "multicast"
	Unicast   Kind = "unicast" // the peers are the other nodes
	Gossip    Kind = "gossip"  // over the peer link
)

// Transport says how adverts travel.
type Transport struct {
	Kind   Kind
	TTLMin TTLMin // of Unicast; multicast always demands 255, gossip has none
}

// TTLMin is the lowest TTL (hop limit) at which a unicast advert is accepted:
// 1 to 255, or one of the two constants.
type TTLMin int

// Values of TTLMin that are not numbers.
const (
	TTLAuto TTLMin = -1 // 255 for a peer in a subnet of the router's interface, else TTLNone
	TTLNone TTLMin = 0  // any
)

// Router is a virtual router: addresses that move together. The maps have an
// entry for every node that is no witness.
type Router struct {
	Name      string
	VRID      uint8
	Version   wire.Version
	Interface map[string]string // by node; InterfaceAuto: the one with the node's address
	Priority  map[string]uint8  // by node; 1 to 255
	Interval  time.Duration     // Advertisement_Interval (RFC 9568 section 6.1)
	Addresses []netip.Prefix    // advertised, in the file's order, never empty
	Exclude   []netip.Prefix    // held, not advertised
	// Preempt is Preempt_Mode; PreemptDelay is how long a better Backup waits
	// before it takes over.
	Preempt      bool
	PreemptDelay time.Duration
	Checksum     wire.Checksum // of version 3 IPv4 adverts sent
	Password     *[8]byte      // version 2; nil is none
	Announce     Announce
	// OnLoss is the guard's unless the router has its own.
	OnLoss OnLoss `json:",omitempty"`
	// Move is never empty, and has MoveKernel once at most.
	Move []Mover `json:",omitempty"`
	// Tracks are the checks that move the election, the sync group's not among
	// them.
	Tracks  []track.Track `json:",omitempty"`
	Damping Damping       `json:",omitzero"`
	// Listen is how long after its start an agent takes no part in the router's
	// election.
	Listen time.Duration `json:",omitempty"`
}

// Damping holds a router that changed hands Moves times within Within: for Hold
// it does not take over from another. Zero is none.
type Damping struct {
	Moves        int
	Within, Hold time.Duration
}

// InterfaceAuto in Router.Interface stands for the interface that has the
// node's address.
const InterfaceAuto = "auto"

// Announce says how the neighbours are told of an address (gratuitous ARP,
// unsolicited neighbour advertisement).
type Announce struct {
	Repeat  int           // rounds after becoming Active, 1 or more; the first at once
	Delay   time.Duration // from one round to the next
	Refresh time.Duration // one more round every so often while Active; 0 is never
	Rate    int           // most packets per second on an interface; 0 is no limit
}

// Control says where the agent can be talked to.
type Control struct {
	Socket string         // path of the Unix socket; empty: vicar.sock in the runtime directory
	HTTP   netip.AddrPort // read-only status and metrics; invalid is none
}

// maxSize is the largest file that is read.
const maxSize = 1 << 20

// Load reads and checks the file at path. The error is an Errors if the file
// could be read.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	return Read(path, f)
}

// Read reads and checks what from has; name is the file's in errors.
func Read(name string, from io.Reader) (*Config, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(name, data)
}
