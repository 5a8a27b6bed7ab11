// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"slices"
	"time"
)

// tolerance is how many questions in a row may stay unanswered before the host
// counts as not having the address: a frame may get lost, a clock tick too.
const tolerance = 3

// Interval is a time from the first to the last answer.
type Interval struct{ From, To time.Duration }

// Duration is how long it lasted.
func (i Interval) Duration() time.Duration { return i.To - i.From }

// blind is how long a time without questions may be for an answer before it and
// one after it to tell what was in between.
const blind = 20 * time.Millisecond

// intervals groups answers into times of presence, which end where more than some
// questions were not answered. A time without questions does not end one. Both
// lists are in order.
func intervals(sends, answers []time.Duration, tolerance int) []Interval {
	var out []Interval
	next := 0 // the first question after the last answer
	for _, at := range answers {
		start := next
		for next < len(sends) && sends[next] < at {
			next++
		}
		// The last of them is the one answered.
		if unanswered := next - start - 1; len(out) == 0 || unanswered > tolerance {
			out = append(out, Interval{From: at, To: at})
		} else {
			out[len(out)-1].To = at
		}
	}
	return out
}

// overlap is for how long within [from, to] at least two lists are present.
func overlap(from, to time.Duration, lists ...[]Interval) time.Duration {
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for _, list := range lists {
		for _, i := range list {
			begin, end := max(i.From, from), min(i.To, to)
			if begin < end {
				edges = append(edges, edge{begin, 1}, edge{end, -1})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step)) })
	var total time.Duration
	present := 0
	for n, e := range edges {
		if present > 1 {
			total += e.at - edges[n-1].at
		}
		present += e.step
	}
	return total
}
