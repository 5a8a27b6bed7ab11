// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet is what the agents of a cluster tell each other over the peer
// link: messages that ask for a handover or make one, and how each node stands.
//
// Only what configured nodes say reaches the agent and the guard. Others that
// have the key are shown, and count for nothing. Who says something is told by
// the link, never by what it carries.
package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// Link is the peer link.
type Link interface {
	// Send sends a message to a node, without waiting and without a receipt. It
	// keeps nothing of payload.
	Send(to string, payload []byte) error
	// Announce tells that State returns something else. It doesn't block.
	Announce()
	// Members are the other nodes that have joined.
	Members() []Member
}

// Member is a node that has joined.
type Member struct {
	Name    string
	Address netip.AddrPort
	Start   uint64    // the random id of its start
	State   []byte    // what its State returned, not to be changed; nil: nothing yet
	Since   time.Time // when it joined
}

// Node is a node of the configuration.
type Node struct {
	Name    string
	Address netip.AddrPort // shown until it has joined; may be zero
	Witness bool
}

// Config is what a Fleet needs.
type Config struct {
	Node  string // this one
	Nodes []Node // all of the configuration; this one may be among them
	Link  Link
	// Heard, if not nil, gets what a configured node's guard has set with
	// SetReport: at first, after each change, and again when that node has started
	// again. It is called by Run alone, must not block, and must not keep report.
	Heard func(node string, report []byte)
	Log   *slog.Logger // nil: nothing is logged
}

// Fleet is the nodes of the cluster as this one sees them. Its methods may be
// called from anywhere, Run and Watch by one goroutine each.
type Fleet struct {
	cfg     Config
	changed chan struct{} // wakes Run
	pending chan struct{} // wakes Watch

	mu     sync.Mutex
	nodes  map[string]Node   // of the configuration
	seen   map[string]member // that have joined
	own    document
	state  []byte // own, encoded; nil: not yet
	left   int    // how many resources found no room in it
	inbox  inbox
	read   bool // seen is filled
	counts map[string]uint64
}

// member is a Member whose state has been read.
type member struct {
	Member
	document
	bad     bool // the state can't be read
	counted bool // it was of the configuration when Run looked
}

// speaks tells whether the agent is told of it.
func (m *member) speaks() bool { return m.counted && m.told }

// New checks cfg and returns a Fleet that Run and Watch make work.
func New(cfg Config) (*Fleet, error) {
	if cfg.Node == "" || cfg.Link == nil {
		return nil, errors.New("fleet: no name of this node, or no link")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{
		cfg: cfg, changed: make(chan struct{}, 1), pending: make(chan struct{}, 1),
		seen: map[string]member{}, counts: map[string]uint64{},
	}
	f.SetNodes(cfg.Nodes)
	return f, nil
}

// SetNodes replaces the nodes of the configuration.
func (f *Fleet) SetNodes(nodes []Node) {
	f.mu.Lock()
	f.nodes = make(map[string]Node, len(nodes))
	for _, n := range nodes {
		f.nodes[n.Name] = n
	}
	f.inbox.keep(f.counted)
	f.mu.Unlock()
	f.Changed()
	wake(f.pending)
}

// Changed tells that members or their states have changed. It doesn't block.
func (f *Fleet) Changed() { wake(f.changed) }

// wake wakes who waits for c, once.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Send sends m to a node, without waiting and without a receipt.
func (f *Fleet) Send(to string, m vip.PeerMessage) error {
	b, err := encodeMessage(m)
	if err != nil {
		return err
	}
	if err := f.cfg.Link.Send(to, b); err != nil {
		return fmt.Errorf("sending a message to %s: %w", to, err)
	}
	return nil
}

// Announce tells all nodes how this one stands, in place of what it told before.
func (f *Fleet) Announce(s vip.NodeState) {
	f.mu.Lock()
	same := f.own.told && sameState(f.own.state, s)
	if !same {
		s.Resources = slices.Clone(s.Resources)
		f.own.told, f.own.state, f.state = true, s, nil
	}
	f.mu.Unlock()
	if !same {
		f.cfg.Link.Announce()
	}
}

func sameState(a, b vip.NodeState) bool {
	return a.Node == b.Node && a.Version == b.Version && a.Digest == b.Digest && a.Witness == b.Witness &&
		a.Drained == b.Drained && slices.Equal(a.Resources, b.Resources)
}

// SetReport tells all nodes' guards what this one's reports, in place of what it
// told before. It doesn't block and keeps nothing of report.
func (f *Fleet) SetReport(report []byte) {
	f.mu.Lock()
	same := bytes.Equal(f.own.report, report)
	if !same {
		f.own.report, f.state = bytes.Clone(report), nil
	}
	f.mu.Unlock()
	if !same {
		f.cfg.Link.Announce()
	}
}

// State is what this node tells of itself: what the link's callback returns. It
// is not to be changed.
func (f *Fleet) State() []byte {
	f.mu.Lock()
	before, state := f.left, f.state
	if state == nil {
		state, f.left = f.own.encode()
		f.state = state
	}
	left := f.left
	f.mu.Unlock()
	if left > before {
		f.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "routers are not told to other nodes: there are too many, or their names are too long",
			slog.Int("left_out", left), slog.Int("limit", MaxState))
	}
	return state
}

// Dropped counts what was not used, by reason.
func (f *Fleet) Dropped() map[string]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counts)
}
