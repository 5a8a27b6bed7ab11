// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/quorum"
)

// guardSummary is what the guard asks for, and nothing without one.
func guardSummary(r config.Report) string {
	g := r.Guard
	if g == nil {
		return ""
	}
	text := fmt.Sprintf("guard: %d of the %d voters%s grant a lease, so %d may fail; max_lease %s, fence %s\n",
		g.Majority, len(g.Voters), tableVotes(g.Voters), g.MayFail, g.MaxLease, g.Fence)
	var held []string
	for _, l := range g.Leases {
		if l.OnLoss == string(config.OnLossHold) {
			held = append(held, l.Resource)
		}
	}
	if len(held) > 0 {
		text += "without a majority the holder keeps the addresses (on_loss: hold) of " + several(held) + "\n"
	}
	return text
}

// tableVotes names the voter that is a table, if there is one.
func tableVotes(voters []string) string {
	for _, v := range voters {
		if name, ok := quorum.IsTable(v); ok {
			return ", one of them the DynamoDB table " + name + ","
		}
	}
	return ""
}

// nodeNames are the nodes, witnesses marked.
func nodeNames(nodes []config.ReportNode) string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
		if n.Witness {
			names[i] += " (witness)"
		}
	}
	return strings.Join(names, " ")
}

// leaseOf is how long the router's lease runs.
func leaseOf(r config.Report, router string) string {
	for _, l := range r.Guard.Leases {
		if slices.Contains(l.Routers, router) {
			return l.Lease.String()
		}
	}
	return ""
}
