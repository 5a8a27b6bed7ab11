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

// effect is what a check does to the routers now.
type effect struct {
	texts []string
	// reversed tells that all tracks of the check are: that it fails is as it
	// should be.
	reversed bool
	costs    bool // priority, or a part in the election
}

// checkEffects is what the checks do to the routers now.
func checkEffects(routers []status.Router) map[string]effect {
	effects := make(map[string]effect)
	for _, r := range routers {
		for _, t := range r.Tracks {
			e, seen := effects[t.Check]
			e.reversed = t.Reverse && (e.reversed || !seen)
			switch {
			case t.Blocks:
				e.texts = append(e.texts, r.Name+" fault")
				e.costs = true
			case t.Yields:
				e.texts = append(e.texts, r.Name+" yields")
				e.costs = true
			case r.Base == track.OwnerPriority:
			case t.Part != 0:
				e.texts = append(e.texts, r.Name+" "+signed(t.Part))
				e.costs = e.costs || t.Part < 0
			case t.Weight > 0 && !t.Reverse && t.State != track.Passing.String():
				e.texts = append(e.texts, r.Name+" without "+signed(t.Weight))
			}
			effects[t.Check] = e
		}
	}
	return effects
}

// wrongChecks says which checks are not as they should be, why, and what that
// does.
func wrongChecks(st status.Status) []string {
	effects := checkEffects(st.Routers)
	var ws []string
	rest := 0
	for _, c := range st.Checks {
		e := effects[c.Name]
		w := wrongCheck(st.Now, c, e)
		if w == "" {
			continue
		}
		if len(ws) == mostChecks {
			rest++
			continue
		}
		if len(e.texts) > 0 {
			w += " (" + firstFew(e.texts) + ")"
		}
		if c.Cause != "" {
			w += ": " + clip(c.Cause, mostText)
		}
		ws = append(ws, w)
	}
	if rest > 0 {
		ws = append(ws, manyOf(uint64(rest), "more check is not as it should be", "more checks are not as they should be"))
	}
	return ws
}

func wrongCheck(now time.Time, c status.Check, e effect) string {
	switch passing := c.State == track.Passing.String(); {
	case passing && e.reversed && e.costs:
		return fmt.Sprintf("check %s has passed for %s, and is tracked in reverse", c.Name, since(now, c.Since))
	case passing:
		return ""
	case c.State == track.Undecided.String():
		return fmt.Sprintf("check %s has no result yet", c.Name)
	case e.reversed:
		return ""
	default:
		return fmt.Sprintf("check %s has failed for %s", c.Name, since(now, c.Since))
	}
}

// firstFew lists the first few and how many more there are.
func firstFew(all []string) string {
	const most = 3
	s := strings.Join(all[:min(most, len(all))], ", ")
	if len(all) > most {
		s += fmt.Sprintf(" +%d", len(all)-most)
	}
	return s
}

// recentFailure is how long a hook's last error is shown as wrong now.
const recentFailure = 10 * time.Minute

func wrongHooks(st status.Status) []string {
	var ws []string
	for _, h := range st.Hooks {
		if h.Error != "" && st.Now.Sub(h.At) < recentFailure {
			ws = append(ws, fmt.Sprintf("hook %s failed %s ago: %s", clip(h.Name, mostName), since(st.Now, h.At), clip(h.Error, mostText)))
		}
	}
	return ws
}
