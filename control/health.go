// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
)

// check sends what is known of a check. One that has not looked yet has no
// duration.
func (e emitter) check(c *status.Check) {
	for s := track.Undecided; s <= track.Failing; s++ {
		e.send(MetricCheckState, truth(c.State == s.String()), c.Name, c.Kind, s.String())
	}
	e.send(MetricCheckLooks, float64(c.Passed), c.Name, "pass")
	e.send(MetricCheckLooks, float64(c.Failed), c.Name, "fail")
	e.send(MetricCheckLooks, float64(c.TimedOut), c.Name, "timeout")
	e.send(MetricCheckLate, float64(c.Late), c.Name)
	if !c.At.IsZero() {
		e.send(MetricCheckDuration, c.Took.Seconds(), c.Name)
	}
}

// tracks sends what checks do to a router. A check that the router and its sync
// group both track is one series.
func (e emitter) tracks(r *status.Router) {
	parts := make(map[string]float64)
	blocks := make(map[string]bool)
	for _, t := range r.Tracks {
		parts[t.Check] += float64(t.Part)
		blocks[t.Check] = blocks[t.Check] || t.Blocks
	}
	for name, part := range parts {
		e.send(MetricTrackPart, part, r.Name, name)
		e.send(MetricTrackBlocks, truth(blocks[name]), r.Name, name)
	}
}

// hooks sends what became of the hooks. Those of one name are one series.
func (e emitter) hooks(all []status.Hook) {
	sums := make(map[string]status.Hook)
	for _, h := range all {
		s := sums[h.Name]
		s.Ran += h.Ran
		s.Failed += h.Failed
		s.TimedOut += h.TimedOut
		s.Skipped += h.Skipped
		s.Waiting += h.Waiting
		s.Took = max(s.Took, h.Took)
		sums[h.Name] = s
	}
	for name, h := range sums {
		e.send(MetricHookRuns, float64(h.Ran-h.Failed), name, "ok")
		e.send(MetricHookRuns, float64(h.Failed-h.TimedOut), name, "fail")
		e.send(MetricHookRuns, float64(h.TimedOut), name, "timeout")
		e.send(MetricHookSkipped, float64(h.Skipped), name)
		e.send(MetricHookWaiting, float64(h.Waiting), name)
		if h.Ran > 0 {
			e.send(MetricHookDuration, h.Took.Seconds(), name)
		}
	}
}
