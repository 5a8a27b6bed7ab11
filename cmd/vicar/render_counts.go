// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// counts says what happened that should not happen.
func counts(st status.Status) []string {
	var cs []string
	say := func(format string, args ...any) { cs = append(cs, fmt.Sprintf(format, args...)) }
	for _, r := range st.Routers {
		for _, e := range r.Engines {
			if n := sum(e.Dropped); n > 0 {
				say("%s IPv%d dropped %s: %s", r.Name, e.Family, many(n, "advert"), list(e.Dropped, dropped))
			}
			if n := sum(e.Notices); n > 0 {
				say("%s IPv%d found %s odd: %s", r.Name, e.Family, many(n, "advert"), list(e.Notices, noticed))
			}
		}
		if r.Restored > 0 {
			say("%s put back %s that somebody had removed from this host", r.Name, manyOf(r.Restored, "address", "addresses"))
		}
		for i := range r.Movers {
			if m := &r.Movers[i]; m.TakenBack > 0 {
				say("%s by %s took back %s that others had taken%s", r.Name, m.Kind, many(m.TakenBack, "object"), lastBy(m.TakenFrom))
			}
		}
	}
	cs = append(cs, countsCluster(st)...)
	cs = append(cs, countsPools(st)...)
	cs = append(cs, lateChecks(slices.Concat(st.Checks, st.PoolChecks))...)
	for _, h := range st.Hooks {
		if h.Failed > 0 {
			timedOut := ""
			if h.TimedOut > 0 {
				timedOut = fmt.Sprintf(", %d of them by time-out", h.TimedOut)
			}
			say("hook %s failed in %d of %s%s", clip(h.Name, mostName), h.Failed, many(h.Ran, "run"), timedOut)
		}
	}
	for _, l := range st.Links {
		if n := sum(l.Dropped); n > 0 {
			say("%s dropped %s that fit no router: %s", linkName(l), many(n, "packet"), list(l.Dropped, dropped))
		}
		if l.SendFails > 0 {
			say("%s could not send %s", linkName(l), many(l.SendFails, "packet"))
		}
	}
	if st.Loop.Stalls > 0 {
		say("the agent was held up and stepped down %s (at worst %s late)", many(st.Loop.Stalls, "time"), st.Loop.LateMax.Round(time.Millisecond))
	}
	return cs
}

// lastBy says who took something last, if that is known: a route that was deleted
// is nobody's.
func lastBy(holder string) string {
	if holder == "" {
		return ""
	}
	return fmt.Sprintf(" (last: %s)", clip(holder, mostName))
}

// list is the counts by name, those that are not zero, in words.
func list(m map[string]uint64, words func(string) string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[k], words(k)))
		}
	}
	return strings.Join(parts, ", ")
}

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

func many(n uint64, what string) string { return manyOf(n, what, what+"s") }

func manyOf(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
