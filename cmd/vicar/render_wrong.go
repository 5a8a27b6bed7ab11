// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// wrongs says what is not as it should be at this moment.
func wrongs(st status.Status) []string {
	ws := slices.Concat(wrongVoters(st), wrongDenials(st), wrongGuard(st))
	say := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	if len(st.NeedsRestart) > 0 {
		differs := make(needsRestart, len(st.NeedsRestart))
		for n, d := range st.NeedsRestart {
			differs[n] = clip(d, mostText)
		}
		say("a reload was refused: %v", differs)
	}
	for _, r := range st.Routers {
		if r.State == "Initialize" && !st.Drained {
			say("%s takes no part in the election: %s", r.Name, r.Reason)
		}
		switch active := r.State == "Active"; {
		case active && r.HeldError != "":
			say("%s is Active but can't get its addresses: %s", r.Name, r.HeldError)
		case active && !r.Held:
			say("%s is Active but its addresses are not here yet", r.Name)
		case r.HeldError != "":
			say("%s is %s but can't give up its addresses: %s", r.Name, r.State, r.HeldError)
		case !active && r.Held:
			say("%s is %s but its addresses are still here", r.Name, r.State)
		}
		if r.Keeps != "" {
			say("%s yields and is Active all the same: %s", r.Name, clip(r.Keeps, mostText))
		}
		if r.Stray != "" {
			say("%s is %s, but %s", r.Name, r.State, r.Stray)
		}
		ws = append(ws, wrongElections(st.Now, r)...)
	}
	ws = append(ws, wrongLeases(st)...)
	ws = append(ws, wrongClouds(st)...)
	ws = append(ws, wrongPools(st)...)
	ws = append(ws, wrongFleet(st)...)
	ws = append(ws, wrongChecks(st)...)
	ws = append(ws, wrongHooks(st)...)
	for _, l := range st.Links {
		switch {
		case !l.Up && l.Error != "":
			say("%s is down: %s", linkName(l), l.Error)
		case !l.Up:
			say("%s is down", linkName(l))
		case l.Error != "":
			say("%s: %s", linkName(l), l.Error)
		}
	}
	return ws
}

// wrongElections says what is not as it should be in a router's families.
func wrongElections(now time.Time, r status.Router) []string {
	recent := max(10*r.Interval, 5*time.Second)
	var ws []string
	var heard bool
	for _, e := range r.Engines {
		heard = heard || now.Sub(e.Heard) < recent
	}
	for _, e := range r.Engines {
		if rivalled(now, r, e) {
			ws = append(ws, fmt.Sprintf("%s IPv%d: %s believes that it is Active too, and was heard %s ago",
				r.Name, e.Family, e.Rival, age(now.Sub(e.RivalAt))))
		}
		if r.State == "Backup" && heard && now.Sub(e.Heard) >= recent {
			ws = append(ws, fmt.Sprintf("%s IPv%d hears nothing, while its other family does: is protocol 112 filtered?",
				r.Name, e.Family))
		}
	}
	return ws
}

// rivalled tells whether another node is Active beside this one now. One that
// stays is heard each interval. One that this node has just taken over from, and
// that gives way as soon as it hears of it, is none.
func rivalled(now time.Time, r status.Router, e status.Engine) bool {
	gone := max(3*r.Interval, time.Second)
	return e.State == "Active" && !e.RivalAt.IsZero() &&
		now.Sub(e.RivalAt) < gone && e.RivalAt.Sub(r.Since) >= r.Interval
}

func linkName(l status.Link) string {
	return fmt.Sprintf("%s IPv%d %s", l.Interface, l.Family, l.Mode)
}
