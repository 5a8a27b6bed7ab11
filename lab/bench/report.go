// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// results are all measurements.
type results struct {
	Versions  map[string]string `json:"versions"`
	Failovers []failover        `json:"failovers"`
	Loads     []load            `json:"loads"`
	Moves     []addressMove     `json:"moves"`
	Services  []service         `json:"services"`
	Checks    []checkLoad       `json:"checks"`
	Guards    []guardMove       `json:"guards"`
	// GuardLoads are loads with and without a guard.
	GuardLoads []guardLoad `json:"guard_loads"`
	Clouds     []cloudMove `json:"clouds"`
	Pools      poolResults `json:"pools"`
}

// msec is d in milliseconds.
func msec(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// mega is a number of bytes in megabytes.
func mega(n int64) float64 { return float64(n) / 1e6 }

// quantile is the smallest value that q of all values don't exceed.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// median is the middle of the values.
func median(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// report prints the results in Markdown.
func (r *results) report(w io.Writer) {
	fmt.Fprintf(w, "vicar: %s; keepalived: %s; Linux %s, %s processors.\n",
		r.Versions["vicar"], r.Versions["keepalived"], r.Versions["kernel"], r.Versions["processors"])
	if len(r.Failovers) > 0 {
		r.failovers(w)
	}
	if len(r.Loads) > 0 {
		r.loads(w)
	}
	if len(r.Moves) > 0 {
		r.moves(w)
	}
	if len(r.Services) > 0 {
		r.services(w)
	}
	if len(r.Checks) > 0 {
		r.checks(w)
	}
	if len(r.Guards) > 0 {
		r.guards(w)
	}
	if len(r.GuardLoads) > 0 {
		r.guardLoads(w)
	}
	if len(r.Clouds) > 0 {
		r.clouds(w)
	}
	if r.Pools.any() {
		r.Pools.report(w)
	}
}

// series are the failovers of one kind and program.
type series struct {
	first                  failover
	outage, dual, control  []time.Duration
	open, dualOpen, counts int
}

// series groups the failovers, in the order of their first ones.
func (r *results) series() []series {
	var out []series
	for _, f := range r.Failovers {
		i := slices.IndexFunc(out, func(s series) bool {
			return s.first.Mode == f.Mode && s.first.Interval == f.Interval && s.first.Side == f.Side
		})
		if i < 0 {
			i = len(out)
			out = append(out, series{first: f})
		}
		s := &out[i]
		s.outage = append(s.outage, f.Outage)
		s.dual = append(s.dual, f.Dual)
		s.control = append(s.control, f.Control)
		s.counts++
		if f.Open {
			s.open++
		}
		if f.DualOpen {
			s.dualOpen++
		}
	}
	return out
}

// failovers prints the table of failovers.
func (r *results) failovers(w io.Writer) {
	fmt.Fprintf(w, `
## Failover

What a client saw that asked each millisecond, in milliseconds. Ratio: vicar's
median by keepalived's. Two holders: for how long two hosts answered for the
address while it was watched (one second and five intervals); a + tells that
they still did at the end of that. Control: an address that does not move.
Three intervals and the skew are %s intervals.

| mode | interval | program | runs | min | median | p90 | max | ratio | two holders median | max | control max |
|---|---|---|---|---|---|---|---|---|---|---|---|
`, fmt.Sprintf("%.2f", 3+float64(256-worse)/256))
	all := r.series()
	for _, s := range all {
		ratio := ""
		for _, other := range all {
			same := other.first.Mode == s.first.Mode && other.first.Interval == s.first.Interval
			if m := median(other.outage); same && s.first.Side == "vicar" && other.first.Side != "vicar" && m > 0 {
				ratio = fmt.Sprintf("%.2f", float64(median(s.outage))/float64(m))
			}
		}
		dual := fmt.Sprintf("%.0f", msec(slices.Max(s.dual)))
		if s.dualOpen > 0 {
			dual += "+"
		}
		worst := fmt.Sprintf("%.1f", msec(slices.Max(s.outage)))
		if s.open > 0 {
			worst += fmt.Sprintf(" (%d not back)", s.open)
		}
		fmt.Fprintf(w, "| %s | %v | %s | %d | %.1f | %.1f | %.1f | %s | %s | %.0f | %s | %.1f |\n",
			s.first.Mode, s.first.Interval, s.first.Side, s.counts,
			msec(slices.Min(s.outage)), msec(median(s.outage)), msec(quantile(s.outage, 0.9)), worst, ratio,
			msec(median(s.dual)), dual, msec(slices.Max(s.control)))
	}
}

// loads prints the table of loads.
func (r *results) loads(w io.Writer) {
	fmt.Fprintf(w, `
## Load

%d virtual routers between two hosts. CPU in percent of one processor, for the
holder of all and for the backup of all; false transitions: how often a router of
the backup became holder.

| interval | program | run | CPU active | CPU backup | RSS active | RSS backup | false transitions |
|---|---|---|---|---|---|---|---|
`, loadRouters)
	for _, m := range r.Loads {
		fmt.Fprintf(w, "| %v | %s | %d | %.1f %% | %.1f %% | %.1f MB | %.1f MB | %d |\n", m.Interval, m.Side, m.Run+1,
			100*m.Active.CPU, 100*m.Backup.CPU, mega(m.Active.RSS), mega(m.Backup.RSS), m.False)
	}
}

// moves prints the table of many addresses.
func (r *results) moves(w io.Writer) {
	fmt.Fprintf(w, `
## %d addresses

After a cut, at %v: when the advertised address answers, and how much later
the last one.

| program | runs | first (median) | last after it (median) | max | answered |
|---|---|---|---|---|---|
`, manyCount+1, manyInterval)
	groups := make(map[string][]addressMove)
	for _, m := range r.Moves {
		groups[m.Side] = append(groups[m.Side], m)
	}
	sides := slices.SortedFunc(func(yield func(string) bool) {
		for s := range groups {
			if !yield(s) {
				return
			}
		}
	}, cmp.Compare[string])
	for _, side := range sides {
		var first, rest []time.Duration
		var answered []string
		for _, m := range groups[side] {
			first, rest = append(first, m.First), append(rest, m.Last-m.First)
			answered = append(answered, fmt.Sprint(m.Answered))
		}
		fmt.Fprintf(w, "| %s | %d | %.1f ms | %.1f ms | %.1f ms | %s |\n", side, len(first),
			msec(median(first)), msec(median(rest)), msec(slices.Max(rest)), strings.Join(answered, ", "))
	}
}
