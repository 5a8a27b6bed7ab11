// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// SyncGroup is routers that move together.
type SyncGroup struct {
	Name    string
	Routers []string // in the file's order; the first breaks ties for all
	Tracks  []track.Track
}

// Check is a check of all nodes.
type Check struct {
	checks.Check // Kind is nil if Kinds is not
	// Kinds are what is looked at by node, where the nodes differ; else nil.
	Kinds map[string]checks.Kind `json:",omitempty"`
}

// Hook is somebody who is told of transitions. Exec or Webhook is set.
type Hook struct {
	On      []vip.EventKind   // never empty
	Routers []string          `json:",omitempty"` // nil: all
	Exec    []string          `json:",omitempty"` // argv; the first is an absolute path
	User    string            `json:",omitempty"` // empty: the agent's own
	Webhook string            `json:",omitempty"` // URL
	Header  map[string]string `json:",omitempty"`
	Timeout time.Duration
}

// NodeChecks are the checks as the node runs them, by name: those that a router
// or a sync group tracks. It is nil for a witness and an unknown node.
func (c *Config) NodeChecks(node string) []checks.Check {
	return nil
}
