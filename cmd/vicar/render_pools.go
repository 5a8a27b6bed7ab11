// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/status"
)

// The states of pools and servers, as status has them.
const (
	poolUp        = "up"
	poolDown      = "down"
	poolUndecided = "undecided"
	poolStarting  = "starting"
	poolDraining  = "draining"
	poolDrained   = "drained"
	poolStandby   = "standby"
)

// serverStates are the states in the order in which they are urgent.
var serverStates = []string{poolDown, poolUndecided, poolDraining, poolDrained, poolStarting, poolUp, poolStandby}

// What is shown of many pools and servers in a status, so that it stays readable:
// vicar pool shows all.
const (
	mostPools   = 20
	mostServers = 20
	mostFronts  = 2
)

// poolTables are the tables of the pools and of their servers. A few are shown all; of
// many pools those in which something is not as it should be, and of many servers
// those that are not simply up.
func poolTables(st status.Status, p paint, all bool) string {
	if len(st.Pools) == 0 {
		return ""
	}
	shown, left := st.Pools, 0
	if !all && len(shown) > mostPools {
		shown = slices.DeleteFunc(slices.Clone(shown), func(s status.Pool) bool { return poolWell(&s) })
		shown = shown[:min(mostPools, len(shown))]
		left = len(st.Pools) - len(shown)
	}
	var b strings.Builder
	if len(shown) > 0 {
		b.WriteString(table(p, poolRows(st, shown)))
	}
	if left > 0 {
		fmt.Fprintf(&b, "%s: vicar pool shows all\n", morePools(st, left, len(shown) > 0))
	}
	if line := syncLine(st); line != "" {
		b.WriteString(line + "\n")
	}
	rows, rest := serverRows(st, p, all)
	if len(rows) > 1 {
		b.WriteString("\n" + table(p, rows))
	}
	for _, line := range rest {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// poolWell tells whether nothing of the pool itself needs a look.
func poolWell(p *status.Pool) bool {
	return p.State == poolUp && p.Error == "" && p.FileError == "" && p.Hindrance == "" && !p.Sorry
}

// morePools says how the pools are that are not shown.
func morePools(st status.Status, left int, some bool) string {
	more := ""
	if some {
		more = "more "
	}
	well := 0
	for i := range st.Pools {
		if poolWell(&st.Pools[i]) {
			well++
		}
	}
	if well == left {
		return manyOf(uint64(left), more+"pool has its quorum", more+"pools have their quorum")
	}
	return many(uint64(left), more+"pool")
}

func poolRows(st status.Status, pools []status.Pool) [][]cell {
	head := heading("POOL", "STATE", "SERVICE", "PLANE", "SCHEDULER", "ROUTER", "HERE", "ALIVE", "SERVERS", "CONNECTIONS", "SINCE")
	bound := slices.ContainsFunc(pools, func(p status.Pool) bool { return p.With != "" })
	if !bound {
		head = slices.Delete(head, 5, 6)
	}
	rows := [][]cell{head}
	for i := range pools {
		p := &pools[i]
		row := []cell{
			{text: p.Name},
			poolState(p),
			{text: firstOf(p.Frontends, mostFronts)},
			{text: p.Plane},
			{text: p.Scheduler},
			{text: orDash(p.With)},
			programmed(p),
			aliveCell(p),
			{text: serverCounts(p)},
			{text: connections(p)},
			{text: since(st.Now, p.Since)},
		}
		if !bound {
			row = slices.Delete(row, 5, 6)
		}
		rows = append(rows, row)
	}
	return rows
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func poolState(p *status.Pool) cell {
	c := cell{text: p.State}
	switch {
	case p.State == poolUp:
		c.colour = green
	case p.State == poolDown:
		c.colour = red
	default:
		c.colour = yellow
	}
	if p.Sorry {
		c.text += ", sorry"
	}
	return c
}

// firstOf lists the first of names and how many more there are.
func firstOf(names []string, most int) string {
	text := strings.Join(names[:min(most, len(names))], ", ")
	if n := len(names) - most; n > 0 {
		text += fmt.Sprintf(" +%d", n)
	}
	return text
}

// programmed tells whether this node balances the pool.
func programmed(p *status.Pool) cell {
	switch {
	case p.Error != "":
		return cell{"error", red}
	case p.Programmed:
		return cell{text: "yes"}
	default:
		return cell{text: "no"}
	}
}

func aliveCell(p *status.Pool) cell {
	c := cell{text: fmt.Sprintf("%d (of %d)", p.Alive, p.Quorum)}
	if p.Alive < p.Quorum {
		c.colour = red
	}
	return c
}

// serverCounts says how many servers are in which state.
func serverCounts(p *status.Pool) string {
	count := make(map[string]int)
	for i := range p.Servers {
		if !p.Servers[i].Sorry {
			count[p.Servers[i].State]++
		}
	}
	var parts []string
	for _, state := range []string{poolUp, poolStarting, poolDown, poolUndecided, poolDraining, poolDrained} {
		if count[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// connections are those of all servers: active, and inactive ones.
func connections(p *status.Pool) string {
	var active, inactive uint64
	for i := range p.Servers {
		active, inactive = active+p.Servers[i].Active, inactive+p.Servers[i].Inactive
	}
	if !p.Programmed {
		return "-"
	}
	return fmt.Sprintf("%d + %d", active, inactive)
}

// serverRows is the table of the servers, and what to say of those that are not in it.
func serverRows(st status.Status, p paint, all bool) (rows [][]cell, rest []string) {
	type at struct {
		pool   *status.Pool
		server *status.PoolServer
	}
	var list []at
	for i := range st.Pools {
		for j := range st.Pools[i].Servers {
			list = append(list, at{&st.Pools[i], &st.Pools[i].Servers[j]})
		}
	}
	left := make(map[string]int)
	if !all && len(list) > mostServers {
		list = slices.DeleteFunc(list, func(a at) bool {
			quiet := a.server.State == poolUp || a.server.State == poolStandby
			if quiet {
				left[a.server.State]++
			}
			return quiet
		})
		slices.SortStableFunc(list, func(a, b at) int {
			return slices.Index(serverStates, a.server.State) - slices.Index(serverStates, b.server.State)
		})
		for _, a := range list[min(mostServers, len(list)):] {
			left[a.server.State]++
		}
		list = list[:min(mostServers, len(list))]
	}
	rows = [][]cell{heading("POOL", "SERVER", "STATE", "WEIGHT", "ACTIVE", "INACTIVE", "TOTAL", "SINCE", "CAUSE")}
	for _, a := range list {
		rows = append(rows, serverRow(st, p, a.pool, a.server))
	}
	return rows, moreServers(left, len(list) > 0)
}

func serverRow(st status.Status, colours paint, p *status.Pool, s *status.PoolServer) []cell {
	number := func(n uint64) cell {
		if !s.Programmed {
			return cell{text: "-"}
		}
		return cell{text: strconv.FormatUint(n, 10)}
	}
	total := number(s.Total)
	if p.Plane != planeIPVS { // nftables counts none
		total.text = "-"
	}
	name := s.Name
	if s.Sorry {
		name += " (sorry)"
	}
	weight := strconv.Itoa(s.Weight)
	if s.Weight != s.Configured {
		weight += fmt.Sprintf(" (of %d)", s.Configured)
	}
	return []cell{
		{text: p.Name},
		{text: name},
		serverState(s),
		{text: weight},
		number(s.Active), number(s.Inactive), total,
		{text: since(st.Now, s.Since)},
		{text: causeCell(s.Cause, s.Address, colours)},
	}
}

// planeIPVS is status.Pool.Plane where the kernel's IPVS balances.
const planeIPVS = "ipvs"

func serverState(s *status.PoolServer) cell {
	switch s.State {
	case poolUp:
		return cell{s.State, green}
	case poolDown:
		return cell{s.State, red}
	case poolStandby:
		return cell{text: s.State}
	default:
		return cell{s.State, yellow}
	}
}

// moreServers says how many servers of each state are not shown.
func moreServers(left map[string]int, some bool) []string {
	more := ""
	if some {
		more = "more "
	}
	var lines []string
	for _, state := range serverStates {
		n := uint64(left[state])
		switch {
		case n == 0:
		case state == poolStandby:
			lines = append(lines, manyOf(n, "sorry server is on standby", "sorry servers are on standby"))
		default:
			lines = append(lines, manyOf(n, more+"server is "+state, more+"servers are "+state))
		}
	}
	return lines
}

// syncLine says how connections are synchronised; empty if they are not.
func syncLine(st status.Status) string {
	s := st.Sync
	if s == nil {
		return ""
	}
	role := map[string]string{
		"master": "tells its connections", "backup": "hears another node's connections", "none": "takes no part in the synchronisation of connections",
	}[s.Role]
	return fmt.Sprintf("IPVS here %s (%s, with router %s, on %s, ID %d).", role, s.Role, s.Router, s.Interface, s.ID)
}
