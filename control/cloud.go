// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// movers sends how a router's addresses stand in clouds.
func (e emitter) movers(r *status.Router) {
	for i := range r.Movers {
		m := &r.Movers[i]
		e.send(MetricMoverHeld, truth(m.Wanted && m.Moved == len(m.Objects)), r.Name, m.Kind)
		e.send(MetricMoverObjects, float64(len(m.Objects)), r.Name, m.Kind)
		e.send(MetricMoverMoved, float64(m.Moved), r.Name, m.Kind)
		if !m.Verified.IsZero() {
			e.send(MetricMoverVerified, float64(m.Verified.UnixMilli())/1e3, r.Name, m.Kind)
		}
		e.send(MetricMoverUnverified, truth(m.Unverified != ""), r.Name, m.Kind)
		e.send(MetricMoverTakenBack, float64(m.TakenBack), r.Name, m.Kind)
		e.each(MetricMoverCalls, m.Calls, r.Name, m.Kind)
		e.each(MetricMoverFailures, m.Failures, r.Name, m.Kind)
		t := m.Timeline
		for phase, after := range map[string]time.Duration{
			"sent": t.Sent, "accepted": t.Accepted, "visible": t.Visible, "reflected": t.Reflected, "probed": t.Probed,
		} {
			if after > 0 {
				e.send(MetricMoverPhase, after.Seconds(), r.Name, m.Kind, phase)
			}
		}
	}
}

// cloud sends what the cloud says of this node, if a router moves in one.
func (e emitter) cloud(st *status.Status) {
	if !slices.ContainsFunc(st.Routers, func(r status.Router) bool { return len(r.Movers) > 0 }) {
		return
	}
	e.send(MetricCloudReady, truth(!slices.ContainsFunc(st.Findings, func(f status.Finding) bool { return !f.OK })))
	e.send(MetricCloudSignals, float64(len(st.Signals)))
}
