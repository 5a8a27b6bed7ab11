// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
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

// What the guard is to keep to.
const (
	cutGoal           = 5 * time.Millisecond  // more than without it
	killGoal          = 30 * time.Millisecond // more than the skew
	moveGoal, moveP90 = 3 * time.Millisecond, 10 * time.Millisecond
)

// goal is what the median and the 90th percentile of a series are to be at most;
// zero: there is no goal.
func (s guardSeries) goal(all []guardSeries) (med, p90 time.Duration) {
	if s.first.Side != sideGuarded {
		return 0, 0
	}
	switch s.first.Mode {
	case "cut":
		i := slices.IndexFunc(all, func(o guardSeries) bool {
			return o.first.Mode == s.first.Mode && o.first.Interval == s.first.Interval && o.first.Side == sideVicar
		})
		if i < 0 {
			return 0, 0
		}
		return median(all[i].outage) + cutGoal, 0
	case "stop", "handover":
		return moveGoal, moveP90
	case "kill the agent":
		return skew(s.first.Interval) + killGoal, 0
	default:
		return 0, 0
	}
}

// skew is b's at the interval (RFC 9568 section 6.1).
func skew(interval time.Duration) time.Duration { return interval * (256 - worse) / 256 }

// verdict says what the goal is, and whether it is met.
func (s guardSeries) verdict(all []guardSeries) string {
	med, p90 := s.goal(all)
	if med == 0 {
		return ""
	}
	text, met := fmt.Sprintf("%.1f", msec(med)), median(s.outage) <= med
	if p90 > 0 {
		text += fmt.Sprintf(", p90 %.1f", msec(p90))
		met = met && quantile(s.outage, 0.9) <= p90
	}
	if s.open > 0 || !met {
		return text + ": missed"
	}
	return text + ": met"
}

// guards prints the tables of moves with and without a guard.
func (r *results) guards(w io.Writer) {
	fmt.Fprint(w, `
## The guard

Outages as a client saw them, in milliseconds, with two nodes and a witness where
there is a guard: the longest time between two of the client's questions that were
answered. Control: the same of an address that does not move, in the same runs.
Goal: of the median, and of the 90th percentile where it says so.

| mode | interval | program | runs | median | p90 | max | control median | p90 | max | goal |
|---|---|---|---|---|---|---|---|---|---|---|
`)
	all := r.guardSeries()
	for _, s := range all {
		worst := fmt.Sprintf("%.1f", msec(slices.Max(s.outage)))
		if s.open > 0 {
			worst += fmt.Sprintf(" (%d not back)", s.open)
		}
		fmt.Fprintf(w, "| %s | %v | %s | %d | %.1f | %.1f | %s | %.1f | %.1f | %.1f | %s |\n",
			s.first.Mode, s.first.Interval, s.first.Side, len(s.outage), msec(median(s.outage)), msec(quantile(s.outage, 0.9)), worst,
			msec(median(s.control)), msec(quantile(s.control, 0.9)), msec(slices.Max(s.control)), s.verdict(all))
	}
	fmt.Fprint(w, `
How long after the fault the old holder's host last answered for the address, in
milliseconds; negative if it did not any more. Two holders: in how many runs two
hosts answered at once, be it for one answer.

| mode | interval | program | runs | gone median | p90 | max | two holders |
|---|---|---|---|---|---|---|---|
`)
	for _, s := range all {
		fmt.Fprintf(w, "| %s | %v | %s | %d | %.1f | %.1f | %.1f | %d of %d |\n",
			s.first.Mode, s.first.Interval, s.first.Side, len(s.outage),
			msec(median(s.gone)), msec(quantile(s.gone, 0.9)), msec(slices.Max(s.gone)), s.two, len(s.outage))
	}
}

// guardLoads prints the table of loads with and without a guard.
func (r *results) guardLoads(w io.Writer) {
	fmt.Fprintf(w, `
## The guard's load

%d virtual routers between two hosts, with a witness where there is a guard. CPU
in percent of one processor. Memory is the agent's: resident, and in parentheses
what of it is no file, as the program's is. Peer link: packets that all three send
per second; leases: that the holder renews with each packet.

| interval | program | run | CPU active | CPU backup | CPU witness | memory active | memory backup | memory witness | peer link | leases | false transitions |
|---|---|---|---|---|---|---|---|---|---|---|---|
`, loadRouters)
	memory := func(u usage) string {
		if u.RSS == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f (%.1f) MB", mega(u.RSS), mega(u.Own))
	}
	for _, m := range r.GuardLoads {
		leases, witness := "", ""
		if m.HolderPackets > 0 {
			const peers = 2
			leases = fmt.Sprintf("%.0f", peers*loadRouters/m.Interval.Seconds()/m.HolderPackets)
			witness = fmt.Sprintf("%.1f %%", 100*m.Witness.CPU)
		}
		fmt.Fprintf(w, "| %v | %s | %d | %.1f %% | %.1f %% | %s | %s | %s | %s | %.0f | %s | %d |\n", m.Interval, m.Side, m.Run+1,
			100*m.Active.CPU, 100*m.Backup.CPU, witness, memory(m.Active), memory(m.Backup), memory(m.Witness), m.Packets, leases, m.False)
	}
	r.guardRatio(w)
}

// guardRatio says how much more CPU the guard takes.
func (r *results) guardRatio(w io.Writer) {
	use := func(side string, of func(guardLoad) usage) (all []float64) {
		for _, m := range r.GuardLoads {
			if m.Side == side {
				all = append(all, of(m).CPU)
			}
		}
		return all
	}
	active, backup := func(m guardLoad) usage { return m.Active }, func(m guardLoad) usage { return m.Backup }
	ratio := func(of func(guardLoad) usage) float64 {
		return middle(use(sideGuarded, of)) / middle(use(sideVicar, of))
	}
	if a, b := ratio(active), ratio(backup); a > 0 && b > 0 {
		fmt.Fprintf(w, "\nCPU with the guard by that without, medians: active %.2f, backup %.2f; the goal is 2.\n", a, b)
	}
}

// middle is the median; without values it is not a number.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return math.NaN()
	}
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
