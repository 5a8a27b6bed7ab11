// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// What a move in the cloud is to keep to.
const (
	wireGoal  = 5 * time.Millisecond   // from Active to the first request, median
	afterGoal = 300 * time.Millisecond // from Active to the client's answer, median
	rssGoal   = 45_000_000
)

// clouds prints the table of moves in the cloud.
func (r *results) clouds(w io.Writer) {
	fmt.Fprintf(w, `
## The cloud

The holder's link is cut, at %v between adverts, each answer of the API taking %v: medians and, after a
comma, maxima in milliseconds. Active: from the cut to the other's election. Request: from there to the first
request that writes, at the API. Spread: from the first of them to the last. After: from Active to the
client's next answer. Outage: from the cut to that. RSS in MB, in parentheses without the program's file.

| moves | runs | active | request | writes | spread | after | outage | processes started | control max | RSS holder | standby |
|---|---|---|---|---|---|---|---|---|---|---|---|
`, cloudInterval, cloudLatency)
	for _, kind := range []string{cloudRoutes, cloudSecondary} {
		r.cloudRow(w, kind)
	}
}

func (r *results) cloudRow(w io.Writer, kind string) {
	of := slices.DeleteFunc(slices.Clone(r.Clouds), func(m cloudMove) bool { return m.Kind != kind })
	if len(of) == 0 {
		return
	}
	var noticed, wire, spread, after, outage, control []time.Duration
	var started, open, writes, most int
	var holder, standby usage
	for _, m := range of {
		noticed, wire, spread = append(noticed, m.Noticed), append(wire, m.Wire), append(spread, m.Spread)
		after, outage, control = append(after, m.Outage-m.Noticed), append(outage, m.Outage), append(control, m.Control)
		started += m.Started
		if m.Open {
			open++
		}
		writes, most = writes+m.Writes, max(most, m.Writes)
		if m.Holder.RSS > holder.RSS {
			holder = m.Holder
		}
		if m.Standby.RSS > standby.RSS {
			standby = m.Standby
		}
	}
	two := func(of []time.Duration) string {
		return fmt.Sprintf("%.1f, %.1f", msec(median(of)), msec(slices.Max(of)))
	}
	fmt.Fprintf(w, "| %s | %d | %s | %.2f, %.2f | %d | %.1f | %s | %s | %d | %.1f | %.1f (%.1f) | %.1f (%.1f) |\n", kind, len(of), two(noticed),
		msec(median(wire)), msec(slices.Max(wire)), most, msec(slices.Max(spread)), two(after), two(outage), started, msec(slices.Max(control)),
		mega(holder.RSS), mega(holder.Own), mega(standby.RSS), mega(standby.Own))
	for _, miss := range []struct {
		so   bool
		what string
	}{
		{median(wire) >= wireGoal, fmt.Sprintf("the request takes more than %v", wireGoal)},
		{median(after) >= afterGoal, fmt.Sprintf("the answer takes more than %v", afterGoal)},
		{max(holder.RSS, standby.RSS) >= rssGoal, "RSS is more than 45 MB"},
		{open > 0, fmt.Sprintf("the client had no answer any more in %d runs", open)},
		{writes != most*len(of), "not all runs had as many writes"},
	} {
		if miss.so {
			fmt.Fprintf(w, "\nMissed with %s: %s.\n", kind, miss.what)
		}
	}
}
