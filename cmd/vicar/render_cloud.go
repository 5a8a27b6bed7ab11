// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// moverRows are how routers' addresses stand in clouds; the heading alone if none
// moves there.
func moverRows(st status.Status) [][]cell {
	rows := [][]cell{heading("ROUTER", "MOVER", "MOVED", "HOLDER", "VERIFIED", "METADATA", "PACKET", "LAST TAKE-OVER")}
	for _, r := range st.Routers {
		for i := range r.Movers {
			m := &r.Movers[i]
			rows = append(rows, []cell{
				{text: r.Name},
				{text: m.Kind},
				movedCell(m),
				{text: clip(moverHolder(m), mostText)},
				verifiedCell(st.Now, m),
				{text: cmp.Or(m.Reflected, "-")},
				{text: cmp.Or(m.Probed, "-")},
				{text: timeline(m.Timeline)},
			})
		}
	}
	return rows
}

// movedCell is how many of the objects are this node's, and nothing of a standby,
// which has nothing to move.
func movedCell(m *status.Mover) cell {
	if !m.Wanted {
		return cell{text: "-"}
	}
	c := cell{text: fmt.Sprintf("%d/%d", m.Moved, len(m.Objects))}
	switch {
	case m.Wanted && m.Moved == len(m.Objects):
		c.colour = green
	case m.Wanted:
		c.colour = red
	}
	return c
}

// moverHolder is who has the objects, as the cloud names it.
func moverHolder(m *status.Mover) string {
	holders := make(map[string]bool)
	for _, o := range m.Objects {
		switch {
		case o.Mine:
			holders["this node"] = true
		case o.Dead:
			holders[o.Holder+" (dead)"] = true
		case o.Holder != "":
			holders[o.Holder] = true
		}
	}
	if len(holders) == 0 {
		return "-"
	}
	return strings.Join(slices.Sorted(maps.Keys(holders)), ", ")
}

// verifiedCell is how long ago the cloud showed the objects as wanted.
func verifiedCell(now time.Time, m *status.Mover) cell {
	switch {
	case m.Verified.IsZero():
		return cell{text: "-"}
	case m.Unverified != "":
		return cell{age(now.Sub(m.Verified)) + " ago", yellow}
	default:
		return cell{text: age(now.Sub(m.Verified)) + " ago"}
	}
}

// timeline is a take-over in short.
func timeline(t status.Timeline) string {
	var parts []string
	for _, phase := range []struct {
		name  string
		after time.Duration
	}{{"sent", t.Sent}, {"accepted", t.Accepted}, {"visible", t.Visible}, {"metadata", t.Reflected}, {"packet", t.Probed}} {
		if phase.after > 0 {
			parts = append(parts, phase.name+" "+took(phase.after))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "-")
}

// wrongClouds says what is not as it should be in clouds.
func wrongClouds(st status.Status) []string {
	var ws []string
	say := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	for _, r := range st.Routers {
		for i := range r.Movers {
			m := &r.Movers[i]
			if m.Wanted && m.Moved < len(m.Objects) {
				say("%s by %s: %d of %s moved: %s", r.Name, m.Kind, m.Moved, many(uint64(len(m.Objects)), "object"), clip(cmp.Or(m.Error, "under way"), mostText))
			}
			if m.Unverified != "" {
				say("%s by %s: the cloud can't be asked whether this node still has it: %s; nothing moves because of that alone", r.Name, m.Kind, clip(m.Unverified, mostText))
			}
			if m.Wanted && m.Probed == probedNo && answersHere(st, m.Peer) {
				say("%s by %s: a packet that %s sent to it has not arrived here", r.Name, m.Kind, cmp.Or(m.Peer, "a peer"))
			}
		}
	}
	ws = append(ws, wrongFindings(st.Findings)...)
	for _, s := range st.Signals {
		when := "soon"
		if !s.At.IsZero() {
			when = s.At.Format(time.RFC3339)
		}
		say("the cloud has announced %s of this machine for %s", s.Kind, when)
	}
	return ws
}

// wrongFindings says why routers could not be taken over. What several objects of a
// mover need alike is said once.
func wrongFindings(found []status.Finding) []string {
	type need struct{ mover, router, remedy, missing string }
	of := func(f status.Finding) need { return need{f.Mover, f.Router, f.Remedy, f.Missing} }
	count := make(map[need]int)
	for _, f := range found {
		if !f.OK {
			count[of(f)]++
		}
	}
	var ws []string
	for _, f := range found {
		n := count[of(f)]
		if f.OK || n == 0 {
			continue
		}
		delete(count, of(f))
		more := ""
		if n > 1 {
			more = fmt.Sprintf(", and %d more of the kind", n-1)
		}
		ws = append(ws, fmt.Sprintf("%s is not ready to take over%s: %s: %s%s%s", cmp.Or(f.Mover, "the cloud"), ofRouter(f), f.What, clip(f.Problem, mostText), more, remedy(f)))
	}
	return ws
}

// answersHere tells whether a node that was asked to send a packet is there: of one
// that has died since, a packet says nothing. Of one that is not known it is not told.
func answersHere(st status.Status, node string) bool {
	at := slices.IndexFunc(st.Fleet, func(n status.Node) bool { return n.Name == node })
	return at < 0 || st.Fleet[at].Joined && !st.Fleet[at].Quiet
}

// probedNo is status.Mover.Probed where the packet did not arrive.
const probedNo = "no"

func ofRouter(f status.Finding) string {
	if f.Router == "" {
		return ""
	}
	return " " + f.Router
}

// remedy says what to do about a finding.
func remedy(f status.Finding) string {
	text := ""
	if f.Remedy != "" {
		text = ": " + clip(f.Remedy, mostText)
	}
	if f.Missing != "" {
		text += " (missing: " + f.Missing + ")"
	}
	return text
}
