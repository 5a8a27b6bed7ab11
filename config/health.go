// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// SyncGroup is routers that move together. They have the same priority on each
// node, the same Interval, preemption, Damping and Listen, and a check that
// several of them track, or the group too, has the same weight wherever it is
// tracked: it counts once.
type SyncGroup struct {
	Name    string
	Routers []string // in the file's order; the first breaks ties for all
	// Tracks move all members, beside what each tracks itself.
	Tracks []track.Track `json:",omitempty"`
}

// Check is a check of all nodes, tracked or not.
type Check struct {
	checks.Check // Kind is nil if Kinds is not
	// Kinds are what is looked at by node, where the nodes differ; else nil. It
	// has an entry for every node that is no witness.
	Kinds map[string]checks.Kind `json:",omitempty"`
}

// OnNode is what the node looks at, nil for a witness and an unknown node if
// the nodes differ.
func (c Check) OnNode(node string) checks.Kind {
	if c.Kinds == nil {
		return c.Kind
	}
	return c.Kinds[node]
}

// kindName is the kind's name, the same on all nodes.
func (c Check) kindName() string {
	if c.Kind != nil {
		return c.Kind.Kind()
	}
	for _, k := range c.Kinds {
		return k.Kind()
	}
	return ""
}

// Hook is somebody who is told of transitions. Exec or Webhook is set.
type Hook struct {
	On      []vip.EventKind   // never empty, each once
	Routers []string          `json:",omitempty"` // nil: all; else never empty, each once
	Pools   []string          `json:",omitempty"` // as Routers
	Exec    []string          `json:",omitempty"` // argv; the first is an absolute path
	User    string            `json:",omitempty"` // empty: the agent's own
	Webhook string            `json:",omitempty"` // URL
	Header  map[string]string `json:",omitempty"` // of Webhook, by canonical name
	Timeout time.Duration
}
