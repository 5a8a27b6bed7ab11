// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// ownerTracks warns of weights on an owner, whose priority does not move.
func (r *reader) ownerTracks(routers []router, groups []group) {
	for _, v := range routers {
		owner := ""
		for node, p := range v.Priority {
			if p == wire.PriorityOwner {
				owner = node
			}
		}
		if owner == "" {
			continue
		}
		tracks := slices.Clone(v.tracks)
		for _, g := range groups {
			if slices.Contains(g.Routers, v.Name) {
				tracks = append(tracks, g.tracks...)
			}
		}
		for _, t := range tracks {
			if !t.Fault() {
				r.warn(t.at, "the weight "+strings.TrimSuffix(t.String(), " reverse")+" of "+t.Check+" does not move "+owner+", which owns the addresses of "+v.Name,
					"255 stays 255; the weight fault takes it out")
			}
		}
	}
}

// untracked warns of checks that count nowhere.
func (r *reader) untracked(known knownChecks, routers []router, groups []group) {
	used := make(map[string]bool)
	for _, v := range routers {
		for _, t := range v.raw.Track.items {
			used[t.Check.v] = true
		}
	}
	for _, g := range groups {
		for _, t := range g.raw.Track.items {
			used[t.Check.v] = true
		}
	}
	for name, c := range known {
		if !used[name] {
			r.warn(c.key, "nobody tracks the check, so it is not run", "add "+name+" to track in a router or a sync group, or remove it")
		}
	}
}
