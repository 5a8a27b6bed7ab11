// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/status"
)

// fleetRows is the table of the nodes.
func fleetRows(st status.Status) [][]cell {
	head := heading("NODE", "ADDRESS", "LINK", "SINCE", "VERSION", "CONFIGURATION", "HOLDS", "ROLE")
	if st.Guard != nil {
		head = slices.Insert(head, 6, cell{"VOTE", bold})
	}
	rows := [][]cell{head}
	for _, n := range st.Fleet {
		row := []cell{
			{text: clip(n.Name, mostName)},
			{text: reachedAt(n)},
			linkCell(n),
			{text: since(st.Now, n.Since)},
			{text: cmp.Or(clip(n.Version, mostName), "-")},
			configCell(n),
			{text: holds(n)},
			roleCell(n),
		}
		if st.Guard != nil {
			row = slices.Insert(row, 6, voteCell(st, n.Name))
		}
		rows = append(rows, row)
	}
	return rows
}

func reachedAt(n status.Node) string {
	if !n.Address.IsValid() {
		return "-"
	}
	return n.Address.String()
}

func linkCell(n status.Node) cell {
	switch {
	case n.Here:
		return cell{text: "here"}
	case n.Quiet:
		return cell{"no answer", yellow}
	case n.Joined:
		return cell{"joined", green}
	default:
		return cell{"missing", red}
	}
}

func configCell(n status.Node) cell {
	switch {
	case n.Digest == "":
		return cell{text: "-"}
	case n.Differs:
		return cell{"differs", yellow}
	default:
		return cell{text: "same"}
	}
}

// holds is how many routers and sync groups a node is Active for, and was as far as
// it could tell.
func holds(n status.Node) string {
	if !n.Joined || n.Witness || n.Digest == "" && !n.Here { // the last has told nothing
		return "-"
	}
	active, told := 0, 0
	for _, r := range n.Resources {
		switch {
		case r.State != "Active":
			continue
		case !r.Stale:
			active++
		}
		told++
	}
	if told > active {
		return fmt.Sprintf("%d, was %d", active, told)
	}
	return strconv.Itoa(active)
}

func roleCell(n status.Node) cell {
	var roles []string
	colour := ""
	if !n.Configured {
		roles, colour = append(roles, "not configured"), yellow
	}
	if n.Witness {
		roles = append(roles, "witness")
	}
	if n.Drained {
		roles, colour = append(roles, "drained"), yellow
	}
	return cell{strings.Join(roles, ", "), colour}
}

// wrongFleet says what is not as it should be with the peer link and the other
// nodes. That a voter is missing is said where the votes are.
func wrongFleet(st status.Status) []string {
	var ws []string
	say := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	if st.PeerLink != nil && st.PeerLink.Error != "" {
		say("the peer link doesn't work: %s", clip(st.PeerLink.Error, mostText))
	}
	ws = append(ws, troubles(st)...)
	silent := st.Votes().Silent
	var mute []string
	for _, n := range st.Fleet {
		name, loss := n.Name, ": nothing can be handed over to it or by it"
		if n.Witness { // it has a vote, and no more
			name, loss = "the witness "+n.Name, ""
		}
		switch {
		case !n.Configured:
			say("%s is on the peer link, and not in this node's file: put it there and reload, or stop it (who should not have the key: change the keys)", clip(n.Name, mostName))
		case isMute(st, n.Name):
			mute = append(mute, n.Name)
		case !n.Joined && !slices.Contains(silent, n.Name):
			say("%s is not on the peer link%s", name, loss)
		case n.Quiet && !slices.Contains(silent, n.Name):
			say("%s has not answered on the peer link for %s%s", name, since(st.Now, n.Heard), loss)
		case n.Differs:
			say("%s runs another configuration (%s, here %s): bring the files in line and %s", n.Name, short(n.Digest), short(st.Digest), inForce(st))
		}
		for _, r := range n.Resources {
			if !n.Here && n.Joined && n.Configured && r.Unready {
				say("%s could not take over %s: vicar status there says why", clip(n.Name, mostName), resourceName(r.Name))
			}
		}
		if !n.Here {
			continue
		}
		for _, r := range n.Resources {
			if r.Unheard {
				say("%s: another node's lease runs, but its adverts don't reach this node: is something filtering VRRP?", resourceName(r.Name))
			}
		}
	}
	if len(mute) > 0 {
		say("%s on the peer link and never answered this node, which may not be in their files: put it there and reload", doOrDoes(mute, "is", "are"))
	}
	return ws
}

// inForce is what puts a file into force on this node.
func inForce(st status.Status) string {
	if len(st.NeedsRestart) > 0 {
		return "restart this node, as is said above: a reload is refused"
	}
	return "run vicar reload"
}

// pins says what stays where it is because somebody named the node.
func pins(st status.Status) []string {
	var ps []string
	for _, r := range st.Routers {
		if r.Pinned {
			ps = append(ps, pinned(r.Name, "this node", r.Name))
		}
	}
	for _, n := range st.Fleet {
		for _, r := range n.Resources {
			if router := inResource(st.Routers, r.Name); r.Pinned && !n.Here && n.Configured && r.State == "Active" && !r.Stale && router != "" {
				ps = append(ps, pinned(resourceName(r.Name), n.Name, router))
			}
		}
	}
	return ps
}

// inResource is a router of a resource, or empty if this node has none of it.
func inResource(routers []status.Router, resource string) string {
	for _, r := range routers {
		if r.Resource() == resource {
			return r.Name
		}
	}
	return ""
}

// resourceName is a router's name, or a sync group's with what it is.
func resourceName(resource string) string { return strings.TrimPrefix(resource, "router ") }

func pinned(what, node, router string) string {
	return fmt.Sprintf("%s was handed over to %s by name and stays there until that fails, or until: vicar handover %s --auto", what, node, router)
}
