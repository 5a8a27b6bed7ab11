// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/pool"
)

// What pools are to keep to.
const (
	programGoal = 2 * time.Second
	removalGoal = 10 * time.Millisecond
)

// met tells whether a figure keeps to its goal.
func met(got, goal time.Duration) string {
	if got < goal {
		return "met"
	}
	return "missed"
}

// report prints the tables of pools.
func (r *poolResults) report(w io.Writer) {
	guest := "left out"
	if r.Guest != "" {
		guest = "in user-mode-linux (Linux " + r.Guest + ", one processor)"
	}
	fmt.Fprintf(w, `
## Pools

nftables on this kernel; IPVS %s.
`, guest)
	for _, t := range []struct {
		rows  int
		print func(io.Writer)
	}{{len(r.Planes), r.planes}, {len(r.Starts), r.starts}, {len(r.Failures), r.failures}, {len(r.Failovers), r.failovers}} {
		if t.rows > 0 {
			t.print(w)
		}
	}
}

// any tells whether anything was measured.
func (r *poolResults) any() bool {
	return len(r.Planes)+len(r.Starts)+len(r.Failures)+len(r.Failovers) > 0
}

// planes prints the table of package pool's figures.
func (r *poolResults) planes(w io.Writer) {
	fmt.Fprintf(w, `
### %d services of %d servers

Package pool and its plane, in milliseconds. Programmed: from the router's acquiring to the last service in
the kernel. Removal: from a server's verdict to its removal from the kernel, %d of them. Same: a reload that
changes nothing. Added: a reload with a server more, until it is in the kernel. Repaired: from the deletion of all by
somebody else until all is there again; the state is compared every 2 s. Goals: programmed within %v, a
removal within %v.

| plane | run | programmed | goal | removal median | max | goal | same | added | repaired |
|---|---|---|---|---|---|---|---|---|---|
`, manyServices, manyServers, removals, programGoal, removalGoal)
	for _, m := range r.Planes {
		fmt.Fprintf(w, "| %s | %d | %.1f | %s | %.2f | %.2f | %s | %.2f | %.2f | %.0f |\n", m.Plane, m.Run+1,
			msec(m.Program), met(m.Program, programGoal), msec(median(m.Removals)), msec(slices.Max(m.Removals)), met(slices.Max(m.Removals), removalGoal),
			msec(m.Same), msec(m.Added), msec(m.Repaired))
	}
}

// starts prints the table of programs with many services.
func (r *poolResults) starts(w io.Writer) {
	fmt.Fprintf(w, `
### A program with %d services of %d servers

Medians. All: from the program's start to the last server in the kernel. Added: from the signal to reload, with a
server more in the file, to that one in the kernel. CPU in percent of one processor while each server
is connected to every %v.

| plane | program | runs | all | added | CPU | RSS |
|---|---|---|---|---|---|---|
`, manyServices, manyServers, startInterval)
	for _, plane := range []pool.PlaneKind{pool.NFTables, pool.IPVS} {
		for _, side := range []string{sideKeepalived, sideVicar} {
			var all, added, cpu []time.Duration
			var rss int64
			for _, m := range r.Starts {
				if m.Plane == string(plane) && m.Side == side {
					all, added, cpu = append(all, m.All), append(added, m.Added), append(cpu, time.Duration(m.Use.CPU*float64(time.Second)))
					rss = max(rss, m.Use.RSS)
				}
			}
			if len(all) > 0 {
				fmt.Fprintf(w, "| %s | %s | %d | %.0f ms | %.0f ms | %.1f %% | %.1f MB |\n", plane, side, len(all),
					msec(median(all)), msec(median(added)), 100*median(cpu).Seconds(), mega(rss))
			}
		}
	}
}

// failures prints the table of servers' deaths.
func (r *poolResults) failures(w io.Writer) {
	fmt.Fprintf(w, `
### A server dies

A client connects each millisecond; one of %d servers is killed. Last: from the death to the beginning of the last
connection that failed, in milliseconds. Checks connect every %v, fall %d. Bound: fall x the
interval + 50 ms.

| plane | program | runs | last median | p90 | max | bound | |
|---|---|---|---|---|---|---|---|
`, poolServers, poolInterval, poolFall)
	for _, plane := range []pool.PlaneKind{pool.NFTables, pool.IPVS} {
		for _, side := range []string{sideKeepalived, sideVicar} {
			var last []time.Duration
			for _, m := range r.Failures {
				if m.Plane == string(plane) && m.Side == side {
					last = append(last, m.Last)
				}
			}
			if len(last) > 0 {
				worst := slices.Max(last)
				fmt.Fprintf(w, "| %s | %s | %d | %.1f | %.1f | %.1f | %.0f | %s |\n", plane, side, len(last),
					msec(median(last)), msec(quantile(last, 0.9)), msec(worst), msec(poolBound), met(worst, poolBound))
			}
		}
	}
}

// failovers prints the table of directors' ends.
func (r *poolResults) failovers(w io.Writer) {
	fmt.Fprintf(w, `
### A director ends

The pool is bound to the router (with). A client asks for a page through the balancer each millisecond; the longest
time without an answer, in milliseconds. Adverts each %v. Stop: the agent stops in order. Cut: the director's
cable.

| plane | mode | runs | median | p90 | max | not back |
|---|---|---|---|---|---|---|
`, poolInterval)
	for _, plane := range []pool.PlaneKind{pool.NFTables, pool.IPVS} {
		for _, mode := range []string{"stop", "cut"} {
			var outages []time.Duration
			open := 0
			for _, m := range r.Failovers {
				if m.Plane == string(plane) && m.Mode == mode {
					outages = append(outages, m.Outage)
					if m.Open {
						open++
					}
				}
			}
			if len(outages) > 0 {
				fmt.Fprintf(w, "| %s | %s | %d | %.1f | %.1f | %.1f | %d |\n", plane, mode, len(outages),
					msec(median(outages)), msec(quantile(outages, 0.9)), msec(slices.Max(outages)), open)
			}
		}
	}
}
