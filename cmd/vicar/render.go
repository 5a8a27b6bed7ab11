// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// renderStatus is a status for people: a table of the routers, and below what
// is wrong and what was counted, if anything.
func renderStatus(st status.Status, p paint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in cluster %s, up %s, configuration %s, vicar %s\n",
		p.text(bold, st.Node), st.Cluster, age(st.Now.Sub(st.Started)), short(st.Digest), st.Version)
	if len(st.Routers) == 0 {
		b.WriteString("\nThe configuration has no routers.\n")
	} else {
		b.WriteString("\n" + table(p, routerRows(st)))
	}
	if wrong := wrongs(st); len(wrong) > 0 {
		b.WriteString("\n" + p.text(bold, "Wrong now") + "\n")
		for _, w := range wrong {
			b.WriteString("  " + p.text(red, w) + "\n")
		}
	}
	if counted := counts(st); len(counted) > 0 {
		b.WriteString("\n" + p.text(bold, "Seen since the start") + "\n")
		for _, c := range counted {
			b.WriteString("  " + c + "\n")
		}
	}
	return b.String()
}

// short is enough of a digest to tell two apart.
func short(digest string) string { return digest[:min(12, len(digest))] }

func routerRows(st status.Status) [][]cell {
	rows := [][]cell{heading("ROUTER", "STATE", "HELD", "TERM", "PRIORITY", "INTERFACE", "ADDRESSES", "SINCE", "HOLDER", "REASON")}
	for _, r := range st.Routers {
		priority := strconv.Itoa(r.Priority)
		if r.Priority != r.Base {
			priority += fmt.Sprintf(" (of %d)", r.Base)
		}
		rows = append(rows, []cell{
			{text: r.Name},
			stateCell(r), heldCell(r),
			{text: strconv.FormatUint(r.Term, 10)},
			{text: priority},
			{text: r.Interface},
			{text: addresses(r)},
			{text: age(st.Now.Sub(r.Since))},
			{text: holderOf(st.Node, r)},
			{text: r.Reason},
		})
	}
	return rows
}

// holderOf is who holds the router's addresses as far as this node knows.
func holderOf(self string, r status.Router) string {
	if r.State == "Active" {
		return self
	}
	for _, e := range r.Engines {
		if e.State == "Backup" && e.Active.IsValid() {
			return e.Active.String()
		}
	}
	return "-"
}

func stateCell(r status.Router) cell {
	switch r.State {
	case "Active":
		return cell{r.State, green}
	case "Backup":
		return cell{r.State, ""}
	default:
		return cell{r.State, red}
	}
}

func heldCell(r status.Router) cell {
	c := cell{text: "no"}
	if r.Held {
		c.text = "yes"
	}
	if r.Held != (r.State == "Active") {
		c.colour = yellow
	}
	return c
}

// addresses lists the first two and how many more there are.
func addresses(r status.Router) string {
	const most = 2
	all := slices.Concat(r.Addresses, r.Exclude)
	var names []string
	for _, a := range all[:min(most, len(all))] {
		names = append(names, a.String())
	}
	text := strings.Join(names, ", ")
	if len(all) > most {
		text += fmt.Sprintf(" +%d", len(all)-most)
	}
	return text
}

// wrongs says what is not as it should be at this moment.
func wrongs(st status.Status) []string {
	var ws []string
	say := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	for _, r := range st.Routers {
		if r.State == "Initialize" {
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
		if r.Stray != "" {
			say("%s is %s, but %s", r.Name, r.State, r.Stray)
		}
		ws = append(ws, wrongElections(st.Now, r)...)
	}
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
		if !e.RivalAt.IsZero() && now.Sub(e.RivalAt) < recent {
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

// counts says what happened that should not happen.
func counts(st status.Status) []string {
	var cs []string
	say := func(format string, args ...any) { cs = append(cs, fmt.Sprintf(format, args...)) }
	for _, r := range st.Routers {
		for _, e := range r.Engines {
			if n := sum(e.Dropped); n > 0 {
				say("%s IPv%d dropped %s: %s", r.Name, e.Family, many(n, "advert"), list(e.Dropped))
			}
			if n := sum(e.Notices); n > 0 {
				say("%s IPv%d noticed: %s", r.Name, e.Family, list(e.Notices))
			}
		}
		if r.Restored > 0 {
			say("%s put back %s that somebody had removed", r.Name, manyOf(r.Restored, "address", "addresses"))
		}
	}
	for _, l := range st.Links {
		if n := sum(l.Dropped); n > 0 {
			say("%s dropped %s that fit no router: %s", linkName(l), many(n, "packet"), list(l.Dropped))
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

func linkName(l status.Link) string {
	return fmt.Sprintf("%s IPv%d %s", l.Interface, l.Family, l.Mode)
}

// list is the counts by name, those that are not zero.
func list(m map[string]uint64) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
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

// age is a duration as people say it: its two largest units.
func age(d time.Duration) string {
	d = max(d, 0)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	}
}
