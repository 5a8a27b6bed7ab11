// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/config"
)

// needsRestart refuses a reload: what the file changes that can't change while the
// agent runs, as changed has it.
type needsRestart []string

// Error says what to do as well.
func (n needsRestart) Error() string {
	return fmt.Sprintf("the file differs in %s: that needs a restart: systemctl restart vicar", strings.Join(n, ", "))
}

// changed names a place of the file that has other contents.
func changed[T any](place string, old, now T) string {
	show := func(v T) string {
		if text := fmt.Sprint(v); text != "" {
			return text
		}
		return "none"
	}
	return fmt.Sprintf("%s (%s, in the file %s)", place, show(old), show(now))
}

// fixed names the places in which a configuration differs from the one in force that
// a reload can't change: docs/operations.md lists them. The cluster's name and the
// node's addresses are of the peer link's making.
func fixed(old, now *config.Config, node string) []string {
	var all []string
	differ := func(place string, differs bool, a, b any) {
		if differs {
			all = append(all, changed(place, a, b))
		}
	}
	differ("control.socket", old.Control.Socket != now.Control.Socket, old.Control.Socket, now.Control.Socket)
	differ("control.http", old.Control.HTTP != now.Control.HTTP, httpAddress(old.Control), httpAddress(now.Control))
	switch a, b := old.PeerLink, now.PeerLink; {
	case a != nil && b != nil:
		differ("cluster", old.Cluster != now.Cluster, old.Cluster, now.Cluster)
		was, is := own(old, node), own(now, node)
		differ(fmt.Sprintf("nodes.%s.address", node), !slices.Equal(was, is), was, is)
		differ("peer_link.port", a.Port != b.Port, a.Port, b.Port)
	case a != nil:
		all = append(all, "peer_link (the file has none)")
	case b != nil:
		all = append(all, "peer_link (which is new)")
	}
	// Without a guard its kind is empty, and there is no fence.
	kind := func(c *config.Config) config.GuardKind {
		if c.Guard.Kind == "" {
			return config.GuardNone
		}
		return c.Guard.Kind
	}
	if a, b := kind(old), kind(now); a != b {
		differ("guard.kind", true, a, b)
	} else {
		differ("guard.fence", old.Guard.Fence != now.Guard.Fence, old.Guard.Fence, now.Guard.Fence)
	}
	if !sameCloud(old, now) {
		all = append(all, "aws (but for readiness), guard.table, or by which means routers move in a cloud")
	}
	was, is := witness(old, node), witness(now, node)
	differ(fmt.Sprintf("nodes.%s.witness", node), was != is, was, is)
	return all
}
