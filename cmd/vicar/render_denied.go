// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/status"
)

// denial is a resource that voters don't grant as this node's file has it.
type denial struct {
	resource string
	by       []string // who would else answer
	reason   string   // status.Denied's; empty: not the same for all
}

// denials are those of all voters that answer, by resource.
func denials(st status.Status) []denial {
	if st.Guard == nil {
		return nil
	}
	silent := st.Votes().Silent
	var ds []denial
	for _, v := range st.Guard.Voters {
		if slices.Contains(silent, v.Name) {
			continue
		}
		for _, d := range v.Denies {
			i := slices.IndexFunc(ds, func(o denial) bool { return o.resource == d.Resource })
			if i < 0 {
				ds = append(ds, denial{resource: d.Resource, by: []string{v.Name}, reason: d.Reason})
				continue
			}
			ds[i].by = append(ds[i].by, v.Name)
			if ds[i].reason != d.Reason {
				ds[i].reason = ""
			}
		}
	}
	slices.SortStableFunc(ds, func(a, b denial) int { return cmp.Compare(a.resource, b.resource) })
	return ds
}

// wrongDenials says which voters don't grant what, and what is lost with that
// before a failure tells. Many resources have the same trouble at once.
func wrongDenials(st status.Status) []string {
	majority := st.Votes().Majority
	type key struct{ who, why string }
	var keys []key
	names := make(map[key][]string)
	for _, d := range denials(st) {
		loss := ""
		switch votes := st.VotesOn(d.resource); {
		case !majority: // it has been said
		case !votes.Majority:
			loss = ": too few voters are left that have the same as this node"
		default:
			loss = ": " + lossOf(votes)
		}
		k := key{doOrDoes(d.by, "doesn't grant", "don't grant"), "(" + deniedWords(d) + ")" + loss}
		if names[k] == nil {
			keys = append(keys, k)
		}
		names[k] = append(names[k], resourceName(d.resource))
	}
	var ws []string
	for _, k := range keys {
		ws = append(ws, k.who+" "+firstFew(names[k])+" "+k.why)
	}
	return ws
}

func deniedWords(d denial) string {
	file := "its file"
	if len(d.by) > 1 {
		file = "their files"
	}
	switch d.reason {
	case status.DeniedAddresses:
		return "other addresses in " + file
	case status.DeniedMissing:
		return "not in " + file
	default:
		return "not in " + file + ", or with other addresses"
	}
}

// reserved says that a majority is not one for all routers.
func reserved(st status.Status) string {
	if len(denials(st)) == 0 {
		return ""
	}
	return ", but not on all routers"
}

// grantsCell tells what a voter does not grant.
func grantsCell(st status.Status, v status.Voter) cell {
	switch {
	case slices.Contains(st.Votes().Silent, v.Name) && v.Name != st.Node:
		return cell{text: "-"}
	case len(v.Denies) == 0:
		return cell{text: "all"}
	}
	const most = 2
	var names []string
	for _, d := range v.Denies[:min(most, len(v.Denies))] {
		names = append(names, resourceName(d.Resource))
	}
	text := "not " + strings.Join(names, ", ")
	if n := len(v.Denies) - most; n > 0 {
		text += fmt.Sprintf(" +%d", n)
	}
	return cell{text, yellow}
}
