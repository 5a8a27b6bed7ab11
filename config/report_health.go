// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// ReportDamping is a router's damping.
type ReportDamping struct {
	Moves  int           `json:"moves"`
	Within time.Duration `json:"within_ns"`
	Hold   time.Duration `json:"hold_ns"`
}

// ReportTrack is a check that moves a router or a sync group.
type ReportTrack struct {
	Check   string `json:"check"`
	Weight  int    `json:"weight"` // 0: a fault, or yielding
	Yield   bool   `json:"yield,omitempty"`
	Reverse bool   `json:"reverse,omitempty"`
}

// ReportGroup is a sync group.
type ReportGroup struct {
	Name    string        `json:"name"`
	Routers []string      `json:"routers"`
	Tracks  []ReportTrack `json:"track,omitempty"`
}

// ReportCheck is a check.
type ReportCheck struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Target is what is looked at, Targets the same by node where they differ.
	Target   string            `json:"target,omitempty"`
	Targets  map[string]string `json:"targets,omitempty"`
	Interval time.Duration     `json:"interval_ns"`
	Timeout  time.Duration     `json:"timeout_ns"`
	Rise     int               `json:"rise"`
	Fall     int               `json:"fall"`
}

// ReportHook is a hook.
type ReportHook struct {
	Name    string          `json:"name"` // the program or the URL
	On      []vip.EventKind `json:"on"`
	Routers []string        `json:"routers,omitempty"` // none: all
	Pools   []string        `json:"pools,omitempty"`   // none: all
}

// reportHealth adds what moves the routers and who is told.
func (c *Config) reportHealth(report *Report) {
	for _, g := range c.SyncGroups {
		report.SyncGroups = append(report.SyncGroups, ReportGroup{Name: g.Name, Routers: g.Routers, Tracks: reportTracks(g.Tracks)})
	}
	for _, v := range c.Checks {
		check := ReportCheck{Name: v.Name, Kind: v.kindName(), Interval: v.Interval, Timeout: v.Timeout, Rise: v.Rise, Fall: v.Fall}
		if v.Kinds == nil {
			check.Target = v.Kind.Target()
		} else {
			check.Targets = make(map[string]string, len(v.Kinds))
			for node, k := range v.Kinds {
				check.Targets[node] = k.Target()
			}
		}
		report.Checks = append(report.Checks, check)
	}
	for _, h := range c.Hooks {
		hook := ReportHook{Name: h.Webhook, On: h.On, Routers: h.Routers, Pools: h.Pools}
		if len(h.Exec) > 0 {
			hook.Name = h.Exec[0]
		}
		report.Hooks = append(report.Hooks, hook)
	}
}

func reportTracks(tracks []track.Track) []ReportTrack {
	var report []ReportTrack
	for _, t := range tracks {
		report = append(report, ReportTrack{Check: t.Check, Weight: t.Weight, Yield: t.Yield, Reverse: t.Reverse})
	}
	return report
}

func reportDamping(d Damping) *ReportDamping {
	if d == (Damping{}) {
		return nil
	}
	return &ReportDamping{Moves: d.Moves, Within: d.Within, Hold: d.Hold}
}
