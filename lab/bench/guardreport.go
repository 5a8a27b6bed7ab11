// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// guardSeries are the moves of one kind and program.
type guardSeries struct {
	first                 guardMove
	outage, gone, control []time.Duration
	two, open             int
}

// guardSeries groups the moves, in the order of their first ones.
func (r *results) guardSeries() []guardSeries {
	var out []guardSeries
	for _, m := range r.Guards {
		i := slices.IndexFunc(out, func(s guardSeries) bool {
			return s.first.Mode == m.Mode && s.first.Interval == m.Interval && s.first.Side == m.Side
		})
		if i < 0 {
			i = len(out)
			out = append(out, guardSeries{first: m})
		}
		s := &out[i]
		s.outage, s.gone, s.control = append(s.outage, m.Outage), append(s.gone, m.Gone), append(s.control, m.Control)
		if m.Two {
			s.two++
		}
		if m.Open {
			s.open++
		}
	}
	return out
}

// guards prints the table of moves with and without a guard.
func (r *results) guards(w io.Writer) {
	fmt.Fprint(w, `
## The guard

Outages as a client saw them, in milliseconds, with two nodes and a witness where
there is a guard. Gone: how long after the fault the old holder's host last
answered for the address; negative if it did not any more. Two holders: in how
many runs two hosts answered at once, be it for one answer. Control: an address
that does not move.

| mode | interval | program | runs | median | p90 | max | gone median | p90 | max | two holders | control max |
|---|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, s := range r.guardSeries() {
		worst := fmt.Sprintf("%.1f", msec(slices.Max(s.outage)))
		if s.open > 0 {
			worst += fmt.Sprintf(" (%d not back)", s.open)
		}
		fmt.Fprintf(w, "| %s | %v | %s | %d | %.1f | %.1f | %s | %.1f | %.1f | %.1f | %d of %d | %.1f |\n",
			s.first.Mode, s.first.Interval, s.first.Side, len(s.outage), msec(median(s.outage)), msec(quantile(s.outage, 0.9)), worst,
			msec(median(s.gone)), msec(quantile(s.gone, 0.9)), msec(slices.Max(s.gone)), s.two, len(s.outage), msec(slices.Max(s.control)))
	}
}

// guardLoads prints the table of loads with and without a guard.
func (r *results) guardLoads(w io.Writer) {
	fmt.Fprintf(w, `
## The guard's load

%d virtual routers between two hosts, with a witness where there is a guard. CPU
in percent of one processor; peer link: packets that all three send, per second.

| interval | program | run | CPU active | CPU backup | CPU witness | RSS active | RSS backup | RSS witness | peer link | false transitions |
|---|---|---|---|---|---|---|---|---|---|---|
`, loadRouters)
	for _, m := range r.GuardLoads {
		fmt.Fprintf(w, "| %v | %s | %d | %.1f %% | %.1f %% | %.1f %% | %.1f MB | %.1f MB | %.1f MB | %.0f | %d |\n", m.Interval, m.Side, m.Run+1,
			100*m.Active.CPU, 100*m.Backup.CPU, 100*m.Witness.CPU, mega(m.Active.RSS), mega(m.Backup.RSS), mega(m.Witness.RSS), m.Packets, m.False)
	}
}
