// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

// cloudSummary is what moves routers' addresses, in which order and through what; and
// nothing where all are the hosts' affair alone.
func cloudSummary(r config.Report, p paint) string {
	rows := [][]cell{heading("ROUTER", "MOVED BY", "THROUGH")}
	for _, router := range r.Routers {
		for i, by := range router.Move {
			name := router.Name
			if i > 0 {
				name = ""
			}
			rows = append(rows, []cell{{text: name}, {text: fmt.Sprintf("%d. %s", i+1, by)}, {text: through(r, router, by)}})
		}
	}
	if len(rows) == 1 {
		return ""
	}
	return "\n" + table(p, rows) + alongSummary(r.AWS) + awsSummary(r.AWS)
}

// alongSummary is what moves along with addresses.
func alongSummary(a *config.ReportAWS) string {
	if a == nil {
		return ""
	}
	var b strings.Builder
	for _, v := range a.Routes {
		fmt.Fprintf(&b, "%s follows %s in %s\n", v.To, v.Address, several(v.Tables))
	}
	return b.String()
}

// through is what a mover writes to.
func through(r config.Report, router config.ReportRouter, by string) string {
	if r.AWS == nil {
		return ""
	}
	switch config.MoverKind(by) {
	case config.MoveAWSRoute:
		return several(r.AWS.RouteTables)
	case config.MoveAWSSecondaryIP:
		return several(interfacesOf(r))
	case config.MoveAWSEIP:
		var all []string
		for _, a := range slices.Concat(router.Addresses, router.Exclude) {
			if id := r.AWS.Allocations[a.Addr()]; id != "" {
				all = append(all, id+" of "+a.Addr().String())
			}
		}
		return several(all)
	default:
		return ""
	}
}

// interfacesOf are the nodes' network interfaces, as far as the file names them.
func interfacesOf(r config.Report) []string {
	var all []string
	for _, n := range r.Nodes {
		if !n.Witness {
			all = append(all, cmp.Or(r.AWS.Interfaces[n.Name], n.Name+"'s as its metadata say"))
		}
	}
	return all
}

// awsSummary is how AWS is looked at.
func awsSummary(a *config.ReportAWS) string {
	if a == nil {
		return ""
	}
	loses := strconv.Itoa(-a.Weight) + " of"
	if -a.Weight == track.MaxWeight {
		loses = "all of"
	}
	return fmt.Sprintf("AWS in %s: a holder looks each %v whether it has them still, a standby each %v whether it could take over, and loses %s its priority while it could not\n",
		cmp.Or(a.Region, "the machine's region"), a.Poll, a.Readiness, loses)
}
