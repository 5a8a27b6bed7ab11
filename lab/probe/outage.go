// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import "time"

// Outage is a time without service: from when the last probe that was answered
// was sent until when the next one was.
type Outage struct {
	Start, End time.Duration
	Lost       int // probes in between, none of them answered
	// Open tells that the service was not back at the end of what was looked at.
	Open bool
}

// Duration is how long it lasted.
func (o Outage) Duration() time.Duration { return o.End - o.Start }

// track is the record of numbered probes.
type track struct {
	sends []time.Duration
	trips []time.Duration // how long the answer took; none if there was none
}

// none stands for no answer.
const none = time.Duration(-1)

// newTrack is a track with room for some probes.
func newTrack(room int) track {
	return track{sends: make([]time.Duration, 0, room), trips: make([]time.Duration, 0, room)}
}

// sent is how many probes were sent, which is the next one's number.
func (t *track) sent() int { return len(t.sends) }

// send records that the next probe was sent.
func (t *track) send(at time.Duration) {
	t.sends = append(t.sends, at)
	t.trips = append(t.trips, none)
}

// answer records a probe's answer. It tells whether it is the first one and in
// time.
func (t *track) answer(n uint32, at time.Duration) bool {
	if int64(n) >= int64(len(t.sends)) || t.trips[n] != none {
		return false
	}
	t.trips[n] = max(0, at-t.sends[n])
	return t.trips[n] <= patience
}

// outages are the gaps between answered probes sent within [from, to].
func (t *track) outages(from, to, shortest time.Duration) []Outage {
	var out []Outage
	add := func(o Outage) {
		if o.Lost > 0 && o.Duration() > shortest {
			out = append(out, o)
		}
	}
	cur := Outage{Start: from}
	for i, at := range t.sends {
		if at < from || at > to {
			continue
		}
		cur.End = at
		if t.trips[i] == none || t.trips[i] > patience {
			cur.Lost++
			continue
		}
		add(cur)
		cur = Outage{Start: at, End: at}
	}
	if cur.Lost > 0 {
		cur.Open = true
		add(cur)
	}
	return out
}

// gap is the longest time between two questions that were answered, whether or
// not there were others in between: it has what a prober that was late can't have
// seen. It is open if none was answered any more at the end.
func (t *track) gap(from, to time.Duration) Outage {
	var worst Outage
	last, lost := from, 0
	take := func(at time.Duration, open bool) {
		if o := (Outage{Start: last, End: at, Lost: lost, Open: open}); o.Duration() > worst.Duration() {
			worst = o
		}
		last, lost = at, 0
	}
	for i, at := range t.sends {
		switch {
		case at < from || at > to:
		case t.trips[i] == none || t.trips[i] > patience:
			lost++
		default:
			take(at, false)
		}
	}
	if lost > 0 {
		take(to, true)
	}
	return worst
}
