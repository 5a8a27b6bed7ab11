// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// Why something was dropped.
const (
	dropMalformed = "malformed" // a message or a state
	dropUnknown   = "unknown"   // a message of a node that is not configured
	dropOverflow  = "overflow"  // a message that found no room
)

// look is how often the members are looked at though nobody said that they have
// changed.
const look = time.Second

// Received takes a message that the link has received from a node. It doesn't
// block and keeps nothing of payload.
func (f *Fleet) Received(from string, payload []byte) {
	m, err := parseMessage(payload)
	m.From = from
	f.mu.Lock()
	defer f.mu.Unlock()
	switch _, configured := f.nodes[from]; {
	case !configured || from == f.cfg.Node:
		f.counts[dropUnknown]++
	case err != nil:
		f.counts[dropMalformed]++
	case !f.inbox.put(m):
		f.counts[dropOverflow]++
	default:
		wake(f.pending)
	}
}

// Watch calls told with messages, and with how the nodes stand, once Run knows
// it and after each change, until ctx ends. told must not block. Messages that
// wait are told, also if they came before Watch.
func (f *Fleet) Watch(ctx context.Context, told func(vip.PeerEvent)) error {
	f.mu.Lock()
	f.inbox.states = f.read
	f.mu.Unlock()
	wake(f.pending)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.pending:
		}
		f.mu.Lock()
		messages, changed := f.inbox.take()
		var states []vip.NodeState
		if changed {
			states = f.states()
		}
		f.mu.Unlock()
		if changed {
			told(vip.PeerEvent{States: states})
		}
		for i := range messages {
			told(vip.PeerEvent{Message: &messages[i]})
		}
	}
}

// states are those of the configured nodes that have told one, by name; never
// nil. The caller holds mu.
func (f *Fleet) states() []vip.NodeState {
	states := []vip.NodeState{}
	for _, name := range slices.Sorted(maps.Keys(f.seen)) {
		if m := f.seen[name]; m.speaks() {
			s := m.state
			s.Node, s.Resources = name, slices.Clone(s.Resources)
			states = append(states, s)
		}
	}
	return states
}

// counted tells whether a node is another one of the configuration. The caller
// holds mu.
func (f *Fleet) counted(name string) bool {
	_, ok := f.nodes[name]
	return ok && name != f.cfg.Node
}

// Run reads the members' states whenever they have changed, until ctx ends.
func (f *Fleet) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		f.refresh()
		select {
		case <-ctx.Done():
			return nil
		case <-f.changed:
		case <-tick.C:
		}
	}
}

// refresh takes over what the link knows of the members now.
func (f *Fleet) refresh() {
	members := f.cfg.Link.Members()
	f.mu.Lock()
	next := make(map[string]member, len(members))
	changed := !f.read
	var bad, reports []member
	for _, m := range members {
		old := f.seen[m.Name]
		now := f.parse(old, m)
		next[m.Name] = now
		changed = changed || now.speaks() != old.speaks() || now.speaks() && !sameState(now.state, old.state)
		if now.bad && !old.bad {
			bad = append(bad, now)
		}
		if now.counted && len(now.report) > 0 && (!old.counted || old.Start != m.Start || !bytes.Equal(old.report, now.report)) {
			reports = append(reports, now)
		}
	}
	var witnesses []string
	for name, old := range f.seen {
		if _, there := next[name]; !there {
			changed = changed || old.speaks()
			if f.nodes[name].Witness {
				witnesses = append(witnesses, name)
			}
		}
	}
	f.seen, f.read = next, true
	f.inbox.states = f.inbox.states || changed
	f.mu.Unlock()
	if changed {
		wake(f.pending)
	}
	for _, m := range bad {
		f.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "a node's state can't be read: does it run a newer version?", slog.String("node", m.Name))
	}
	for _, name := range witnesses { // that a node is gone the link says
		f.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "a witness is gone: no addresses are lost with it, but its vote is", slog.String("witness", name))
	}
	for _, m := range reports {
		if f.cfg.Heard != nil {
			f.cfg.Heard(m.Name, m.report)
		}
	}
}

// parse reads a member's state, unless it is as it was. The caller holds mu.
func (f *Fleet) parse(old member, m Member) member {
	now := member{Member: m, document: old.document, bad: old.bad, counted: f.counted(m.Name)}
	if bytes.Equal(old.State, m.State) {
		return now
	}
	now.document, now.bad = document{}, false
	if m.State != nil {
		var err error
		now.document, err = parseDocument(m.State)
		now.bad = err != nil
	}
	if now.bad {
		f.counts[dropMalformed]++
	}
	return now
}
