// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/vicar-ha/vicar/status"
)

// renderStatus is a status for people: tables of the routers, the nodes and the pools, how
// the guard stands and what priorities are made of, then what is wrong, the
// checks, and what was counted, if there is any.
func renderStatus(st status.Status, p paint) string {
	var b strings.Builder
	section := func(title, colour string, lines []string) {
		if len(lines) == 0 {
			return
		}
		b.WriteString("\n" + p.text(bold, title) + "\n")
		for _, l := range lines {
			b.WriteString("  " + p.text(colour, l) + "\n")
		}
	}
	fmt.Fprintf(&b, "%s in cluster %s, up %s, configuration %s, vicar %s\n",
		p.text(bold, st.Node), st.Cluster, age(st.Now.Sub(st.Started)), short(st.Digest), st.Version)
	if st.Drained {
		b.WriteString(p.text(yellow, "It is drained and takes no part in the elections until: vicar undrain") + "\n")
	}
	switch {
	case len(st.Routers) > 0:
		b.WriteString("\n" + table(p, routerRows(st)))
	case witnesses(st) && st.Guard == nil:
		b.WriteString("\nThis node is a witness, which has nothing to do without a guard: it holds no address.\n")
	case witnesses(st):
		b.WriteString("\nThis node is a witness: it votes on leases and holds no address.\n")
	case len(st.Pools) == 0:
		b.WriteString("\nThe configuration has no routers.\n")
	}
	if len(st.Fleet) > 0 {
		b.WriteString("\n" + table(p, fleetRows(st)))
	}
	if rows := moverRows(st); len(rows) > 1 {
		b.WriteString("\n" + table(p, rows))
	}
	if pools := poolTables(st, p, false); pools != "" {
		b.WriteString("\n" + pools)
	}
	section("Guard", "", guardLines(st))
	section("Priorities", "", priorities(st))
	section("Wrong now", red, wrongs(st))
	section("Waiting", yellow, waits(st))
	if rows, rest := checkRows(st, p); len(st.Checks) > 0 {
		b.WriteString("\n")
		if len(rows) > 1 {
			b.WriteString(table(p, rows))
		}
		for _, r := range rest {
			b.WriteString(r + "\n")
		}
	}
	section("Seen since the start", "", counts(st))
	return b.String()
}

// witnesses tells whether this node is a witness.
func witnesses(st status.Status) bool {
	return slices.ContainsFunc(st.Fleet, func(n status.Node) bool { return n.Here && n.Witness })
}

// short is enough of a digest to tell two apart.
func short(digest string) string { return digest[:min(12, len(digest))] }

func routerRows(st status.Status) [][]cell {
	head := heading("ROUTER", "STATE", "HELD", "TERM", "PRIORITY", "INTERFACE", "ADDRESSES", "SINCE", "HOLDER", "REASON")
	grouped := slices.ContainsFunc(st.Routers, func(r status.Router) bool { return r.SyncGroup != "" })
	if grouped {
		head = slices.Insert(head, 1, cell{"GROUP", bold})
	}
	leased := slices.ContainsFunc(st.Routers, func(r status.Router) bool { return r.Lease != nil })
	if leased {
		head = slices.Insert(head, len(head)-1, cell{"LEASE", bold})
	}
	rows := [][]cell{head}
	for _, r := range st.Routers {
		priority := strconv.Itoa(r.Priority)
		if r.Priority != r.Base {
			priority += fmt.Sprintf(" (of %d)", r.Base)
		}
		row := []cell{
			{text: r.Name},
			stateCell(r), heldCell(r),
			{text: strconv.FormatUint(r.Term, 10)},
			{text: priority},
			{text: r.Interface},
			{text: addresses(r)},
			{text: age(st.Now.Sub(r.Since))},
			{text: holderCell(r)},
			{text: r.Reason},
		}
		if grouped {
			row = slices.Insert(row, 1, cell{text: r.SyncGroup})
		}
		if leased {
			row = slices.Insert(row, len(row)-1, leaseCell(st.Now, r))
		}
		rows = append(rows, row)
	}
	return rows
}

// holderCell is who holds the router's addresses as far as this node knows.
func holderCell(r status.Router) string {
	switch {
	case r.Holder == "":
		return "-"
	case r.HolderPriority == 0:
		return r.Holder
	default:
		return fmt.Sprintf("%s (%d)", r.Holder, r.HolderPriority)
	}
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

// clip is s on one line of at most n characters. What comes from elsewhere, as
// a server's answer does, doesn't get to steer the terminal.
func clip(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
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
