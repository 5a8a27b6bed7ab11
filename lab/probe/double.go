// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Double is an answer of one host while another one was answering.
type Double struct {
	At    time.Duration
	Host  string   // who answered
	Other string   // the other one, which answered before and after
	While Interval // for how long the other one did
}

func (d Double) String() string {
	return fmt.Sprintf("at %v %s answered, and %s from %v to %v", d.At, d.Host, d.Other, d.While.From, d.While.To)
}

// presence is when a host answered, at whichever of its ports.
type presence struct {
	answers   []time.Duration
	intervals []Interval
}

// add adds what came of a port's questions. The host was there between two answers
// only if it was asked in between and left nothing unanswered: where holders
// change often and the prober was late, they may have taken turns.
func (p *presence) add(sends, answers []time.Duration) {
	p.answers = append(p.answers, answers...)
	for _, whole := range intervals(sends, answers, 0) {
		list := within(answers, whole.From, whole.To)
		start := 0
		for n := 1; n <= len(list); n++ {
			if n == len(list) || list[n]-list[n-1] > blind {
				p.intervals = append(p.intervals, Interval{From: list[start], To: list[n-1]})
				start = n
			}
		}
	}
}

// doubles finds each host's answers within the others' intervals, in order.
func doubles(hosts map[string]*presence) []Double {
	var out []Double
	for name, p := range hosts {
		for other, o := range hosts {
			if name == other {
				continue
			}
			for _, i := range o.intervals {
				for _, at := range within(p.answers, i.From, i.To) {
					out = append(out, Double{At: at, Host: name, Other: other, While: i})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Double) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Other, b.Other))
	})
	return out
}

// within are the times in [from, to].
func within(times []time.Duration, from, to time.Duration) []time.Duration {
	var out []time.Duration
	for _, at := range times {
		if at >= from && at <= to {
			out = append(out, at)
		}
	}
	return out
}
