// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/vicar-ha/vicar/config"
)

// mostCheckedPools is how many pools vicar check shows; all of them are in the JSON.
const mostCheckedPools = 40

// poolSummary is what is balanced, by what and over which servers; nothing without pools.
func poolSummary(r config.Report, p paint) string {
	if len(r.Pools) == 0 {
		return ""
	}
	rows := [][]cell{heading("POOL", "SERVICE", "PLANE", "SCHEDULER", "ROUTER", "SERVERS", "FORWARD", "QUORUM", "CHECKS")}
	shown := r.Pools[:min(mostCheckedPools, len(r.Pools))]
	for i := range shown {
		v := &shown[i]
		rows = append(rows, []cell{
			{text: v.Name},
			{text: firstOf(v.Listen, mostFronts)},
			{text: v.Plane},
			{text: scheduledBy(v)},
			{text: orDash(v.With)},
			{text: serversOf(v)},
			{text: forwards(v)},
			{text: quorumOf(v)},
			{text: orDash(firstOf(v.Checks, len(v.Checks)))},
		})
	}
	text := "\n" + table(p, rows)
	if n := len(r.Pools) - len(shown); n > 0 {
		text += manyOf(uint64(n), "more pool", "more pools") + "\n"
	}
	return text
}

// scheduledBy is the scheduler, and how long a client is sent to one server.
func scheduledBy(v *config.ReportPool) string {
	if v.Persistence > 0 {
		return fmt.Sprintf("%s, persistent %s", v.Scheduler, v.Persistence)
	}
	return v.Scheduler
}

// serversOf are the first servers with their weights, where they differ from 1.
func serversOf(v *config.ReportPool) string {
	var names []string
	for _, s := range v.Servers {
		name := s.Name
		if s.Weight != 1 {
			name += fmt.Sprintf(" (%d)", s.Weight)
		}
		names = append(names, name)
	}
	text := firstOf(names, mostFronts)
	if len(names) == 0 {
		text = "none"
	}
	if v.ServersFile != "" {
		text += ", of " + v.ServersFile
	}
	if v.Sorry != nil {
		text += ", sorry " + v.Sorry.Name
	}
	return text
}

// forwards are the ways to the servers.
func forwards(v *config.ReportPool) string {
	var ways []string
	for _, s := range v.Servers {
		ways = append(ways, s.Forward)
	}
	slices.Sort(ways)
	return orDash(firstOf(slices.Compact(ways), len(ways)))
}

func quorumOf(v *config.ReportPool) string {
	if v.Hysteresis > 0 {
		return fmt.Sprintf("%d ± %d", v.Quorum, v.Hysteresis)
	}
	return strconv.Itoa(v.Quorum)
}
