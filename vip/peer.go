// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vip

// MessageKind is what a PeerMessage says.
type MessageKind uint8

const (
	// AskHandover: hand the resource over to me, who am better.
	AskHandover MessageKind = 1 + iota
	// OrderHandover: somebody at another node wants the holder to hand over to
	// To, or to the best if that is empty.
	OrderHandover
	// Handover: I have given the resource up, and you are to take it over.
	Handover
)

// PeerMessage is what an agent says to another. It may be lost, and may come
// after what was said later.
type PeerMessage struct {
	From     string // who says it, as the peer link knows
	Kind     MessageKind
	Resource string // a router's or a sync group's name, see ResourceState
	To       string // of OrderHandover
	Auto     bool   // of OrderHandover: ends a pin instead
	Pin      bool   // of OrderHandover and Handover: it stays until the new holder fails
	Force    bool   // of OrderHandover: also to one that is Unready
	Priority uint8  // of AskHandover: the effective one
	Token    string // of Handover: for the guard; empty without one
}

// NodeState is what an agent tells all others of itself.
type NodeState struct {
	Node      string
	Version   string // the binary's
	Digest    string // of the configuration
	Witness   bool
	Drained   bool // takes no part in elections until undrained
	Resources []ResourceState
}

// ResourceState is how a node stands to a resource: a router ("router web") or a
// sync group ("sync group edge").
type ResourceState struct {
	Name     string
	State    string // RFC 9568 section 6.3's name: the least of its engines'
	Priority uint8  // effective
	Term     uint64 // of the last take-over
	// Pinned: it was handed over to this node by name, so that better ones don't
	// take it back; or this node has just handed it on so, and waits to see it held.
	Pinned bool
	// Yields: it is the last that should hold the resource, and would hand it over to
	// any other that is ready.
	Yields bool
	// Unready: a check of this node's says that it could not take the resource over
	// where that moves. False also where nothing checks that.
	Unready bool
	// Taking: it is Active, and not all of the addresses are here yet.
	Taking bool
	// Unheard: another's lease stands in this node's way, and it doesn't hear that
	// holder's adverts.
	Unheard bool
}

// PeerEvent is what the peer link tells an agent: a message, or how the nodes
// stand.
type PeerEvent struct {
	Message *PeerMessage // nil: none
	// States are those of all configured nodes that are there, without this one;
	// nil: unchanged.
	States []NodeState
}
