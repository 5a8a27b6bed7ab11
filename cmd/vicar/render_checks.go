// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

// What is shown of a thousand checks, so that a status stays readable. All of
// it is in the JSON.
const (
	mostChecks = 20   // rows, and lines of a kind
	mostName   = 48   // characters of a target
	mostText   = 4000 // of any: nothing but a flood is cut
)

// checkRows is the table of the checks, and what to say of those that are not
// in it. A few checks are shown all; of many only those whose last look did not
// pass, the failing ones first.
func checkRows(st status.Status, p paint) (rows [][]cell, rest []string) {
	shown := st.Checks
	left := make(map[string]int)
	if len(shown) > mostChecks {
		shown = nil
		for _, c := range st.Checks {
			if c.State == track.Passing.String() && c.Cause == "" {
				left[c.State]++
				continue
			}
			shown = append(shown, c)
		}
		slices.SortStableFunc(shown, func(a, b status.Check) int { return urgency(a) - urgency(b) })
		for _, c := range shown[min(mostChecks, len(shown)):] {
			left[c.State]++
		}
		shown = shown[:min(mostChecks, len(shown))]
	}
	effects := checkEffects(st.Routers)
	rows = [][]cell{heading("CHECK", "KIND", "TARGET", "STATE", "SINCE", "LAST", "CAUSE")}
	for _, c := range shown {
		rows = append(rows, []cell{
			{text: c.Name},
			{text: c.Kind},
			{text: clip(c.Target, mostName)},
			checkState(c, effects[c.Name]),
			{text: since(st.Now, c.Since)},
			{text: last(c)},
			{text: causeCell(c.Cause, c.Target, p)},
		})
	}
	return rows, leftOut(left, len(shown) > 0)
}

// urgency is the order of the states in a long table.
func urgency(c status.Check) int {
	return slices.Index([]string{track.Failing.String(), track.Undecided.String(), track.Passing.String()}, c.State)
}

// leftOut says how many checks of each state are not shown.
func leftOut(left map[string]int, some bool) []string {
	more := ""
	if some {
		more = "more "
	}
	var lines []string
	for _, s := range []struct {
		state     track.State
		one, many string
	}{
		{track.Failing, "check fails", "checks fail"},
		{track.Undecided, "check has no result", "checks have no result"},
		{track.Passing, "check passes", "checks pass"},
	} {
		if n := left[s.state.String()]; n > 0 {
			lines = append(lines, manyOf(uint64(n), more+s.one, more+s.many))
		}
	}
	return lines
}

func checkState(c status.Check, e effect) cell {
	switch {
	case e.reversed:
		return cell{c.State, ""}
	case c.State == track.Passing.String():
		return cell{c.State, green}
	case c.State == track.Failing.String():
		return cell{c.State, red}
	default:
		return cell{c.State, yellow}
	}
}

// last is what came of the last looks: how long a good one took, how many bad
// ones there were in a row, and how many it takes to end the state.
func last(c status.Check) string {
	if c.Outcome == "" {
		return "-"
	}
	s := c.Outcome
	pass := c.Outcome == "pass"
	if pass {
		s += " " + took(c.Took)
	}
	switch {
	case c.State == track.Undecided.String():
	case pass != (c.State == track.Passing.String()):
		s += fmt.Sprintf(", %d of %d", c.Row, c.Need)
	case !pass:
		s += fmt.Sprintf(", %d in a row", c.Row)
	}
	return s
}

// took is a short duration with two digits or so.
func took(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 10).String()
		}
	}
	return d.String()
}

func since(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return age(now.Sub(t))
}

// lateChecks says whose looks took longer than their interval more than now and
// then, the worst first. A time-out may well be as long as the interval, and is
// shown as what it is.
func lateChecks(checks []status.Check) []string {
	const most = 5
	const few = 20 // one in so many is late on a busy machine
	late := slices.DeleteFunc(slices.Clone(checks), func(c status.Check) bool {
		return slow(c)*few <= c.Passed+c.Failed+c.TimedOut
	})
	slices.SortStableFunc(late, func(a, b status.Check) int { return cmp.Compare(slow(b), slow(a)) })
	var cs []string
	for _, c := range late[:min(most, len(late))] {
		cs = append(cs, fmt.Sprintf("check %s began %s late, as the one before went on for too long", c.Name, many(slow(c), "look")))
	}
	if n := len(late) - most; n > 0 {
		cs = append(cs, manyOf(uint64(n), "more check began looks late", "more checks began looks late"))
	}
	return cs
}

// slow counts looks that began late, but not because one before timed out.
func slow(c status.Check) uint64 { return c.Late - min(c.Late, c.TimedOut) }
