// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// ReportAWS is what moving in AWS comes to.
type ReportAWS struct {
	Region      string                `json:"region,omitempty"` // empty: the machine's
	RouteTables []string              `json:"route_tables,omitempty"`
	Routes      []ReportRoute         `json:"routes,omitempty"`      // by address, in the file's order
	Interfaces  map[string]string     `json:"interfaces,omitempty"`  // by node; others': as their metadata say
	Allocations map[netip.Addr]string `json:"allocations,omitempty"` // the Elastic IPs, by address
	Poll        time.Duration         `json:"poll_ns"`
	// Readiness is how often a standby looks whether it could take over, Weight what
	// its priority loses while it could not.
	Readiness time.Duration `json:"readiness_ns"`
	Weight    int           `json:"readiness_weight"`
}

// ReportRoute is a destination that follows the holder of an address.
type ReportRoute struct {
	Address netip.Addr   `json:"address"`
	To      netip.Prefix `json:"to"`
	Tables  []string     `json:"tables"`
}

func (c *Config) reportAWS() *ReportAWS {
	if c.AWS == nil {
		return nil
	}
	var routes []ReportRoute
	for _, a := range slices.SortedFunc(maps.Keys(c.AWS.Routes), netip.Addr.Compare) {
		for _, v := range c.AWS.Routes[a] {
			routes = append(routes, ReportRoute{Address: a, To: v.To, Tables: v.Tables})
		}
	}
	return &ReportAWS{
		Region: c.AWS.Region, RouteTables: c.AWS.RouteTables, Routes: routes, Interfaces: c.AWS.Interfaces, Allocations: c.AWS.Allocations, Poll: c.AWS.Poll,
		Readiness: c.AWS.Readiness, Weight: c.AWS.ReadinessWeight,
	}
}

// reportMove is how a router's addresses move, and nothing where that is the
// host's affair alone.
func reportMove(r Router) []string {
	if !r.Cloud() {
		return nil
	}
	names := make([]string, len(r.Move))
	for i, m := range r.Move {
		names[i] = string(m.Kind)
		if m.Kind == MoveExec {
			names[i] += " " + m.Exec[0]
		}
	}
	return names
}
