// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/status"
)

// unlisted tells whether no list of voters is in force, so that there is no
// majority that could be lost.
func unlisted(g *status.Guard) bool { return g.MaxLease == 0 }

// changeLine is how far a change of the voters is, and what to do for its end.
func changeLine(st status.Status) string {
	g := st.Guard
	unreported := unreported(g)
	switch {
	case unlisted(g) && len(unreported) > 0:
		return beginning(st, unreported)
	case len(unreported) > 0:
		return "a change of the voters waits for " + strings.Join(laggards(st, unreported), "; and for ")
	default:
		return fmt.Sprintf("a change of the voters has been reported by all: it is in force in about %v", 2*g.MaxLease)
	}
}

// beginning is what a node waits for that has no list of voters.
func beginning(st status.Status, unreported []string) string {
	line := "a new cluster begins when this node has been there together with " + listed(unreported)
	if mute := slices.DeleteFunc(slices.Clone(unreported), func(name string) bool { return !isMute(st, name) }); len(mute) > 0 {
		line += "; but " + doOrDoes(mute, "is on the peer link and does not answer this node: its file may not have",
			"are on the peer link and do not answer this node: their files may not have") + " it, so put it there and reload"
	}
	return line
}

// laggards are the nodes that have not reported a change, with what to do.
func laggards(st status.Status, names []string) []string {
	var there, leaving, left, away []string
	for _, name := range names {
		stays := slices.ContainsFunc(st.Guard.Voters, func(v status.Voter) bool { return v.Name == name && v.Staged })
		switch n := nodeOf(st, name); {
		case stays && n.Joined && !n.Quiet:
			there = append(there, name)
		case stays:
			away = append(away, name)
		case n.Joined:
			leaving = append(leaving, name)
		default:
			left = append(left, name)
		}
	}
	var parts []string
	part := func(names []string, one, more string) {
		switch len(names) {
		case 0:
		case 1:
			parts = append(parts, names[0]+strings.ReplaceAll(one, "NODE", names[0]))
		default:
			parts = append(parts, listed(names)+more)
		}
	}
	part(there, ": reload the same file there", ": reload the same file there")
	part(away, ", which is not there: start it with the same file (if it is gone for good: vicar voters forget NODE)",
		", which are not there: start them with the same file (if one is gone for good: vicar voters forget NODE)")
	part(leaving, ", which is to go: stop it, then say vicar voters forget NODE", ", which are to go: stop them, then say vicar voters forget NODE for each")
	part(left, ", which is to go and is not there: say vicar voters forget NODE", ", which are to go and are not there: say vicar voters forget NODE for each")
	return parts
}

// nodeOf is a node as the peer link knows it.
func nodeOf(st status.Status, name string) status.Node {
	n := slices.IndexFunc(st.Fleet, func(n status.Node) bool { return n.Name == name })
	if n < 0 {
		return status.Node{}
	}
	return st.Fleet[n]
}

// isMute tells whether a node is on the peer link and has never answered there:
// its file does not have this node.
func isMute(st status.Status, name string) bool {
	n := nodeOf(st, name)
	return n.Joined && n.Quiet && n.Heard.IsZero()
}

// unreported are the nodes that a change of the voters waits for and that have not
// reported it.
func unreported(g *status.Guard) []string {
	return slices.DeleteFunc(slices.Clone(g.Waits), func(name string) bool {
		return slices.ContainsFunc(g.Voters, func(v status.Voter) bool { return v.Name == name && v.Ready })
	})
}
