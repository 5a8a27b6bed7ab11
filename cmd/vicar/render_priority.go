// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

// mostParts is how many checks a router's sum names one by one.
const mostParts = 8

// priorities are the sums of the routers whose priority checks can move.
func priorities(st status.Status) []string {
	var lines []string
	for _, r := range st.Routers {
		if len(r.Tracks) > 0 {
			lines = append(lines, sumLine(r))
		}
	}
	return lines
}

// sumLine is a router's base, what each check makes of it, and the result. Of
// many checks only those that count are named.
func sumLine(r status.Router) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d base", r.Name, r.Base)
	total, named, rest, restSum := r.Base, 0, 0, 0
	for _, t := range r.Tracks {
		total += t.Part
		if len(r.Tracks) > mostParts && (t.Part == 0 && !t.Blocks && !t.Yields || named == mostParts) {
			rest++
			restSum += t.Part
			continue
		}
		named++
		b.WriteString(", " + part(t))
	}
	switch {
	case rest > 0 && named > 0:
		fmt.Fprintf(&b, ", %d more %s", rest, signed(restSum))
	case rest > 0:
		fmt.Fprintf(&b, ", %s 0", many(uint64(rest), "check"))
	}
	outs := faults(r)
	switch {
	case len(outs) > 0:
		fmt.Fprintf(&b, " = out (%s)", firstFew(outs))
	case r.Yields != "":
		fmt.Fprintf(&b, " = %d: it yields", r.Priority)
	case r.Base == track.OwnerPriority:
		fmt.Fprintf(&b, " = %d: an owner's does not move", r.Priority)
	case total != r.Priority:
		fmt.Fprintf(&b, " = %d, kept at %d", total, r.Priority)
	default:
		fmt.Fprintf(&b, " = %d", total)
	}
	return b.String()
}

// faults says which checks keep the router out of the election.
func faults(r status.Router) []string {
	var fs []string
	for _, t := range r.Tracks {
		if !t.Blocks {
			continue
		}
		switch t.State {
		case track.Passing.String(): // in reverse
			fs = append(fs, t.Check+" passes")
		case track.Failing.String():
			fs = append(fs, t.Check+" fails")
		default:
			fs = append(fs, t.Check+" has no result yet")
		}
	}
	return fs
}

// part is what one check adds, and why that is so if it does not just pass.
func part(t status.Track) string {
	s := t.Check + " " + signed(t.Part)
	switch {
	case t.Blocks:
		s = t.Check + " fault"
	case t.Yields:
		s = t.Check + " yield"
	}
	var notes []string
	if t.Blocks || t.Yields || t.State != track.Passing.String() {
		notes = append(notes, t.State)
	}
	if t.Group {
		notes = append(notes, "of the group")
	}
	if len(notes) > 0 {
		s += " (" + strings.Join(notes, ", ") + ")"
	}
	return s
}

func signed(n int) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%+d", n)
}

// waits says what time or somebody else has to end, and is not wrong.
func waits(st status.Status) []string {
	var ws []string
	for _, r := range st.Routers {
		ws = append(ws, restraints(st.Now, r)...)
		if r.PreemptAt.After(st.Now) {
			ws = append(ws, fmt.Sprintf("%s takes over at %s, when its preempt delay ends", r.Name, until(st.Now, r.PreemptAt)))
		}
	}
	ws = append(ws, waitsGuard(st)...)
	ws = append(ws, pins(st)...)
	ws = append(ws, waitsPools(st)...)
	for _, h := range st.Hooks {
		if h.Waiting > 0 {
			ws = append(ws, fmt.Sprintf("hook %s has %s waiting", clip(h.Name, mostName), many(uint64(h.Waiting), "event")))
		}
	}
	return ws
}

// restraints says why the router takes over from no other. For an Active that
// is about a time to come.
func restraints(now time.Time, r status.Router) []string {
	takes := "it takes over from no other"
	if r.State == "Active" {
		takes = "if it loses the addresses, it takes them from no other"
	}
	var rs []string
	if r.DampedUntil.After(now) {
		rs = append(rs, fmt.Sprintf("%s has changed hands too often and is damped until %s: %s before", r.Name, until(now, r.DampedUntil), takes))
	}
	if len(r.Unproven) > 0 {
		rs = append(rs, fmt.Sprintf("%s: %s before its checks have passed: %s", r.Name, takes, firstFew(r.Unproven)))
	}
	return rs
}

// until is a time to come, on the agent's clock and from now.
func until(now, at time.Time) string {
	return fmt.Sprintf("%s (in %s)", at.In(now.Location()).Format(time.TimeOnly), age(at.Sub(now)))
}
